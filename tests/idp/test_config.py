"""Settings: the file is strict, each value is judged at start, the environment wins, tables come as JSON, and no secret
shows in a repr or an error."""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import generate_key

from idp.config import Settings, SettingsError, from_table, load
from tests.assertions import AssertionKey


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


OWN_JWK = AssertionKey.new("ES256", "region-1").key.as_dict(private=True)
UPSTREAM: dict[str, Any] = {
    "name": "national",
    "label": {"zh": "国家"},
    "issuer": "https://national.example",
    "client_id": "region",
    "private_jwk": OWN_JWK,
    "assurance": {"cap": 3, "levels": {}},
}
KEY = AssertionKey.new("ES256", "ss")
ISSUERS = [{"issuer": "https://directory.example", "jwks": {"keys": [KEY.public_jwk]}}]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("issuer", 5),
        *(("issuer", text) for text in ("", "op.example", "ftp://op.example", "http://op.example", "https://")),
        *(("issuer", f"https://op.example{end}") for end in ("/", "/tenant", "?x=1", "#f", ":0", ":x", " ", "\n")),
        ("issuer", "https://me:secret@op.example"),
        ("mtls_url", "https://mtls.op.example/"),
        ("op_policy_uri", "javascript:alert(1)"),
        ("sms_gateway_url", "gateway"),
        ("authority_url", "http://10.0.0.7/authority"),
        *(("authority_url", f"https://national.example/authority{end}") for end in ("/", "?x=1", "#f")),
        ("database_url", "mysql://u:secret@h/db"),
        ("redis_url", "localhost:6379"),
        ("master_key", "c2VjcmV0"),
        ("theme", "dark"),
        ("worker", "secret"),
        ("registration", "opened"),
        ("cookie_prefix", "a b"),
        ("default_locale", "fr"),
        ("locales", []),
        ("locales", ["zh", "fr"]),
        ("locales", ["en"]),  # default_locale is zh
        ("brand", {}),
        ("brand", {"en": "A"}),
        ("brand", {"zh": 5}),
        ("key_algorithms", []),
        ("key_algorithms", ["HS256"]),
        ("key_algorithms", ["RS256", "RS256"]),
        ("encryption_algorithms", ["RSA1_5"]),
        ("code_lifetime", math.inf),
        ("code_lifetime", math.nan),
        ("code_lifetime", 1e300),
        ("code_lifetime", 0),
        ("code_lifetime", -1),
        ("code_lifetime", True),
        ("code_lifetime", "soon"),
        ("dpop_nonce_lifetime", -1),
        ("max_body_bytes", -1),
        ("max_body_bytes", 0),
        ("registration_limit", -5),
        ("registration_limit", True),
        ("registration_scopes", ["two words"]),
        ("argon2_memory_kib", 0),
        ("argon2_memory_kib", 7),
        ("smtp_port", 65536),
        ("proxy_addresses", ["10.0.0.1/8"]),
        ("outbound_allow", ["suite"]),
        *(("outbound_allow", [f"suite:{port}"]) for port in ("", "0", "0443", "65536", "99999", "x", "80\n")),
        *(("outbound_allow", [host]) for host in ("2001:db8::1:8443", "[::1]", "[::x]:80", "[10.0.0.1]:80", ":80")),
        ("software_statement_issuers", [{"issuer": "x"}]),
        ("software_statement_issuers", [{"issuer": "x", "jwks": {"keys": []}}]),
        ("software_statement_issuers", [{"issuer": "x", "jwks": {"keys": [{"kty": "oct", "k": "secret"}]}}]),
        ("software_statement_issuers", [{"issuer": "x", "jwks": {"keys": [KEY.key.as_dict(private=True)]}}]),
        ("software_statement_issuers", [{**ISSUERS[0], "trust": "much"}]),
        ("account_links", [{"url": "javascript:alert(1)", "label": {"zh": "甲"}}]),
        ("account_links", [{"url": "https://a.example"}]),
        ("resource_scopes", {"two words": "https://api.example"}),
        ("upstreams", {}),
        ("upstreams", ["national"]),
        ("upstreams", [UPSTREAM | {"name": "a/b"}]),
        ("upstreams", [UPSTREAM | {"assurance": {"cap": 5, "levels": {}}}]),
        ("upstreams", [UPSTREAM | {"assurance": {}}]),
        ("upstreams", [UPSTREAM | {"trust": "much"}]),
        ("upstreams", [UPSTREAM, UPSTREAM]),
        *(("upstreams", [UPSTREAM | {"issuer": url}]) for url in ("http://op.example", "https://op.example/", "op")),
    ],
)
def test_what_cannot_be_meant_is_refused_at_start_by_name_and_never_shown(name: str, value: Any) -> None:
    with pytest.raises(SettingsError) as refused:
        from_table({name: value})
    named = {"locales": "default_locale"}.get(name, name) if value == ["en"] else name
    assert str(refused.value).startswith(f"setting {named}")
    whole = "".join(traceback.format_exception(refused.value))
    assert "secret" not in whole and "c2VjcmV0" not in whole and "alert" not in whole


@pytest.mark.parametrize("value", ["https://a.example/甲", "https://甲.example"])
def test_an_address_in_other_letters_is_told_how_it_is_written(value: str) -> None:
    with pytest.raises(SettingsError, match="in ASCII"):
        from_table({"op_policy_uri": value})


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("authority_upstream", {"authority_url": "https://national.example/authority"}),
        ("mtls_url", {"mtls_url": "https://mtls.op.example"}),
        ("software_statement_issuers", {"registration": "software_statement"}),
    ],
)
def test_settings_that_need_one_another_are_refused_alone(name: str, table: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=f"setting {name}"):
        from_table(table)


@pytest.mark.parametrize(
    "table",
    [
        {"issuer": "https://login.example.cn"},
        {"issuer": "https://op.example.cn:8443", "mtls_url": "https://mtls.op.example.cn:8443", "trusted_proxies": 1},
        *({"issuer": f"http://{host}:8000"} for host in ("127.0.0.1", "localhost", "[::1]")),
        {"mtls_url": "", "client_ca_bundle": "", "authority_url": "", "redis_url": ""},
        {"default_locale": "en", "locales": ["en"]},
        {"key_algorithms": ["EdDSA", "PS256", "ES256", "RS256"], "encryption_algorithms": []},
        {"dpop_nonce_lifetime": 0, "code_lifetime": 0.5, "access_token_lifetime": "90"},
        {"trusted_proxies": 1, "proxy_addresses": ["10.0.0.0/8", "::1", "unix"]},
        {"registration": "software_statement", "software_statement_issuers": ISSUERS},
        {"upstreams": [UPSTREAM], "authority_url": "https://10.0.0.7/authority", "authority_upstream": "national"},
        {"upstreams": [UPSTREAM | {"issuer": "https://national.example/tenant"}]},
        {"outbound_allow": ["suite:443", "10.0.0.1:8080", "[::1]:80", "[2001:db8::1]:65535"]},
        {"account_links": [{"url": "https://a.example/x?y=1#z", "label": {"zh": "甲"}, "icon": "person"}]},
        *({"op_policy_uri": f"https://xn--a-0ga.example{end}"} for end in ("", "?x=1", "#x", "/", "/%E7%94%B2")),
        {"resource_scopes": {"a.b": "urn:x"}, "scope_labels": {"a.b": {"zh": "甲"}}},
    ],
)
def test_what_can_be_meant_is_taken(table: dict[str, Any]) -> None:
    found = from_table(table)
    assert {type(getattr(found, name)) for name in table} <= {str, int, tuple, dict, timedelta}


def test_an_allowed_host_is_compared_in_small_letters() -> None:
    assert from_table({"outbound_allow": ["Suite:443", "[::A]:80"]}).outbound_allow == ("suite:443", "[::a]:80")


def test_the_defaults_are_settings_too() -> None:
    assert from_table({}) == Settings()


def test_secrets_may_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("sqlite:///elsewhere.sqlite3\n")
    (tmp_path / "jwk").write_text(json.dumps(OWN_JWK))
    upstream = UPSTREAM | {"private_jwk": {"file": "jwk"}}
    table = {"master_key": {"env": "THE_KEY"}, "database_url": {"file": "url"}, "upstreams": [upstream]}
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"idp": table, "clients": [{"client_id": "left to the import"}]}))
    found = load({"TONGXING_CONFIG": str(file), "THE_KEY": "k" * 43})
    assert (found.master_key, found.database_url) == ("k" * 43, "sqlite:///elsewhere.sqlite3")
    assert found.upstreams[0].private_jwk == OWN_JWK


def test_a_reference_in_the_environment_is_followed_too() -> None:
    upstream = UPSTREAM | {"private_jwk": {"env": "THE_JWK"}}
    found = load({"TONGXING_UPSTREAMS": json.dumps([upstream]), "THE_JWK": json.dumps(OWN_JWK)})
    assert found.upstreams[0].private_jwk == OWN_JWK
    with pytest.raises(SettingsError, match="setting upstreams: environment variable THE_JWK is not set"):
        load({"TONGXING_UPSTREAMS": json.dumps([upstream])})


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "oct", "k": "c2VjcmV0"},
        KEY.public_jwk,
        AssertionKey.new("RS256", "r").key.as_dict(private=True),
        generate_key("EC", "P-384").as_dict(private=True),
        OWN_JWK | {"d": KEY.key.as_dict(private=True)["d"]},  # the one half of one key, the other of another
        OWN_JWK | {"d": 5},
        OWN_JWK | {"kty": []},
        OWN_JWK | {"kty": "RSA"},
        OWN_JWK | {"alg": "RS256"},
        OWN_JWK | {"use": "enc"},
        OWN_JWK | {"key_ops": ["verify"]},
    ],
)
def test_an_upstreams_key_is_one_that_can_sign_and_never_shown(jwk: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as refused:
        from_table({"upstreams": [UPSTREAM | {"private_jwk": jwk}]})
    whole = "".join(traceback.format_exception(refused.value))
    assert str(refused.value).startswith("setting upstreams.0.private_jwk: must be a private EC key")
    assert not [text for text in (jwk.get("d"), jwk.get("k")) if isinstance(text, str) and text in whole]


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
        (
            {"upstreams": [{"private_jwk": {"env": "BOTTOMLESS"}}]},
            "setting upstreams: private_jwk refers to what is no JSON",
        ),
        ({"upstreams": [{"private_jwk": {"env": "NOT_SET"}}]}, "setting upstreams: environment variable NOT_SET"),
    ],
)
def test_a_reference_that_leads_nowhere_names_its_setting(tmp_path: Path, table: dict[str, Any], told: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"idp": table}))
    with pytest.raises(SettingsError, match=told):
        load({"TONGXING_CONFIG": str(file), "EMPTY": " ", "NO_JSON": "{", "BOTTOMLESS": "[" * 100_000})


@pytest.mark.parametrize("text", [None, "", "no certificate"])
def test_authorities_that_cannot_be_read_are_told_at_the_start(
    make_app: Callable[..., Flask], tmp_path: Path, text: str | None
) -> None:
    bundle = tmp_path / "bundle.pem"
    if text is not None:
        bundle.write_text(text)
    with pytest.raises(SettingsError, match="setting outbound_ca_bundle"):
        make_app(outbound_ca_bundle=str(bundle))


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
