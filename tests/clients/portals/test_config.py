from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path

import pytest

from clients.portals.config import Settings, SettingsError, load

FILE = """
[portal_vehicles]
portal = "vehicles"
base_url = "http://127.0.0.1:8202"
client_key = {kty = "EC", crv = "P-256"}
portals = {drivers = "http://127.0.0.1:8201"}
session_idle_lifetime = 90
demo = true
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "tongxing.toml"
    path.write_text(FILE)
    return {"TONGXING_CONFIG": str(path), "TONGXING_TABLE": "portal_vehicles"}


def test_table_of_the_file_is_read(environ: dict[str, str]) -> None:
    settings = load(environ)
    assert (settings.portal, settings.own_client_id, settings.demo) == ("vehicles", "portal-vehicles", True)
    assert settings.session_idle_lifetime == timedelta(seconds=90)
    assert settings.portals == {"drivers": "http://127.0.0.1:8201"}
    assert settings.own_account_url == "http://127.0.0.1:8000/account"
    assert not settings.is_secure


def test_environment_goes_before_the_file(environ: dict[str, str]) -> None:
    settings = load(
        environ
        | {
            "TONGXING_BASE_URL": "https://portal.example",
            "TONGXING_DEMO": "false",
            "TONGXING_CLIENT_KEY": '{"kty": "RSA"}',
            "TONGXING_OUTBOUND_TIMEOUT": "2.5",
        }
    )
    assert settings.is_secure and not settings.demo
    assert settings.client_key == {"kty": "RSA"}
    assert settings.outbound_timeout == timedelta(seconds=2.5)


@pytest.mark.parametrize(
    ("name", "text"),
    [("DEMO", "perhaps"), ("OUTBOUND_TIMEOUT", "soon"), ("CLIENT_KEY", "{"), ("PORTALS", "[1]"), ("PORTAL", "repairs")],
)
def test_wrong_value_is_named(environ: dict[str, str], name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name.lower()):
        load(environ | {f"TONGXING_{name}": text})


def test_unknown_setting_is_named(environ: dict[str, str]) -> None:
    with Path(environ["TONGXING_CONFIG"]).open("a") as file:
        file.write("issuers = 'x'\n")
    with pytest.raises(SettingsError, match="issuers"):
        load(environ)


def test_secrets_do_not_appear_in_the_repr() -> None:
    url = "postgresql+psycopg://user:db-password@host/db"
    settings = Settings(master_key="c2VjcmV0", client_key={"d": "private"}, database_url=url)
    for secret in ("c2VjcmV0", "private", "db-password"):
        assert secret not in repr(settings)


def test_keys_follow_from_the_master_key_and_their_purpose() -> None:
    settings = Settings(master_key=base64.urlsafe_b64encode(bytes(32)).decode())
    assert len(settings.key("forms")) == 32
    assert settings.key("forms") != settings.key("sessions")
    assert settings.key("forms") == Settings(master_key=settings.master_key, portal="vehicles").key("forms")
    for bad in ("", "short"):
        with pytest.raises(SettingsError, match="master_key"):
            Settings(master_key=bad).key("forms")
