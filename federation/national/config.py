"""Settings of the national platform's own parts: tables ``[authority]`` and ``[hall]`` of the configuration file.

The file is named by ``TONGXING_CONFIG``; ``TONGXING_AUTHORITY_<NAME>`` and ``TONGXING_HALL_<NAME>`` override single
values. An unknown or malformed setting is an error that names it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from clients.kit.http import is_secure_url


class SettingsError(ValueError):
    """A setting is missing, unknown or malformed; the text names it and never shows its value."""


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class AuthoritySettings(_Settings):
    """The verification API and its registry."""

    issuer: str
    """The provider whose access tokens open the API (the national one)."""
    database_url: str = Field(repr=False)
    """SQLAlchemy URL of the registry's own database."""
    master_key: SecretStr
    """32 random bytes in base64url; the keys for sealing and for the index are derived from it."""
    requests_per_minute: int = Field(default=600, ge=1)
    """How many requests one client may make in a minute."""
    test_fault: Literal["", "slow", "unavailable"] = ""
    """For tests only: answer after ten seconds, or with 503."""

    @property
    def audience(self) -> str:
        return f"{self.issuer}/authority"


class Service(_Settings):
    """A matter offered elsewhere, as the hall lists it; texts by language, {"zh": …, "en": …}."""

    title: Mapping[str, str]
    text: Mapping[str, str] = Field(default_factory=dict)
    url: str
    icon: str = "document"

    @field_validator("url")
    @classmethod
    def check_url(cls, url: str) -> str:
        if not is_secure_url(url):
            raise ValueError("a service is reached by https (http only on this machine)")
        return url


class HallSettings(_Settings):
    """The national service hall, a relying party of the national provider."""

    issuer: str
    url: str
    """Public address of the hall without a slash at its end."""
    client_id: str = "national-hall"
    private_jwk: dict[str, Any] = Field(repr=False)
    """The key of private_key_jwt, ES256, with its kid."""
    database_url: str = Field(repr=False)
    """SQLAlchemy URL of the hall's own sessions."""
    master_key: SecretStr
    """32 random bytes in base64url, for sealing sessions and signing forms."""
    default_locale: Literal["zh", "en"] = "zh"
    demo: bool = False
    """Show that this is a demonstration."""
    upstream_label: Mapping[str, str] = Field(default_factory=dict)
    """By language: the regional platform whose people come here, for the page that says who vouched."""
    upstream_name: str = "region"
    """What idp_hint calls it."""
    upstream_issuer: str = ""
    """Its issuer, as it stands in the proofs of those it vouched for."""
    provincial_services: tuple[Service, ...] = ()
    """Matters of the region's portals."""


Kind = TypeVar("Kind", bound=_Settings)


def load(kind: type[Kind], table: str, environ: Mapping[str, str] | None = None) -> Kind:
    """Read one table, for example ``load(AuthoritySettings, "authority")``. Raises SettingsError."""
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    path = environ.get("TONGXING_CONFIG")
    if path:
        with Path(path).open("rb") as file:
            values.update(tomllib.load(file).get(table, {}))
    for name in kind.model_fields:
        text = environ.get(f"TONGXING_{table}_{name}".upper())
        if text is not None:
            values[name] = text
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        named = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise SettingsError(f"[{table}] {named}") from error
