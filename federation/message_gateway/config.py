"""Settings of the gateway's simulator: table ``[gateway]`` of the file named by ``TONGXING_CONFIG``."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError


class SettingsError(ValueError):
    """A setting is missing, unknown or malformed; the text names it and never shows its value."""


class Settings(BaseModel):
    """Where the messages are kept and who may hand some in."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    database_url: str = Field(repr=False)
    master_key: SecretStr
    """32 random bytes in base64url; recipients and texts are sealed with a key derived from it."""
    token: SecretStr
    """What a sender presents as its bearer token."""


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the table. Raises SettingsError."""
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    if path := environ.get("TONGXING_CONFIG"):
        with Path(path).open("rb") as file:
            values.update(tomllib.load(file).get(environ.get("TONGXING_TABLE", "gateway"), {}))
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        named = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise SettingsError(f"[gateway] {named}") from error
