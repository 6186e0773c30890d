"""Every setting of the middle platform, from a TOML table and environment variables ``TONGXING_<NAME>``."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from clients.kit.http import is_secure_url
from clients.kit.sealing import decode_key


class SettingsError(ValueError):
    """A setting is missing, unknown or of the wrong type; the text names it and never its value."""


class MattersSettings(BaseModel):
    """The settings of one process."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str = "http://127.0.0.1:8300"
    """Our own identifier: the audience that access tokens must name."""
    issuer: str = "http://127.0.0.1:8000"
    """The provider whose access tokens are trusted."""
    database_url: str = Field(default="sqlite:///var/matters.sqlite3", repr=False)
    """SQLAlchemy URL: sqlite:///… or postgresql+psycopg://…"""
    master_key: str = Field(repr=False)
    """32 random bytes in base64url, from which the sealing and the indexing key are derived."""
    region: str = Field(default="xinjiang", pattern=r"^[a-z_]+$")
    """Whose data (``data/<region>.toml``) the matters are declared with."""
    registers: dict[str, str] = {}
    """Base URL of each register that is connected, by service name; the others are checked by hand."""
    portals: dict[str, str] = {}
    """Address of each portal, for the links on the index page."""
    demo: bool = False
    """Whether pages say that this is a demonstration."""
    max_body_bytes: int = Field(default=65_536, gt=0)
    """The largest request body."""

    @field_validator("master_key")
    @classmethod
    def _is_key(cls, text: str) -> str:
        decode_key(text)
        return text

    @field_validator("url", "issuer")
    @classmethod
    def _is_address(cls, text: str) -> str:
        if not is_secure_url(text) or text.endswith("/"):
            raise ValueError("an https address (http only on loopback) without a slash at its end")
        return text

    @property
    def is_secure(self) -> bool:
        """Whether the public side speaks https."""
        return self.url.startswith("https://")


def load(environ: Mapping[str, str] | None = None) -> MattersSettings:
    """Settings from the file ``TONGXING_CONFIG`` (table ``TONGXING_TABLE``, default matters) and the environment.

    Raises SettingsError naming what is wrong.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    if path := environ.get("TONGXING_CONFIG"):
        with Path(path).open("rb") as file:
            values.update(tomllib.load(file).get(environ.get("TONGXING_TABLE", "matters"), {}))
    for name, info in MattersSettings.model_fields.items():
        if (text := environ.get(f"TONGXING_{name.upper()}")) is not None:
            values[name] = _from_environment(name, text) if info.annotation == dict[str, str] else text
    try:
        return MattersSettings(**values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise SettingsError(f"setting {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _from_environment(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise SettingsError(f"setting {name}: not a JSON object") from error
