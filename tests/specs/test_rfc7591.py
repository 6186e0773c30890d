"""Dynamic client registration by RFC 7591: who may, what is answered, and which error whatever is wrong gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idp.config import Settings, SettingsError, from_table
from idp.context import Provider
from idp.protocol.client_metadata import FIELDS
from idp.protocol.client_metadata.policy import Policy
from idp.storage import clients, initial_access_tokens
from tests.assertions import OMIT, AssertionKey
from tests.clock import Clock
from tests.race import THREADS, race
from tests.registering import GOOD, REDIRECT_URI, error_of, post, registered
from tests.token_side import basic, bearer

ISSUER = "https://op.example"
PERSON_SCOPE = "openid profile email address phone"
Work = Callable[[], Any]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, issuer=ISSUER, registration="open", registration_limit=10_000)


def initial_token(work: Work, *, uses: int | None = None, days: int | None = None, **policy: Any) -> str:
    with work() as context:
        _, text = initial_access_tokens.add(
            context.db,
            label="tests",
            policy=Policy.of(policy).as_document(),
            now=context.now,
            uses=uses,
            expires_at=context.now + timedelta(days=days) if days else None,
        )
    return text


# --- §3.2.1: the answer ---------------------------------------------------------------------------------------------


def test_a_registered_client_is_told_who_it_is_and_everything_that_was_registered(
    http: FlaskClient, clock: Clock, work: Work
) -> None:
    response = post(http, GOOD)
    assert (response.status_code, response.mimetype) == (201, "application/json")
    assert (response.headers["Cache-Control"], response.headers["Pragma"]) == ("no-store", "no-cache")
    told = dict(response.json)
    client_id, secret, token = told["client_id"], told.pop("client_secret"), told.pop("registration_access_token")
    assert len(secret) == len(token) == 43
    assert told == {
        "client_id": client_id,
        "client_id_issued_at": int(clock().timestamp()),
        "client_secret_expires_at": 0,
        "registration_client_uri": f"{ISSUER}/clients/{client_id}",
        "client_name": "A service",
        "redirect_uris": [REDIRECT_URI],
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "application_type": "web",
        "subject_type": "public",
        "id_token_signed_response_alg": "RS256",
        "scope": PERSON_SCOPE,
        "profile": "default",
    }
    with work() as context:
        client = clients.find(context.db, client_id)
    assert client is not None and not client.is_first_party
    assert secret not in repr(client) and token not in repr(client)
    assert secret not in json.dumps(client.metadata) and token not in json.dumps(client.metadata)


def test_a_client_id_is_chosen_by_us_and_no_persons_subject(http: FlaskClient, add_person: Callable[..., Any]) -> None:
    first, second = registered(http, {"client_id": "mine"}), registered(http, {"client_id": "mine"})
    assert len({first.id, second.id, "mine"}) == 3
    assert first.id.startswith("client-") and len(first.id) == 29
    assert len(add_person().subject) != len(first.id)


@pytest.mark.parametrize(
    ("method", "has_secret"),
    [("client_secret_basic", True), ("client_secret_post", True), ("client_secret_jwt", True), ("none", False)],
)
def test_a_secret_is_made_only_where_the_method_uses_one(http: FlaskClient, method: str, has_secret: bool) -> None:
    told = registered(http, {"token_endpoint_auth_method": method}).information
    assert ("client_secret" in told) == has_secret == ("client_secret_expires_at" in told)


def test_a_client_with_a_key_gets_no_secret(http: FlaskClient) -> None:
    keys = {"keys": [AssertionKey.new().public_jwk]}
    told = registered(http, {"token_endpoint_auth_method": "private_key_jwt", "jwks": keys}).information
    assert "client_secret" not in told and told["jwks"] == keys


def test_the_secret_works_at_once(http: FlaskClient) -> None:
    client = registered(http, {"grant_types": ["client_credentials"], "redirect_uris": None})
    secret = client.information["client_secret"]
    answer = http.post("/token", data={"grant_type": "client_credentials"}, headers=basic(client.id, secret))
    assert answer.status_code == 200, answer.text


def test_a_secret_that_is_a_key_is_kept_sealed_for_its_client_alone(http: FlaskClient, work: Work) -> None:
    client = registered(http, {"token_endpoint_auth_method": "client_secret_jwt"})
    with work() as context:
        kept = clients.find(context.db, client.id)
        assert kept is not None and kept.secret_hash is None and kept.secret_sealed is not None
        opened = context.vault.open("client_secret", kept.secret_sealed, client.id)
    assert opened.decode() == client.information["client_secret"]


def test_unknown_members_are_ignored_and_not_kept(http: FlaskClient) -> None:
    """§2: the server MUST ignore any client metadata sent by the client that it does not understand."""
    told = registered(http, {"vendor": {"x": 1}, "resource_identifier": "https://api.example", "logo_path": "/x"})
    assert not {"vendor", "resource_identifier", "logo_path"} & set(told.information)


def test_null_is_no_value(http: FlaskClient) -> None:
    assert "contacts" not in registered(http, {"contacts": None}).information


def test_names_in_other_languages_are_kept_and_shown(http: FlaskClient, work: Work) -> None:
    """§2.2."""
    names = {"client_name": "A service", "client_name#zh-Hans-CN": "某服务", "client_name#en": "A service indeed"}
    links = {"policy_uri": "https://rp.example/p", "policy_uri#zh": "https://rp.example/zh"}
    client = registered(http, names | links)
    assert names | links == {name: client.information[name] for name in names | links}
    with work() as context:
        found = clients.find(context.db, client.id)
    assert found is not None
    assert [found.localized_name(locale) for locale in ("zh", "en", "ug")] == [
        "某服务",
        "A service indeed",
        "A service",
    ]
    assert found.localized("policy_uri", "zh") == "https://rp.example/zh"


# --- §3: who may register -------------------------------------------------------------------------------------------


def test_where_registration_is_off_there_is_no_endpoint(make_app: Any, new_http: Any) -> None:
    http = new_http(make_app(registration="off"))
    assert post(http, GOOD).status_code == 404
    assert "registration_endpoint" not in http.get("/.well-known/openid-configuration").json


def test_registration_is_off_unless_a_setting_says_otherwise() -> None:
    assert Settings().registration == "off"
    with pytest.raises(SettingsError):
        from_table({"registration": "opened"})


def test_discovery_names_the_endpoint_and_the_pages_about_us(make_app: Any, new_http: Any) -> None:
    http = new_http(make_app(registration="token", op_policy_uri="https://op.example/policy"))
    found = http.get("/.well-known/openid-configuration").json
    assert found["registration_endpoint"] == f"{ISSUER}/clients"
    assert found["op_policy_uri"] == "https://op.example/policy"
    assert "op_tos_uri" not in found


@pytest.mark.parametrize("header", [None, "Basic abc", "Bearer", "Bearer ", "Bearer unknown", "", "DPoP x"])
def test_without_a_good_initial_access_token_nobody_registers(make_app: Any, new_http: Any, header: str | None) -> None:
    http = new_http(make_app(registration="token"))
    headers = {"Authorization": header} if header is not None else {}
    response = http.post("/clients", json=GOOD, headers=headers)
    assert error_of(response, 401) == "invalid_token"
    challenge = response.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="clients"')
    assert ("error=" in challenge) == (header == "Bearer unknown")  # RFC 6750 §3.1: no error where nothing was tried


def test_a_token_is_taken_from_the_header_alone(make_app: Any, new_http: Any, work: Work) -> None:
    http, token = new_http(make_app(registration="token")), initial_token(work)
    assert http.post(f"/clients?access_token={token}", json=GOOD).status_code == 401
    assert post(http, GOOD | {"access_token": token}).status_code == 401
    assert post(http, GOOD, token=token).status_code == 201


def test_a_bad_token_is_refused_where_none_is_needed(http: FlaskClient) -> None:
    assert error_of(post(http, GOOD, token="unknown"), 401) == "invalid_token"


def test_a_token_is_good_for_its_number_of_clients(http: FlaskClient, work: Work) -> None:
    token = initial_token(work, uses=2)
    assert error_of(post(http, {"redirect_uris": []}, token=token)) == "invalid_redirect_uri"  # costs no use
    assert [post(http, GOOD, token=token).status_code for _ in range(3)] == [201, 201, 401]


@pytest.mark.usefixtures("both_engines")
def test_of_several_at_once_exactly_one_gets_the_last_use(provider: Provider) -> None:
    with provider.work() as context:
        _, token = initial_access_tokens.add(context.db, label="x", policy={}, now=context.now, uses=1)

    def use(_number: int) -> bool:
        with provider.work() as context:
            return initial_access_tokens.use(context.db, token, context.now)

    assert sorted(race(use)) == [False] * (THREADS - 1) + [True]


def test_an_expired_or_withdrawn_token_is_refused(http: FlaskClient, work: Work, clock: Clock) -> None:
    token, other = initial_token(work, days=1), initial_token(work)
    assert post(http, GOOD, token=token).status_code == 201
    clock.advance(86400)
    assert post(http, GOOD, token=token).status_code == 401
    with work() as context:
        for known in initial_access_tokens.list_all(context.db):
            assert initial_access_tokens.withdraw(context.db, known.id)
    assert post(http, GOOD, token=other).status_code == 401


def test_open_registration_is_throttled_by_address(make_app: Any, new_http: Any, clock: Clock, work: Work) -> None:
    http = new_http(make_app(registration_limit=2))
    there = {"environ_base": {"REMOTE_ADDR": "2001:db8::1"}}
    neighbour = {"environ_base": {"REMOTE_ADDR": "2001:db8::2"}}
    assert [post(http, {}, **there).status_code for _ in range(2)] == [400, 400]  # tries count
    refused = post(http, GOOD, **neighbour)
    assert error_of(refused, 429) == "temporarily_unavailable"
    assert refused.headers["Retry-After"] == "3600"
    assert post(http, GOOD).status_code == 201
    assert post(http, GOOD, token=initial_token(work), **there).status_code == 201
    clock.advance(3600)
    assert post(http, GOOD, **there).status_code == 201


@pytest.mark.usefixtures("ephemeral_store")
def test_the_count_is_kept_by_either_store(make_app: Any, new_http: Any) -> None:
    http = new_http(make_app(registration_limit=1))
    assert [post(http, GOOD).status_code for _ in range(2)] == [201, 429]


# --- Appendix A.1: what a token's policy gives ----------------------------------------------------------------------


def test_profile_and_openings_come_from_the_token(http: FlaskClient, work: Work) -> None:
    token = initial_token(work, profile="legacy", openings=["request_without_pkce"], scope="identity")
    client = registered(http, {"response_types": ["id_token"], "grant_types": ["implicit"]}, token=token)
    assert client.information["profile"] == "legacy"
    assert client.information["openings"] == ["request_without_pkce"]
    assert client.information["scope"] == f"{PERSON_SCOPE} identity"


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"profile": "legacy"}, "invalid_client_metadata"),
        ({"openings": ["unsigned_id_token"]}, "invalid_client_metadata"),
        ({"id_token_signed_response_alg": "none"}, "invalid_client_metadata"),
        ({"request_object_signing_alg": "none"}, "invalid_client_metadata"),
        ({"response_types": ["id_token"], "grant_types": ["implicit"]}, "invalid_client_metadata"),
        (
            {"response_types": ["token code"], "grant_types": ["implicit", "authorization_code"]},
            "invalid_client_metadata",
        ),
        ({"scope": "identity"}, "invalid_client_metadata"),
        ({"scope": "matters.read"}, "invalid_client_metadata"),
    ],
)
def test_a_registrant_gives_itself_nothing_beyond(http: FlaskClient, document: dict[str, Any], error: str) -> None:
    assert error_of(post(http, GOOD | document)) == error


def test_a_registrant_may_ask_for_less(http: FlaskClient, work: Work) -> None:
    token = initial_token(work, profile="legacy", openings=["request_without_pkce", "unsigned_id_token"])
    strict = {
        "profile": "fapi2",
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [AssertionKey.new().public_jwk]},
        "dpop_bound_access_tokens": True,
    }
    told = registered(http, strict, token=token).information
    assert (told["profile"], "openings" in told) == ("fapi2", False)
    assert told["require_pushed_authorization_requests"] is True
    assert told["id_token_signed_response_alg"] == "PS256"
    fewer = registered(http, {"openings": ["request_without_pkce"], "scope": "openid email"}, token=token).information
    assert (fewer["openings"], fewer["scope"]) == (["request_without_pkce"], "openid email")


def test_scopes_that_cannot_be_had_are_left_out(http: FlaskClient) -> None:
    """§2: the server may replace what was asked for."""
    told = registered(http, {"scope": "openid groups matters.read email offline_access"}).information
    assert told["scope"] == "openid email"
    told = registered(
        http, {"scope": "openid offline_access", "grant_types": ["authorization_code", "refresh_token"]}
    ).information
    assert told["scope"] == "openid offline_access"


def test_a_first_party_token_registers_first_party_clients(http: FlaskClient, work: Work) -> None:
    client = registered(http, token=initial_token(work, is_first_party=True))
    with work() as context:
        found = clients.find(context.db, client.id)
    assert found is not None and found.is_first_party


# --- §2.3: software statements --------------------------------------------------------------------------------------

KEY, STRANGER = AssertionKey.new("ES256", "ss-1"), AssertionKey.new("ES256", "ss-1")
TRUSTED = "https://directory.example"


@pytest.fixture
def stating(make_app: Any, new_http: Any) -> FlaskClient:
    issuers = ({"issuer": TRUSTED, "jwks": {"keys": [KEY.public_jwk]}},)
    http: FlaskClient = new_http(make_app(registration="software_statement", software_statement_issuers=issuers))
    return http


def statement(key: AssertionKey = KEY, head: dict[str, Any] | None = None, **changes: Any) -> str:
    claims = {"iss": TRUSTED, "client_name": "Vouched for", "software_id": "4NRB1", "iat": 1} | changes
    return key.sign({name: value for name, value in claims.items() if value is not OMIT}, **(head or {}))


def test_what_a_statement_says_wins(stating: FlaskClient) -> None:
    signed = statement(redirect_uris=[REDIRECT_URI], scope="openid email")
    document = {"software_statement": signed, "client_name": "Mine", "redirect_uris": ["https://evil.example/cb"]}
    told = registered(stating, document).information
    assert told["client_name"] == "Vouched for" and told["redirect_uris"] == [REDIRECT_URI]
    assert told["software_statement"] == signed  # §3.2.1: unmodified
    assert told["scope"] == "openid email" and not {"iss", "iat"} & set(told)


STATEMENTS: list[tuple[str, Callable[[], Any], str]] = [
    ("missing", lambda: None, "invalid_software_statement"),
    ("a number", lambda: 7, "invalid_software_statement"),
    ("empty", lambda: "", "invalid_software_statement"),
    ("not a JWT", lambda: "not.a.jwt", "invalid_software_statement"),
    ("too long", lambda: "x" * 20_000, "invalid_software_statement"),
    ("not JSON", lambda: KEY.sign(b"not json"), "invalid_software_statement"),
    ("another key", lambda: statement(STRANGER), "invalid_software_statement"),
    ("unknown kid", lambda: statement(head={"kid": "ss-2"}), "invalid_software_statement"),
    ("expired", lambda: statement(exp=1), "invalid_software_statement"),
    ("exp is text", lambda: statement(exp="tomorrow"), "invalid_software_statement"),
    ("exp is true", lambda: statement(exp=True), "invalid_software_statement"),
    ("not valid yet", lambda: statement(nbf=2**40), "invalid_software_statement"),
    ("of the future", lambda: statement(iat=2**40), "invalid_software_statement"),
    ("for somebody else", lambda: statement(aud="https://other.example"), "invalid_software_statement"),
    ("for a number", lambda: statement(aud=7), "invalid_software_statement"),
    ("unknown issuer", lambda: statement(iss="https://stranger.example"), "unapproved_software_statement"),
    ("no issuer", lambda: statement(iss=OMIT), "unapproved_software_statement"),
    ("issuer is a list", lambda: statement(iss=[TRUSTED]), "unapproved_software_statement"),
    ("bad metadata inside", lambda: statement(redirect_uris=["https://a/#b"]), "invalid_redirect_uri"),
    ("bad method inside", lambda: statement(token_endpoint_auth_method="x"), "invalid_client_metadata"),
    ("openings inside", lambda: statement(openings=["unsigned_id_token"]), "invalid_client_metadata"),
]


@pytest.mark.parametrize(("make", "error"), [row[1:] for row in STATEMENTS], ids=[row[0] for row in STATEMENTS])
def test_every_wrong_statement_has_its_error(stating: FlaskClient, make: Callable[[], Any], error: str) -> None:
    assert error_of(post(stating, GOOD | {"software_statement": make()})) == error


def test_an_unsigned_statement_is_refused(stating: FlaskClient) -> None:
    unsigned = "eyJhbGciOiJub25lIn0." + statement().split(".")[1] + "."
    assert error_of(post(stating, GOOD | {"software_statement": unsigned})) == "invalid_software_statement"


@pytest.mark.parametrize("aud", [ISSUER, [ISSUER, "https://other.example"]])
def test_a_statement_may_be_meant_for_us(stating: FlaskClient, aud: Any) -> None:
    assert post(stating, GOOD | {"software_statement": statement(aud=aud)}).status_code == 201


def test_where_no_issuer_is_trusted_statements_are_ignored(http: FlaskClient) -> None:
    """§2: the server MUST ignore the software statement if it does not support this feature."""
    told = registered(http, {"software_statement": "whatever"}).information
    assert "software_statement" not in told and told["client_name"] == "A service"


def test_a_statement_is_believed_where_none_is_needed(make_app: Any, new_http: Any) -> None:
    issuers = ({"issuer": TRUSTED, "jwks": {"keys": [KEY.public_jwk]}},)
    http = new_http(make_app(software_statement_issuers=issuers))
    assert registered(http, {"software_statement": statement()}).information["client_name"] == "Vouched for"
    assert error_of(post(http, GOOD | {"software_statement": statement(STRANGER)})) == "invalid_software_statement"


CLAIMS = st.dictionaries(
    st.sampled_from(["iss", "aud", "exp", "nbf", "iat", "jti", "client_name", "redirect_uris", "software_id", "scope"]),
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20) | st.lists(st.text()),
)


@hypothesis_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CLAIMS)
def test_whatever_a_signed_statement_says_is_registered_or_refused(
    stating: FlaskClient, claims: dict[str, Any]
) -> None:
    response = post(stating, GOOD | {"software_statement": KEY.sign({"iss": TRUSTED} | claims)})
    assert response.status_code == 201 or error_of(response) in {
        "invalid_redirect_uri",
        "invalid_client_metadata",
        "invalid_software_statement",
        "unapproved_software_statement",
    }


HEADERS = st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=60)


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["", "Bearer ", "bearer  ", "Basic ", "DPoP "]), HEADERS)
def test_no_authorization_header_opens_or_breaks_anything(http: FlaskClient, scheme: str, text: str) -> None:
    headers = {"Authorization": scheme + text, "Content-Type": "application/json"}
    for method, path in (("POST", "/clients"), ("GET", "/clients/x"), ("PUT", "/clients/x"), ("DELETE", "/clients/x")):
        response = http.open(path, method=method, data="{}", headers=headers)
        assert error_of(response, 401) == "invalid_token"


# --- §3.1: the request ----------------------------------------------------------------------------------------------

BODIES = ["", "{", "[]", "null", "7", '"text"', '{"a": NaN}', '{"client_name": "a", "client_name": "b"}', "\ufeff{}"]
BODIES += ["[" * 3000, '{"a":' * 3000, '{"default_max_age": ' + "9" * 5000 + "}", '{"x": ' + "[" * 40 + "]" * 40 + "}"]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:20])
def test_anything_but_one_json_object_is_refused(http: FlaskClient, body: str) -> None:
    assert error_of(post(http, body)) == "invalid_client_metadata"


@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", ""])
def test_another_kind_of_body_is_refused(http: FlaskClient, media_type: str) -> None:
    response = http.post("/clients", data="redirect_uris=https://rp.example/cb", content_type=media_type)
    assert response.status_code in {400, 415} and "error" in response.json


def test_a_document_of_too_many_members_is_refused(http: FlaskClient) -> None:
    assert error_of(post(http, {f"m{number}": 1 for number in range(201)})) == "invalid_client_metadata"


@pytest.mark.parametrize("body", [b'{"client_name": "\xff"}', b"\x00", b"{}" + b" " * 70_000])
def test_bytes_that_are_no_text_or_too_many_are_refused(http: FlaskClient, body: bytes) -> None:
    response = post(http, body)
    assert response.status_code in {400, 413} and response.json["error"] == "invalid_request"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(http: FlaskClient, method: str) -> None:
    assert http.open("/clients", method=method).status_code == 405


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
WORDS = (
    *("code", "none", "RS256", "private_key_jwt", "web", "native", "authorization_code", "refresh_token", "pairwise"),
    *("RSA-OAEP", "A128GCM", "HS256", "fapi2", "a.b:/c", "CN=a,O=b", "http://localhost/x", "https://h:99999/"),
    *("https://[::1", "https://rp.example/a?b=c", REDIRECT_URI, "openid email", "\ud800", "\x00"),
)
LIKELY = st.sampled_from([*WORDS, "https://rp.example/\u202e"])
VALUES = JSON | LIKELY | st.lists(LIKELY, max_size=3) | st.booleans() | st.integers(-5, 5)
DOCUMENTS = st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(max_size=12), VALUES, max_size=8)


@hypothesis_settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DOCUMENTS, st.booleans())
def test_whatever_document_comes_is_registered_or_refused_by_a_specified_error(
    http: FlaskClient, document: dict[str, Any], is_likely: bool
) -> None:
    """And what was accepted once is accepted again: a client may update itself with what it was told."""
    for name in ("sector_identifier_uri", "logo_uri"):
        document.pop(name, None)
    response = post(http, GOOD | document if is_likely else document)
    if response.status_code != 201:
        assert error_of(response) in {
            "invalid_redirect_uri",
            "invalid_client_metadata",
            "invalid_software_statement",
            "unapproved_software_statement",
        }
        return
    told = dict(response.json)
    path = told["registration_client_uri"].removeprefix(ISSUER)
    read = http.get(path, headers=bearer(told["registration_access_token"]))
    assert read.json == {name: value for name, value in told.items() if not name.startswith("client_secret")}
    ours = ("registration_access_token", "registration_client_uri", "client_id_issued_at")
    again = {name: value for name, value in read.json.items() if name not in ours}
    updated = http.put(path, json=again, headers=bearer(told["registration_access_token"]))
    assert updated.status_code == 200, updated.text
    assert updated.json == read.json
