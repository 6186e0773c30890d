"""An export makes an empty database like the one it was made of, shows no secret, and is a file to start with."""

from __future__ import annotations

import itertools
import json
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from idp.config import SECRETS as SECRET_SETTINGS
from idp.config import Settings, load
from idp.configuration import exporting, importing
from idp.configuration.document import parse
from idp.configuration.exporting import Choice
from idp.configuration.fields import Reading
from idp.configuration.writing import NotWritable, to_json, to_toml
from idp.context import Provider
from idp.storage import signing_keys
from idp.storage.tables import accounts, clients, initial_access_tokens
from idp.storage.tables import signing_keys as keys_table
from tests.assertions import AssertionKey
from tests.idp.configuration.conftest import SECRETS, Run, everything

Write = Callable[..., str]
NAMES = itertools.count(1)


def loaded(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(path.read_text()) if path.suffix == ".toml" else json.loads(path.read_text())
    return found


@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_an_export_fills_an_empty_database_alike(
    both_engines: str, run: Run, write: Write, new_database: Callable[[], str], tmp_path: Path, suffix: str
) -> None:
    document = everything()
    document["clients"][0] |= {"token_endpoint_auth_method": "client_secret_jwt"}
    run("import", write(document))
    options = ("--with-passwords", "--sealed", str(tmp_path / "sealed"))
    first, second = tmp_path / f"first.{suffix}", tmp_path / f"second.{suffix}"
    assert run("export", str(first), *options).exit_code == 0
    assert run("import", str(first)).stdout == ""
    empty = new_database()
    assert run("import", str(first), database=empty).exit_code == 0
    assert run("export", str(second), *options, database=empty).exit_code == 0
    assert loaded(first) == loaded(second)
    assert {"RS256", "ES256", "PS256", "EdDSA"} <= {key["alg"] for key in loaded(first)["signing_keys"]}


def test_no_secret_is_written_in_the_clear_and_files_are_their_owners(
    run: Run, write: Write, tmp_path: Path, settings: Settings, provider: Provider
) -> None:
    document = everything()
    document["clients"][0] |= {"token_endpoint_auth_method": "client_secret_jwt"}
    run("import", write(document))
    done = run("export", str(tmp_path / "out.toml"), "--with-passwords", "--sealed", str(tmp_path / "sealed"))
    with provider.work() as context:
        private = [key.private_jwk["d"] for key in signing_keys.list_all(context.db, context.vault)]
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix in {"", ".toml"}]
    assert len(written) == 1 + len(private) + 1
    for path in written:
        assert path.stat().st_mode & 0o777 == 0o600
        for secret in (*SECRETS, *private, settings.master_key):
            assert secret not in path.read_text() and secret not in done.output


def test_what_is_not_written_is_said(run: Run, write: Write, tmp_path: Path) -> None:
    document = everything()
    document["clients"][0] |= {"token_endpoint_auth_method": "client_secret_jwt"}
    run("import", write(document))
    done = run("export")
    for text in ("signing keys", "clients[portal].client_secret", "password hashes", "settings that are secrets"):
        assert text in done.stderr
    found = tomllib.loads(done.stdout)
    assert "signing_keys" not in found and not any("password" in name for name in found["people"][0])
    path = write(done.stdout, "again.toml")
    assert run("import", path).stdout == "", "an export of this very database changes nothing"


def test_parts_can_be_chosen(run: Run, write: Write) -> None:
    run("import", write(everything()))
    assert list(tomllib.loads(run("export", "--only", "clients").stdout)) == ["clients"]
    assert run("export", "out.yaml").exit_code == 2


def test_the_exported_settings_are_those_a_process_starts_with(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jwk = AssertionKey.new("ES256").key.as_dict(private=True)
    upstream = {
        "name": "national-platform",
        "label": {"zh": "国家", "en": "National"},
        "issuer": "https://national.example",
        "client_id": "region",
        "private_jwk": jwk,
        "assurance": {"cap": 3, "levels": {"a": 1}},
    }
    monkeypatch.setenv("TONGXING_UPSTREAMS", json.dumps([upstream]))
    monkeypatch.setenv("TONGXING_ACCESS_TOKEN_LIFETIME", "300.5")
    path = tmp_path / "deployment.toml"
    done = run("export", str(path), "--only", "settings")
    assert done.exit_code == 0, done.output
    assert not SECRET_SETTINGS & loaded(path)["idp"].keys() and str(jwk["d"]) not in path.read_text()
    environ = {
        "TONGXING_CONFIG": str(path),
        "TONGXING_UPSTREAM_NATIONAL_PLATFORM_KEY": json.dumps(jwk),
        "TONGXING_UPSTREAMS": json.dumps([upstream]),
        "TONGXING_ARGON2_MEMORY_KIB": "8192",
        "TONGXING_ACCESS_TOKEN_LIFETIME": "300.5",
    }
    by_file = load({name: value for name, value in environ.items() if "LIFETIME" not in name and name[-1] != "S"})
    assert by_file == load({name: value for name, value in environ.items() if name != "TONGXING_CONFIG"})
    assert run("import", str(path)).stderr == "nothing to change\n"


# --- any database ---------------------------------------------------------------------------------------------------

_WORDS = st.text("abcdefghij汉字维é -'\"\\#=\x7f", min_size=1, max_size=12).filter(str.strip)
_PRINTABLE = _WORDS.filter(str.isprintable)
_TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
_CLIENTS = st.fixed_dictionaries(
    {
        "client_id": st.text("abcXYZ019-._~:/\"'\\", min_size=1, max_size=20),
        "client_name": _PRINTABLE,
        "redirect_uris": st.lists(st.sampled_from(["https://a.example/cb", "https://b.example/?x=y"]), min_size=1),
        "client_secret_hash": st.just("0" * 64),
        "first_party": st.booleans(),
        "active": st.booleans(),
    },
    optional={
        "client_name#zh": _PRINTABLE,
        "registration_access_token_hash": st.just("1" * 64),
        "profile": st.sampled_from(["default", "legacy"]),
        "openings": st.just(["request_without_pkce"]),
        "contacts": st.lists(_PRINTABLE, max_size=3),
        "minimum_level": st.integers(0, 4),
        "client_id_issued_at": st.integers(0, 2**32),
    },
)
_PROOFS = st.fixed_dictionaries(
    {
        "level": st.integers(0, 4),
        "source": st.sampled_from(["local", "authority", "https://other.example"]),
        "method": st.sampled_from(["phone_code", "face"]),
        "verified_at": _TIMES,
    },
    optional={"expires_at": _TIMES, "source_level": _PRINTABLE},
)
_CLAIMS = st.fixed_dictionaries(
    {},
    optional={
        "name": _WORDS,
        "email": st.just("a@b.example"),
        "email_verified": st.booleans(),
        "birthdate": st.sampled_from(["1990", "1990-01-02"]),
        "updated_at": st.integers(0, 2**40) | st.floats(0, 2**40),
        "address": st.fixed_dictionaries({}, optional={"formatted": _WORDS, "country": _WORDS}),
    },
)
_PEOPLE = st.fixed_dictionaries(
    {"username": st.just("")},
    optional={
        "phone": st.integers(0, 10**8 - 1).map(lambda number: f"138{number:08}"),
        "locale": st.sampled_from(["zh", "en"]),
        "status": st.sampled_from(["active", "frozen", "closed"]),
        "proofs": st.lists(_PROOFS, max_size=3, unique_by=lambda proof: tuple(map(str, proof.values()))),
        "peppered_password_hash": st.just("$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub"),
        "terms_version": st.just("2026-01"),
        "claims": _CLAIMS,
    },
)
_TOKENS = st.fixed_dictionaries(
    {"label": _PRINTABLE, "token_hash": st.text("0123456789abcdef", min_size=64, max_size=64)},
    optional={
        "profile": st.sampled_from(["default", "fapi2"]),
        "openings": st.just(["unsigned_id_token"]),
        "scope": st.just("openid email"),
        "uses_left": st.integers(0, 9),
        "expires_at": _TIMES,
    },
)


def _named(people: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [person | {"username": f"person{next(NAMES)}"} for person in people]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@example([], [], [], True)
@given(
    st.lists(_CLIENTS, max_size=3, unique_by=lambda client: client["client_id"]),
    st.lists(_PEOPLE, max_size=3, unique_by=lambda person: person.get("phone", id(person))).map(_named),
    st.lists(_TOKENS, max_size=2, unique_by=lambda token: token["token_hash"]),
    st.booleans(),
)
def test_export_import_export_gives_the_same(
    provider: Provider,
    tmp_path: Path,
    registered: list[dict[str, Any]],
    people: list[dict[str, Any]],
    tokens: list[dict[str, Any]],
    as_toml: bool,
) -> None:
    _empty(provider)
    given_tables = {"clients": registered, "people": people, "initial_access_tokens": tokens}
    assert _import(provider, given_tables, tmp_path) > 0 or not any(given_tables.values())
    first = _export(provider, tmp_path, as_toml)
    assert _import(provider, first, tmp_path) == 0, "the same file again changes nothing"
    _empty(provider)
    _import(provider, first, tmp_path)
    assert _export(provider, tmp_path, as_toml) == first


def _empty(provider: Provider) -> None:
    with provider.work() as context:
        for table in (initial_access_tokens, clients, accounts, keys_table):
            context.db.execute(delete(table))


def _import(provider: Provider, tables: dict[str, Any], folder: Path) -> int:
    with provider.work() as context:
        return len(importing.carry_out(context, parse(tables, Reading(folder, context.now))).changes)


def _export(provider: Provider, folder: Path, as_toml: bool) -> dict[str, Any]:
    with provider.work() as context:
        made = exporting.export(context, Choice(sealed_folder="sealed", with_passwords=True))
    exporting.write_sealed(folder / "sealed", made.sealed_files)
    text = to_toml(made.tables) if as_toml else to_json(made.tables)
    found: dict[str, Any] = tomllib.loads(text) if as_toml else json.loads(text)
    return found


def test_a_null_has_no_place_in_toml() -> None:
    with pytest.raises(NotWritable):
        to_toml({"clients": [{"contacts": None}]})
