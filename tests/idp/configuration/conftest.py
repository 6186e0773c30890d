"""A command line against the test's database, and a document with one of everything."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from idp.cli import main
from idp.config import Settings

Run = Callable[..., Result]

CLIENTS: list[dict[str, Any]] = [
    {
        "client_id": "portal",
        "client_name": "门户",
        "client_name#en": "Portal",
        "redirect_uris": ["https://portal.example/callback"],
        "token_endpoint_auth_method": "client_secret_basic",
        "client_secret": "a-secret-of-the-portal-0123456789abcdef0123456789",
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid profile offline_access",
        "first_party": True,
    },
    {
        "client_id": "https://kiosk.example/app",
        "redirect_uris": ["https://kiosk.example/callback"],
        "token_endpoint_auth_method": "none",
        "active": False,
    },
]
PERSON: dict[str, Any] = {
    "username": "aygul",
    "phone": "13800138000",
    "id_number": "650102199003074516",
    "locale": "zh",
    "password": "Tianshan-snow-melts-late",
    "level": 3,
    "claims": {
        "name": "阿依古丽",
        "email": "aygul@example.com",
        "email_verified": True,
        "address": {"country": "CN", "locality": "乌鲁木齐"},
        "updated_at": 1767225600,
    },
}
TOKEN: dict[str, Any] = {
    "label": "partners",
    "token": "an-initial-access-token-0123456789abcdef01234567",
    "profile": "legacy",
    "openings": ["request_without_pkce"],
    "uses_left": 5,
    "expires_at": "2030-01-01T00:00:00+00:00",
}
SECRETS = (CLIENTS[0]["client_secret"], PERSON["password"], TOKEN["token"])


def everything() -> dict[str, Any]:
    """A document of its own for each caller, as JSON has it."""
    found: dict[str, Any] = json.loads(
        json.dumps({"clients": CLIENTS, "people": [PERSON], "initial_access_tokens": [TOKEN]})
    )
    return found


@pytest.fixture
def run(settings: Settings, provider: Any, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``tongxing …``; a database of another URL than the test's can be named."""
    monkeypatch.setenv("TONGXING_MASTER_KEY", settings.master_key)
    monkeypatch.setenv("TONGXING_ARGON2_MEMORY_KIB", "8192")

    def run(*arguments: str, database: str = settings.database_url) -> Result:
        monkeypatch.setenv("TONGXING_DATABASE_URL", database)
        return CliRunner().invoke(main, arguments)

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Writes a document as JSON; gives its path."""

    def write(document: Any, name: str = "deployment.json") -> str:
        path = tmp_path / name
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return str(path)

    return write
