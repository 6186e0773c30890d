"""Every setting of a portal: its type, its default and one sentence about it.

Values come from the TOML file named by ``TONGXING_CONFIG`` (table named by ``TONGXING_TABLE``) and are overridden by
environment variables ``TONGXING_<NAME>``.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, get_type_hints

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from clients.kit.sealing import decode_key

PORTALS = ("drivers", "vehicles")
SCOPE = "openid profile phone identity organisation matters.read matters.submit"


class SettingsError(ValueError):
    """A setting is missing, unknown or of the wrong type; the text names it."""


@dataclass(frozen=True)
class Settings:
    """One portal's settings; build it with :func:`load` or directly in tests."""

    portal: str = "drivers"
    """Which portal this process is: drivers or vehicles."""
    base_url: str = "http://127.0.0.1:8201"
    """Public base URL without a trailing slash; the redirect URIs registered with the provider begin with it."""
    issuer: str = "http://127.0.0.1:8000"
    """The provider people log in with."""
    client_id: str = ""
    """Our name at the provider; empty: portal-<portal>."""
    client_key: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Private JWK for private_key_jwt; its public half is registered at the provider."""
    client_key_algorithm: str = "ES256"
    scope: str = SCOPE
    database_url: str = field(default="sqlite:///var/portal.sqlite3", repr=False)
    """SQLAlchemy URL of the session store (postgresql+psycopg://… or sqlite:///…)."""
    master_key: str = field(default="", repr=False)
    """32 random bytes in base64url; the keys for sealing sessions and signing forms are derived from it."""
    matters_url: str = "http://127.0.0.1:8300"
    """The middle platform."""
    portals: Mapping[str, str] = field(default_factory=dict)
    """Addresses of all portals by name, for links between them."""
    hall_url: str = ""
    """The national service hall; empty: no link."""
    national_url: str = ""
    """The national platform's origin: our sign-out may lead the browser there."""
    account_url: str = ""
    """The account centre; empty: <issuer>/account."""
    demo: bool = False
    """Whether pages say that this is a demonstration."""
    session_idle_lifetime: timedelta = timedelta(minutes=60)
    session_absolute_lifetime: timedelta = timedelta(hours=12)
    outbound_timeout: timedelta = timedelta(seconds=5)
    """What the provider or the middle platform may take in all before a page says that they do not answer."""

    def __post_init__(self) -> None:
        if self.portal not in PORTALS:
            raise SettingsError(f"setting portal: {self.portal} is none of {', '.join(PORTALS)}")

    @property
    def is_secure(self) -> bool:
        return self.base_url.startswith("https://")

    @property
    def own_client_id(self) -> str:
        return self.client_id or f"portal-{self.portal}"

    @property
    def own_account_url(self) -> str:
        return self.account_url or f"{self.issuer}/account"

    def key(self, purpose: str) -> bytes:
        """32 secret bytes for one purpose. Raises SettingsError without a proper master key."""
        try:
            master = decode_key(self.master_key)
        except ValueError as error:
            raise SettingsError(f"setting master_key: {error}") from error
        return HKDF(SHA256(), 32, None, f"tongxing portal {purpose}".encode()).derive(master)


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of this process; raises SettingsError naming what is wrong."""
    environ = os.environ if environ is None else environ
    table = environ.get("TONGXING_TABLE", "portal_drivers")
    values: dict[str, Any] = {}
    if path := environ.get("TONGXING_CONFIG"):
        with Path(path).open("rb") as file:
            values.update(tomllib.load(file).get(table, {}))
    names = {item.name for item in fields(Settings)}
    values |= {name: text for name in names if (text := environ.get(f"TONGXING_{name.upper()}")) is not None}
    if unknown := sorted(set(values) - names):
        raise SettingsError(f"unknown setting: {', '.join(unknown)}")
    hints = get_type_hints(Settings)
    return Settings(**{name: _converted(name, value, hints[name]) for name, value in values.items()})


def _converted(name: str, value: Any, kind: Any) -> Any:
    try:
        if kind is timedelta:
            return timedelta(seconds=float(value))
        if kind is bool:
            return value if isinstance(value, bool) else {"true": True, "1": True, "false": False, "0": False}[value]
        if kind is str:
            return str(value)
        return dict(json.loads(value) if isinstance(value, str) else value)
    except (TypeError, ValueError, KeyError) as error:
        raise SettingsError(f"setting {name}: {error}") from error
