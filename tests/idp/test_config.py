"""Settings: the file is strict, the environment wins, tables come as JSON, and no secret shows in a repr."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from idp.config import Settings, SettingsError, load


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[idp]\nissuer = "https://file.example"\naccess_token_lifetime = 60\nlocales = ["zh"]\n')
    found = load({"TONGXING_CONFIG": str(file), "TONGXING_ISSUER": "https://env.example", "TONGXING_LOCALES": "zh,en"})
    assert found.issuer == "https://env.example" and found.is_secure
    assert found.access_token_lifetime == timedelta(minutes=1)
    assert found.locales == ("zh", "en")


def test_an_unknown_name_in_the_file_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[idp]\nisuer = "x"\n')
    with pytest.raises(SettingsError, match="isuer"):
        load({"TONGXING_CONFIG": str(file)})


def test_tables_come_from_the_environment_as_json() -> None:
    assert load({"TONGXING_BRAND": '{"zh": "甲", "en": "A"}'}).brand == {"zh": "甲", "en": "A"}


@pytest.mark.parametrize(
    ("name", "text"),
    [("BRAND", "x"), ("BRAND", "[]"), ("SMTP_PORT", "many"), ("OPENINGS_ALLOWED", "perhaps"), ("UPSTREAMS", "[{}]")],
)
def test_a_malformed_value_names_its_setting(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name.lower()):
        load({f"TONGXING_{name}": text})


def test_secrets_may_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("sqlite:///elsewhere.sqlite3\n")
    (tmp_path / "jwk").write_text('{"kty": "EC"}')
    upstream = {
        "name": "national",
        "label": {"zh": "国家"},
        "issuer": "https://national.example",
        "client_id": "region",
        "private_jwk": {"file": "jwk"},
        "assurance": {"cap": 3, "levels": {}},
    }
    table = {"master_key": {"env": "THE_KEY"}, "database_url": {"file": "url"}, "upstreams": [upstream]}
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"idp": table, "clients": [{"client_id": "left to the import"}]}))
    found = load({"TONGXING_CONFIG": str(file), "THE_KEY": "k" * 43})
    assert (found.master_key, found.database_url) == ("k" * 43, "sqlite:///elsewhere.sqlite3")
    assert found.upstreams[0].private_jwk == {"kty": "EC"}


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"master_key": {"env": "NOT_SET"}}, "setting master_key: environment variable NOT_SET is not set"),
        ({"master_key": {"env": ""}}, "setting master_key: env wants a name"),
        ({"master_key": {"file": "nowhere"}}, "setting master_key: file .*nowhere cannot be read"),
        ({"master_key": {"env": "EMPTY"}}, "setting master_key: env EMPTY is empty"),
        (
            {"upstreams": [{"private_jwk": {"env": "NO_JSON"}}]},
            "setting upstreams: private_jwk refers to what is no JSON",
        ),
        ({"upstreams": [{"private_jwk": {"env": "NOT_SET"}}]}, "setting upstreams: environment variable NOT_SET"),
    ],
)
def test_a_reference_that_leads_nowhere_names_its_setting(tmp_path: Path, table: dict[str, Any], told: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"idp": table}))
    with pytest.raises(SettingsError, match=told):
        load({"TONGXING_CONFIG": str(file), "EMPTY": " ", "NO_JSON": "{"})


@pytest.mark.parametrize(
    ("name", "text"), [("a.toml", "[idp"), ("a.json", "{"), ("a.json", "[]"), ("a.json", '{"a":1,"a":2}')]
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(SettingsError, match=name):
        load({"TONGXING_CONFIG": str(file)})


def test_no_secret_shows_in_a_repr() -> None:
    url = "postgresql+psycopg://user:db-password@host/db"
    settings = Settings(database_url=url, redis_url="redis://:redis-password@host", master_key="m" * 43)
    for secret in ("db-password", "redis-password", "m" * 43):
        assert secret not in repr(settings)
