"""A file may hold what is known and nothing else; what is wrong is named by its place, all of it at once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.configuration.document import Document, parse, read
from idp.configuration.entries import ClientEntry, PersonEntry, SigningKeyEntry, TokenEntry
from idp.configuration.fields import Reading
from idp.configuration.step import Refused
from tests.idp.configuration.conftest import PERSON, everything

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD_HASH = "$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b4dWRWJTmaaJObG"


def problems(tables: dict[str, Any], folder: Path = Path()) -> str:
    with pytest.raises(Refused) as refused:
        parse(tables, Reading(folder, NOW))
    return "\n".join(refused.value.problems)


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"client": []}, "client: unknown table"),
        ({"idp": []}, "idp: a table is needed"),
        ({"clients": {}}, "clients: "),
        ({"clients": ["x"]}, "clients[0]: "),
        ({"clients": [{"redirect_uris": []}]}, "clients[0].client_id: is missing"),
        ({"clients": [{"client_id": "a b"}]}, "clients[a b].client_id: "),
        ({"clients": [{"client_id": "a", "active": "yes"}]}, "clients[a].active: "),
        ({"clients": [{"client_id": "a", "client_secret": 5}]}, "clients[a].client_secret: "),
        ({"clients": [{"client_id": "a", "client_secret": "x" * 31}]}, "clients[a].client_secret: "),
        ({"clients": [{"client_id": "a", "client_secret_hash": "x"}]}, "clients[a].client_secret_hash: "),
        (
            {"clients": [{"client_id": "a", "client_secret": "x" * 32, "client_secret_hash": "0" * 64}]},
            "exclude one another",
        ),
        ({"clients": [{"client_id": "a"}, {"client_id": "a"}]}, "two entries have the same client_id"),
        ({"people": [{}]}, "people[0]: a username, subject, phone or id_number is needed"),
        ({"people": [{"username": "Aygul"}]}, "people[Aygul].username: "),
        ({"people": [{"username": "aygul", "nick": "a"}]}, "people[aygul].nick: unknown field"),
        ({"people": [{"username": "aygul", "claims": {"nick": "a"}}]}, "people[aygul].claims.nick: unknown field"),
        ({"people": [{"username": "aygul", "claims": {"address": {"city": "a"}}}]}, "claims.address.city: unknown"),
        ({"people": [{"username": "aygul", "claims": {"email_verified": "true"}}]}, "claims.email_verified: "),
        ({"people": [{"username": "aygul", "claims": {"email": "nobody"}}]}, "claims.email: "),
        ({"people": [{"username": "aygul", "claims": {"birthdate": "01.02.1990"}}]}, "claims.birthdate: "),
        ({"people": [{"username": "aygul", "level": 5}]}, "people[aygul].level: "),
        ({"people": [{"username": "aygul", "level": 2, "proofs": []}]}, "no proof gives this level"),
        ({"people": [{"username": "aygul", "status": "asleep"}]}, "people[aygul].status: "),
        ({"people": [{"username": "aygul", "phone": "12"}]}, "people[aygul].phone: "),
        ({"people": [{"username": "aygul", "id_number": "650102199003074510"}]}, "people[aygul].id_number: "),
        ({"people": [{"username": "aygul", "password_hash": "$2b$12$abc"}]}, "people[aygul].password_hash: "),
        ({"people": [{"username": "aygul", "password": "x", "password_hash": GOOD_HASH}]}, "exclude one another"),
        ({"people": [{"phone": "13800138000"}, {"phone": "+86 138 0013 8000"}]}, "the same phone"),
        ({"people": [{"username": "aygul", "proofs": [{"level": 1}]}]}, "people[aygul].proofs[0].source: is missing"),
        ({"initial_access_tokens": [{"label": "a"}]}, "token or token_hash is needed"),
        ({"initial_access_tokens": [{"label": "a", "token": "t" * 32, "openings": ["all"]}]}, "openings[0]: "),
        ({"initial_access_tokens": [{"label": "a", "token": "t" * 32, "profile": "fapi1"}]}, "profile: "),
        ({"initial_access_tokens": [{"label": "a", "token": "t" * 31}]}, "initial_access_tokens[a].token: "),
        ({"initial_access_tokens": [{"label": "a", "token": "t" * 32}] * 2}, "two entries have the same token"),
        ({"signing_keys": [{"kid": "a/b", "alg": "ES256"}]}, "signing_keys[a/b].kid: "),
        ({"signing_keys": [{"kid": "a", "alg": "ES256", "signs_from": "soon"}]}, "signing_keys[a].signs_from: "),
        ({"signing_keys": [{"kid": "a", "alg": "ES256", "signs_from": "2026-01-01T00:00:00"}]}, "signs_from: "),
        (
            {"clients": [{"client_id": "a", "client_secret": {"env": "TONGXING_NOT_SET"}}]},
            "TONGXING_NOT_SET is not set",
        ),
        ({"clients": [{"client_id": "a", "client_secret": {"file": "nowhere"}}]}, "cannot be read"),
        ({"clients": [{"client_id": "a", "client_secret": {"vault": "x"}}]}, "clients[a].client_secret: "),
        ({"clients": [{"client_id": "a", "jwks": {"file": "nowhere"}}]}, "clients[a].metadata: file nowhere"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(tables: dict[str, Any], told: str) -> None:
    assert told in problems(tables)


def test_everything_wrong_is_told_at_once_and_no_value_of_a_person_or_secret_with_it() -> None:
    person = PERSON | {"phone": "13800", "password": 7, "password_hash": "a-hash-of-mine", "claims": {"email": "mine"}}
    told = problems({"nothing": 1, "people": [person], "clients": [{"client_id": "a", "client_secret": ["hidden"]}]})
    assert told.count("\n") >= 5
    for value in ("13800", "a-hash-of-mine", "mine", "hidden"):
        assert value not in told.replace("people[aygul]", "")


def test_secrets_and_key_sets_are_read_by_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/secret").write_text("in a file" * 4 + "\n")
    (tmp_path / "keys/public.json").write_text('{"keys": [{"kty": "EC"}]}')
    monkeypatch.setenv("A_PASSWORD", "in the environment")
    tables = {
        "clients": [
            {"client_id": "a", "client_secret": {"file": "keys/secret"}, "jwks": {"file": "keys/public.json"}},
        ],
        "people": [{"username": "aygul", "password": {"env": "A_PASSWORD"}}],
    }
    found = parse(tables, Reading(tmp_path, NOW))
    assert found.clients[0].client_secret == "in a file" * 4
    assert found.clients[0].metadata == {"jwks": {"keys": [{"kty": "EC"}]}}
    assert found.people[0].password == "in the environment"
    assert "in a file" not in repr(found) and "in the environment" not in repr(found)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", "{"),
        ("a.json", "[]"),
        ("a.json", '{"clients": [], "clients": []}'),
        ("a.json", '{"clients": [{"client_id": "\\ud800"}]}'),
        ("a.json", "[" * 100_000),
        ("a.toml", "clients = "),
        ("a.toml", "[[clients]]\nclient_id = 'a'\nclient_id = 'b'"),
        ("a.toml", "\udcff"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(Refused, match=name.replace(".", r"\.")):
        read(path, NOW)


def test_the_settings_of_the_provider_may_stand_in_another_table(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("[national]\nissuer = 'https://x.example'\n")
    assert read(path, NOW, "national").settings == {"issuer": "https://x.example"}
    with pytest.raises(Refused, match="national: unknown table"):
        read(path, NOW)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=12,
)
_NAMES = st.sampled_from(
    sorted(ClientEntry.model_fields | PersonEntry.model_fields | TokenEntry.model_fields | SigningKeyEntry.model_fields)
)
_ENTRIES = st.lists(st.dictionaries(_NAMES | st.text(max_size=5), _JSON, max_size=5) | _JSON, max_size=3)


@given(
    st.dictionaries(st.sampled_from(["idp", "clients", "people", "signing_keys", "initial_access_tokens"]), _ENTRIES)
)
def test_any_tables_give_a_document_or_a_refusal(tables: dict[str, Any]) -> None:
    try:
        assert isinstance(parse(tables, Reading(Path(), NOW)), Document)
    except Refused as refused:
        assert refused.problems


def test_a_good_document_is_taken_whole() -> None:
    found = parse(everything(), Reading(Path(), NOW))
    assert (len(found.clients), len(found.people), len(found.initial_access_tokens)) == (2, 1, 1)
    assert found.people[0].phone == "13800138000" and found.clients[1].metadata["redirect_uris"]
