"""Settings come from a file and the environment; a wrong one is named and its value never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.matters.config import MattersSettings, SettingsError, load
from tests.clients.matters.conftest import MASTER_KEY


def test_settings_come_from_the_table_and_the_environment_wins(tmp_path: Path) -> None:
    file = tmp_path / "tongxing.toml"
    file.write_text(
        f'[matters]\nmaster_key = "{MASTER_KEY}"\nregion = "xinjiang"\n[matters.portals]\ndrivers = "http://d"\n'
    )
    settings = load({"TONGXING_CONFIG": str(file), "TONGXING_ISSUER": "http://127.0.0.1:8001"})
    assert settings.issuer == "http://127.0.0.1:8001" and settings.portals == {"drivers": "http://d"}


def test_no_secret_shows_in_a_repr() -> None:
    url = "postgresql+psycopg://user:db-password@host/db"
    shown = repr(MattersSettings(database_url=url, master_key=MASTER_KEY))
    assert MASTER_KEY not in shown and "db-password" not in shown


def test_table_can_be_named(tmp_path: Path) -> None:
    file = tmp_path / "tongxing.toml"
    file.write_text(f'[other]\nmaster_key = "{MASTER_KEY}"\nmax_body_bytes = 1\n')
    assert load({"TONGXING_CONFIG": str(file), "TONGXING_TABLE": "other"}).max_body_bytes == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MASTER_KEY", "c2hvcnQ"),
        ("MASTER_KEY", "not base64!"),
        ("ISSUER", "http://idp.example"),
        ("ISSUER", "https://idp.example/"),
        ("URL", "ftp://x"),
        ("REGION", "../xinjiang"),
        ("MAX_BODY_BYTES", "many"),
        ("REGISTERS", "operator=http://x"),
        ("REGISTERS", "[]"),
    ],
)
def test_wrong_setting_is_named_but_not_shown(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name.lower()) as refused:
        load({"TONGXING_MASTER_KEY": MASTER_KEY, f"TONGXING_{name}": value})
    if name == "MASTER_KEY":
        assert value not in str(refused.value)


def test_missing_key_is_named() -> None:
    with pytest.raises(SettingsError, match="master_key"):
        load({})


def test_misspelt_setting_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "tongxing.toml"
    file.write_text(f'[matters]\nmaster_key = "{MASTER_KEY}"\nisuer = "http://127.0.0.1:8001"\n')
    with pytest.raises(SettingsError, match="isuer"):
        load({"TONGXING_CONFIG": str(file)})
