"""Types that several tables of a configuration file use: secrets by reference, hashes, times, texts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from idp.references import resolve


@dataclass(frozen=True)
class Reading:
    """What reading a file needs to know: the folder where relative paths start, and the moment."""

    folder: Path
    now: datetime


class Entry(BaseModel):
    """A table that knows its fields: another name, or a value of another type, is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


def reading_of(info: ValidationInfo) -> Reading:
    reading = info.context
    assert isinstance(reading, Reading)  # noqa: S101 -- idp.configuration.document always gives it
    return reading


def _followed(value: Any, info: ValidationInfo) -> Any:
    return resolve(value, reading_of(info).folder)


Text = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
Secret = Annotated[str, BeforeValidator(_followed), Field(min_length=1, max_length=4096)]
"""In the clear, or {"env": …} or {"file": …}."""
RandomSecret = Annotated[str, Field(min_length=32, max_length=4096), BeforeValidator(_followed)]
"""One that no person has to remember. It is kept as a hash without salt, by which a shorter one would be found out (RFC
6749 §10.10: 128 random bits at least, which are 32 characters in hex)."""
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 in hex."""
Time = Annotated[AwareDatetime, Field(strict=False)]
"""A time with its offset; in JSON as text in ISO 8601."""
Level = Annotated[int, Field(ge=0, le=4)]
