"""An import does what the file says, once, wholly or not at all, and tells what it changes without telling a secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from idp.domain.account import AccountStatus
from idp.domain.client import Client
from idp.outbound import Answer, OutboundBusy, OutboundClient
from idp.protocol.client_metadata.policy import Policy
from idp.storage import accounts, client_logos, clients, initial_access_tokens, sessions, signing_keys
from idp.storage.accounts import Identifier
from tests.assertions import AssertionKey
from tests.idp.configuration.conftest import CLIENTS, PERSON, SECRETS, TOKEN, Run, everything
from tests.proofs import encoded

Write = Callable[..., str]
Work = Callable[[], Any]
UPSTREAM: dict[str, Any] = {
    "name": "national",
    "label": {"zh": "国家"},
    "issuer": "https://national.example",
    "client_id": "region",
    "assurance": {"cap": 3, "levels": {}},
}
FOREIGN_HASH = "$argon2id$v=19$m=8192,t=1,p=1$"


def client_of(work: Work, client_id: str = "portal") -> Client:
    with work() as context:
        found = clients.find_even_disabled(context.db, client_id)
    assert found is not None
    return found


def credentials_of(work: Work, kind: str = "username", value: str = "aygul") -> Any:
    with work() as context:
        return accounts.find_credentials(context.db, context.vault, Identifier(kind, value), context.now)


def test_everything_in_the_file_is_there_afterwards_and_a_second_time_changes_nothing(
    both_engines: str, run: Run, write: Write, work: Work, provider: Any
) -> None:
    path = write(everything())
    first = run("import", path)
    assert first.exit_code == 0, first.output
    for line in ("+ clients[portal]", "+ people[aygul]", "+ initial_access_tokens[partners]"):
        assert line in first.output.splitlines()
    portal, kiosk = client_of(work), client_of(work, CLIENTS[1]["client_id"])
    assert portal.check_client_secret(CLIENTS[0]["client_secret"]) and portal.is_first_party and portal.is_active
    assert portal.localized_name("en") == "Portal" and not kiosk.is_active
    for kind in ("username", "phone", "id_number"):
        found = credentials_of(work, kind, PERSON[kind])
        assert provider.passwords.verify(found.password_hash, PERSON["password"])
        assert (found.level, found.account.level, found.account.locale) == (3, 3, "zh")
        assert found.account.claims["phone_number"] == "+8613800138000"
        assert found.account.claims["id_type"] == "resident_id"
    with work() as context:
        token = initial_access_tokens.find(context.db, TOKEN["token"], context.now)
        assert token is not None and Policy.of(token.policy).openings == ("request_without_pkce",)
    second = run("import", path)
    assert second.exit_code == 0 and second.output == "nothing to change\n"


def test_a_dry_run_tells_what_would_change_and_changes_nothing(run: Run, write: Write, work: Work) -> None:
    path = write(everything())
    told = run("import", path, "--dry-run").output
    with work() as context:
        assert clients.find_even_disabled(context.db, "portal") is None
    assert credentials_of(work) is None
    assert '+ clients[portal].redirect_uris = ["https://portal.example/callback"]' in told
    assert "+ clients[portal].client_secret_hash (not shown)" in told
    for secret in (*SECRETS, "阿依古丽", "aygul@example.com", PERSON["phone"], PERSON["id_number"]):
        assert secret not in told
    run("import", path)
    changed = everything()
    changed["clients"][0] |= {"scope": "openid", "client_secret": "another-secret-0123456789abcdef0123456789abc"}
    del changed["clients"][0]["client_name#en"]
    changed["clients"][0]["policy_uri"] = "https://portal.example/policy"
    changed["people"][0]["claims"] |= {"email": "new@example.com"}
    told = run("import", write(changed), "--dry-run").stdout
    assert told.splitlines() == [
        '- clients[portal].client_name#en = "Portal"',
        "~ clients[portal].client_secret_hash (not shown)",
        '+ clients[portal].policy_uri = "https://portal.example/policy"',
        '~ clients[portal].scope: "openid profile offline_access" -> "openid"',
        "~ people[aygul].claims.email (not shown)",
    ]
    assert client_of(work).metadata["scope"] == "openid profile offline_access"


def test_what_differs_is_changed_and_the_rest_stays(run: Run, write: Write, work: Work, provider: Any) -> None:
    run("import", write(everything()))
    subject = credentials_of(work).account.subject
    changed = everything()
    del changed["clients"][0]["client_secret"]
    changed["clients"][0]["client_name"] = "新门户"
    changed["people"] = [
        {"subject": subject, "username": "aygul2", "locale": "en", "password": "Kashgar-walls-of-clay"}
    ]
    del changed["initial_access_tokens"]
    assert run("import", write(changed)).exit_code == 0
    portal = client_of(work)
    assert portal.name == "新门户" and portal.check_client_secret(CLIENTS[0]["client_secret"])
    person = credentials_of(work, value="aygul2")
    assert person.account.subject == subject and person.account.claims["email"] == "aygul@example.com"
    assert (person.level, person.account.locale) == (3, "en")
    assert provider.passwords.verify(person.password_hash, "Kashgar-walls-of-clay")
    with work() as context:
        assert initial_access_tokens.find(context.db, TOKEN["token"], context.now) is not None


@pytest.mark.parametrize(
    ("table", "entry", "told"),
    [
        ("clients", {"client_id": "x", "redirect_urls": []}, "clients[x].redirect_urls: "),
        ("clients", {"client_id": "x", "redirect_uris": ["https://rp.example/#f"]}, "clients[x].redirect_uris: "),
        (
            "clients",
            {"client_id": "x", "redirect_uris": ["https://rp.example/"]},
            "clients[x].client_secret: is needed",
        ),
        (
            "clients",
            {"client_id": "x", "redirect_uris": ["https://rp.example/"], "client_secret": "s" * 32}
            | {"token_endpoint_auth_method": "none"},
            "clients[x].client_secret: none has none",
        ),
        (
            "clients",
            {"client_id": "x", "redirect_uris": ["https://rp.example/"], "client_secret_hash": "0" * 64}
            | {"token_endpoint_auth_method": "client_secret_jwt"},
            "clients[x].client_secret: is needed by client_secret_jwt",
        ),
        ("people", {"username": "bilal", "password": "password1234"}, "people[bilal].password: common"),
        ("people", {"username": "bilal", "phone": PERSON["phone"]}, "phone"),
        (
            "people",
            {"username": "bilal", "phone": "13900139000", "claims": {"phone_number": "+8613700137000"}},
            "people[bilal].claims.phone_number: is not the person's phone",
        ),
        (
            "initial_access_tokens",
            {"label": "x", "token": "t" * 32, "scope": "openid cars"},
            "initial_access_tokens[x].scope",
        ),
        ("signing_keys", {"kid": "x", "alg": "ES256"}, "signing_keys[x].private_key: is needed"),
        ("signing_keys", {"kid": "x", "alg": "ES256", "private_key": "{"}, "signing_keys[x].private_key: is no JSON"),
        ("signing_keys", {"kid": "x", "alg": "ES256", "private_key": "{}"}, "private_key: is no private JWK"),
        ("signing_keys", {"kid": "x", "alg": "ES256", "private_key": "tongxing-sealed:x"}, "another master key"),
    ],
)
def test_a_file_with_one_mistake_changes_nothing(
    run: Run, write: Write, work: Work, table: str, entry: dict[str, Any], told: str
) -> None:
    document = everything()
    document.setdefault(table, []).append(entry)
    refused = run("import", write(document))
    assert refused.exit_code == 1 and "nothing is imported" in refused.output
    assert told in refused.output
    assert credentials_of(work) is None
    with work() as context:
        assert clients.list_all(context.db) == []


def test_what_fails_in_the_middle_leaves_nothing_behind(
    both_engines: str, run: Run, write: Write, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(*_: Any, **__: Any) -> None:
        raise accounts.AccountExists

    monkeypatch.setattr(accounts, "add", taken)
    refused = run("import", write(everything()))
    assert refused.exit_code == 1 and "belongs to somebody else meanwhile" in refused.output
    with work() as context:
        assert clients.list_all(context.db) == []


def test_a_client_moves_with_the_time_it_was_registered_at(run: Run, write: Write, work: Work) -> None:
    """RFC 7591 §3.2.1: client_id_issued_at."""
    issued_at = datetime(2024, 2, 29, tzinfo=UTC)
    document = everything()
    document["clients"][0]["client_id_issued_at"] = int(issued_at.timestamp())
    run("import", write(document))
    assert client_of(work).created_at == issued_at
    assert run("import", write(document)).output == "nothing to change\n"
    del document["clients"][0]["client_id_issued_at"]
    document["clients"][0]["scope"] = "openid"
    run("import", write(document))
    assert client_of(work).created_at == issued_at
    assert f"client_id_issued_at = {int(issued_at.timestamp())}" in run("export", "--only", "clients").stdout


def test_nobody_takes_what_belongs_to_another(run: Run, write: Write, add_person: Callable[..., Any]) -> None:
    add_person(username="bilal", phone="13900139000")
    add_person(username="chen")
    for entry, told in (
        ({"username": "chen", "phone": "13900139000"}, "people[chen].phone: belongs to another person"),
        ({"username": "chen", "subject": "made-up"}, "people[chen].subject: the person has another one"),
        ({"username": "bilal", "claims": {"name": "毕"}}, "people[bilal].phone: must be given"),
    ):
        assert told in run("import", write({"people": [entry]})).output


def test_two_entries_do_not_mean_one_person(run: Run, write: Write, add_person: Callable[..., Any]) -> None:
    """Each would undo the other, at every import."""
    person = add_person(username="bilal", phone="13900139000")
    for other in ({"subject": person.subject}, {"phone": "13900139000"}):
        document = {"people": [{"username": "bilal", "locale": "en"}, other | {"locale": "zh"}]}
        refused = run("import", write(document))
        assert refused.exit_code == 1 and ": is the same person as people[bilal]" in refused.output


def test_a_person_is_moved_with_a_hash_of_another_system_and_gets_ours_at_the_first_login(
    run: Run, write: Write, work: Work, provider: Any
) -> None:
    import argon2

    foreign = argon2.PasswordHasher(memory_cost=8192, time_cost=1, parallelism=1).hash("Tarim-basin-at-night")
    assert foreign.startswith(FOREIGN_HASH)
    path = write({"people": [{"username": "aygul", "password_hash": foreign}]})
    assert run("import", path).exit_code == 0
    stored = credentials_of(work).password_hash
    assert provider.passwords.verify(stored, "Tarim-basin-at-night")
    assert not provider.passwords.verify(stored, "Tarim-basin-at-noon") and provider.passwords.needs_rehash(stored)
    assert run("import", path).output == "nothing to change\n"


def test_a_person_stopped_by_the_file_is_out_everywhere_at_once(
    run: Run, write: Write, work: Work, add_person: Callable[..., Any], sign_in: Callable[..., Any]
) -> None:
    person = add_person(username="aygul")
    sign_in(person)
    assert run("import", write({"people": [{"username": "aygul", "status": "frozen"}]})).exit_code == 0
    with work() as context:
        found = accounts.find(context.db, context.vault, person.id)
        assert found is not None and found.status is AccountStatus.FROZEN
        assert sessions.list_alive(context.db, person.id, context.now) == []


def test_proofs_are_added_never_taken_away_and_only_our_own_raise_the_level(
    run: Run, write: Write, work: Work, add_person: Callable[..., Any]
) -> None:
    person = add_person(username="aygul", level=1)
    proof = {"level": 3, "source": "https://other.example", "method": "upstream", "verified_at": "2026-01-01T00:00:00Z"}
    run("import", write({"people": [{"username": "aygul", "proofs": [proof]}]}))
    assert credentials_of(work).account.level == 1
    proof |= {"source": "authority", "method": "face"}
    run("import", write({"people": [{"username": "aygul", "proofs": [proof]}]}))
    assert credentials_of(work).account.level == 3
    with work() as context:
        assert len(accounts.list_proofs(context.db, person.id)) == 3


def test_a_token_that_was_used_does_not_get_its_uses_back(run: Run, write: Write, work: Work) -> None:
    path = write(everything())
    run("import", path)
    with work() as context:
        assert initial_access_tokens.use(context.db, TOKEN["token"], context.now)
    assert run("import", path).output == "nothing to change\n"


@pytest.mark.parametrize(
    ("alg", "key"),
    [
        ("ES256", ECKey.generate_key("P-256")),
        ("EdDSA", OKPKey.generate_key("Ed25519")),
        ("RS256", RSAKey.generate_key(2048)),
    ],
)
def test_an_own_key_is_published_first_and_its_times_may_be_changed(
    run: Run, write: Write, work: Work, tmp_path: Any, alg: str, key: Any
) -> None:
    (tmp_path / "key.json").write_text(json.dumps(key.as_dict(private=True)))
    entry: dict[str, Any] = {"kid": "ours-1", "alg": alg, "private_key": {"file": "key.json"}}
    assert run("import", write({"signing_keys": [entry]})).exit_code == 0

    def stored() -> Any:
        with work() as context:
            return next(key for key in signing_keys.list_all(context.db, context.vault) if key.kid == "ours-1")

    made = stored()
    assert made.signs_from - made.published_at == timedelta(hours=24) and "d" not in made.public_jwk
    (tmp_path / "key.json").unlink()
    entry = {"kid": "ours-1", "alg": alg, "signs_from": made.published_at.isoformat()}
    assert "~ signing_keys[ours-1].signs_from" in run("import", write({"signing_keys": [entry]})).output
    assert stored().signs_from == made.published_at
    for wrong in ({"alg": "PS256"}, {"signs_until": "2020-01-01T00:00:00Z"}):
        assert run("import", write({"signing_keys": [entry | wrong]})).exit_code == 1


@pytest.mark.parametrize(
    ("alg", "key", "told"),
    [
        ("ES256", ECKey.generate_key("P-384").as_dict(private=True), "is no private key for ES256"),
        ("ES256", OKPKey.generate_key("Ed25519").as_dict(private=True), "is no private key for ES256"),
        ("RS256", {"kty": "RSA", "n": "A" * 171, "e": "AQAB", "d": "A"}, "is no private key for RS256"),
        (
            "RS256",
            RSAKey.generate_key(2048).as_dict(private=True) | {"n": encoded(bytes(128) + b"\xff" * 128)},
            "is no private key for RS256",
        ),
        ("ES512", ECKey.generate_key("P-521").as_dict(private=True), "is no private key for ES512"),
        ("ES256", ECKey.generate_key("P-256").as_dict(private=False), "is no private JWK"),
        ("ES256", {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AA"}, "is no private JWK"),
        ("ES256", [], "is no private JWK"),
    ],
)
def test_a_key_that_cannot_sign_by_its_algorithm_is_refused(
    run: Run, write: Write, alg: str, key: Any, told: str
) -> None:
    entry = {"kid": "x", "alg": alg, "private_key": json.dumps(key)}
    refused = run("import", write({"signing_keys": [entry]}))
    assert refused.exit_code == 1 and f"signing_keys[x].private_key: {told}" in refused.output


PICTURE = b"\x89PNG\r\n\x1a\n"
LOGO_URI = "https://portal.example/logo.png"


def with_logo(uri: str | None = LOGO_URI) -> dict[str, Any]:
    document = everything()
    if uri is not None:
        document["clients"][0]["logo_uri"] = uri
    return document


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch, work: Work) -> list[str]:
    """The addresses asked for pictures. While one is awaited, another writes to the same database."""
    asked: list[str] = []

    def get(_client: OutboundClient, url: str, _headers: Any = None) -> Answer:
        with work() as context:
            clients.put(context.db, "meanwhile", {"client_name": url}, context.now, secret_hash=None)
        asked.append(url)
        return Answer(200, {"content-type": "image/png"}, PICTURE + url.encode())

    monkeypatch.setattr(OutboundClient, "get", get)
    return asked


def picture_of(work: Work) -> bytes | None:
    with work() as context:
        found = client_logos.find(context.db, "portal")
    return found and found.content


def test_nobody_waits_for_the_database_while_a_picture_is_fetched(
    both_engines: str, run: Run, write: Write, work: Work, fetched: list[str]
) -> None:
    done = run("import", write(with_logo()))
    assert done.exit_code == 0, done.output
    assert picture_of(work) == PICTURE + LOGO_URI.encode()
    assert client_of(work, "meanwhile").name == LOGO_URI and credentials_of(work) is not None
    assert run("import", write(with_logo())).output == "nothing to change\n"
    changed = with_logo()
    changed["clients"][0]["scope"] = "openid"
    run("import", write(changed))
    assert fetched == [LOGO_URI], "a picture is fetched once while its address stays"
    run("import", write(with_logo(f"{LOGO_URI}?2")))
    assert fetched == [LOGO_URI, f"{LOGO_URI}?2"] and picture_of(work) == PICTURE + fetched[1].encode()
    assert run("import", write(with_logo(None))).exit_code == 0
    assert len(fetched) == 2 and picture_of(work) is None


def test_a_dry_run_and_a_refused_file_fetch_nothing(run: Run, write: Write, fetched: list[str]) -> None:
    assert "+ clients[portal].logo_uri" in run("import", write(with_logo()), "--dry-run").output
    refused = with_logo()
    refused["people"].append({"username": "bilal", "password": "password1234"})
    assert run("import", write(refused)).exit_code == 1
    assert fetched == []


SECTOR_URI = "https://portal.example/sector.json"


def in_sector(*redirect_uris: str) -> dict[str, Any]:
    document = everything()
    document["clients"][0] |= {"subject_type": "pairwise", "sector_identifier_uri": SECTOR_URI}
    document["clients"][0]["redirect_uris"] = list(redirect_uris)
    return document


def test_the_list_of_a_sector_is_looked_at_when_it_or_the_addresses_are_new(
    both_engines: str, run: Run, write: Write, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenID Connect Registration §5: an operator's client may not claim others' subjects either."""
    asked, listed = [], ["https://portal.example/cb", "https://www.portal.example/cb"]

    def get(_client: OutboundClient, url: str, _headers: Any = None) -> Answer:
        asked.append(url)
        with work() as context:  # nobody waits for the database meanwhile
            clients.put(context.db, "meanwhile", {"client_name": url}, context.now, secret_hash=None)
        return Answer(200, {"content-type": "application/json"}, json.dumps(listed).encode())

    monkeypatch.setattr(OutboundClient, "get", get)
    strange = in_sector(*listed, "https://victim.example/cb")
    refused = run("import", write(strange))
    assert refused.exit_code == 1 and "clients[portal].sector_identifier_uri: " in refused.output
    with work() as context:
        assert clients.find_even_disabled(context.db, "portal") is None
    assert run("import", write(in_sector(*listed)), "--dry-run").exit_code == 0 and len(asked) == 1
    assert run("import", write(in_sector(*listed))).exit_code == 0 and len(asked) == 2
    assert run("import", write(in_sector(*listed))).output == "nothing to change\n" and len(asked) == 2
    assert run("import", write(strange)).exit_code == 1 and len(asked) == 3
    assert client_of(work).metadata["redirect_uris"] == listed


def test_the_list_of_a_disabled_client_is_looked_at_when_the_client_is_to_work_again(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is exported can be imported though the site of a client of the past is gone."""
    asked = []

    def get(_client: OutboundClient, url: str, _headers: Any = None) -> Answer:
        asked.append(url)
        return Answer(404, {}, b"")

    monkeypatch.setattr(OutboundClient, "get", get)
    document = in_sector("https://portal.example/cb")
    document["clients"][0]["active"] = False
    assert run("import", write(document)).exit_code == 0 and asked == []
    document["clients"][0]["active"] = True
    assert run("import", write(document)).exit_code == 1 and asked == [SECTOR_URI]


def test_hosts_that_do_not_answer_cost_an_import_pictures_and_are_named_for_sector_lists(
    run: Run, write: Write, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get(_client: OutboundClient, _url: str, _headers: Any = None) -> Answer:
        raise OutboundBusy

    monkeypatch.setattr(OutboundClient, "get", get)
    assert run("import", write(with_logo())).exit_code == 0
    assert picture_of(work) is None
    refused = run("import", write(in_sector("https://portal.example/cb")))
    assert refused.exit_code == 1 and "clients[portal].sector_identifier_uri: could not be read" in refused.output


def test_what_somebody_changes_while_a_picture_is_fetched_is_judged_again(
    run: Run, write: Write, work: Work, monkeypatch: pytest.MonkeyPatch, add_person: Callable[..., Any]
) -> None:
    def get(_client: OutboundClient, _url: str, _headers: Any = None) -> Answer:
        add_person(username="chen", phone=PERSON["phone"])
        return Answer(404, {}, b"")

    monkeypatch.setattr(OutboundClient, "get", get)
    document = with_logo()
    add_person(username="aygul")
    refused = run("import", write(document))
    assert refused.exit_code == 1 and "people[aygul].phone: belongs to another person" in refused.output
    with work() as context:
        assert clients.list_all(context.db) == []


def test_the_running_settings_are_told_where_they_differ_from_the_file(run: Run, write: Write) -> None:
    table = {"issuer": "https://login.example", "access_token_lifetime": 600, "master_key": {"env": "NOT_SET_HERE"}}
    done = run("import", write({"idp": table}))
    assert done.exit_code == 0
    assert done.stderr.splitlines() == [
        'the running settings differ: ~ idp.issuer: "http://127.0.0.1:8000" -> "https://login.example"',
        "nothing to change",
    ]
    refused = run("import", write({"idp": {"isuer": "x"}}))
    assert refused.exit_code == 1 and "idp: unknown setting: isuer" in refused.output


@pytest.mark.parametrize(
    "table",
    [
        '{"issuer": 5}',
        '{"key_algorithms": ["HS256"]}',
        '{"registration_limit": -5}',
        '{"code_lifetime": 1e400}',
        '{"upstreams": 5}',
        '{"upstreams": [5]}',
        f'{{"upstreams": [{json.dumps(UPSTREAM)}]}}',
        f'{{"upstreams": [{json.dumps(UPSTREAM | {"private_jwk": {}})}]}}',
        '{"default_locale": "fr"}',
        '{"mtls_url": "https://mtls.login.example"}',
    ],
)
def test_settings_no_process_could_start_with_are_refused(run: Run, write: Write, table: str) -> None:
    refused = run("import", write(f'{{"idp": {table}}}'))
    name = next(iter(json.loads(table)))
    assert refused.exit_code == 1 and f"idp: setting {name}" in refused.output


def test_a_key_that_is_elsewhere_is_not_looked_for(run: Run, write: Write) -> None:
    upstream = UPSTREAM | {"private_jwk": {"env": "NOT_SET_HERE"}}
    done = run("import", write({"idp": {"upstreams": [upstream]}}))
    assert done.exit_code == 0 and "the running settings differ" in done.stderr


def test_settings_are_judged_beside_what_the_environment_says(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = {"registration": "software_statement"}
    assert "software_statement_issuers" in run("import", write({"idp": table})).output
    jwk = AssertionKey.new().public_jwk
    issuers = [{"issuer": "https://directory.example", "jwks": {"keys": [jwk]}}]
    monkeypatch.setenv("TONGXING_SOFTWARE_STATEMENT_ISSUERS", json.dumps(issuers))
    assert run("import", write({"idp": table})).exit_code == 0
