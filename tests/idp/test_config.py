"""Settings: the file is strict, the environment wins, tables come as JSON, and no secret shows in a repr."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

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


def test_no_secret_shows_in_a_repr() -> None:
    url = "postgresql+psycopg://user:db-password@host/db"
    settings = Settings(database_url=url, redis_url="redis://:redis-password@host", master_key="m" * 43)
    for secret in ("db-password", "redis-password", "m" * 43):
        assert secret not in repr(settings)
