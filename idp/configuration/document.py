"""What a configuration file may hold: its tables, their fields, their types. Whatever else it holds is refused by name.

``[idp]`` (the settings, as :mod:`idp.config` has them), ``[[clients]]``, ``[[people]]``, ``[[initial_access_tokens]]``
and ``[[signing_keys]]``. Nothing here knows a database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from idp.config import SettingsError, read_tables
from idp.configuration.entries import ClientEntry, PersonEntry, SigningKeyEntry, TokenEntry
from idp.configuration.fields import Reading
from idp.configuration.step import Refused, place_of

_Entry = TypeVar("_Entry", bound=BaseModel)
_NAMES = {"clients": "client_id", "people": "username", "initial_access_tokens": "label", "signing_keys": "kid"}
"""Tables and the field by which one entry is told from another in a message."""
_TEXTS = {"extra_forbidden": "unknown field", "missing": "is missing"}
_SAID = {"hash": "token"}
_UNIQUE = {
    "clients": ("client_id",),
    "people": ("username", "subject", "phone", "id_number"),
    "initial_access_tokens": ("hash",),
    "signing_keys": ("kid",),
}


@dataclass(frozen=True)
class Document:
    """A file that holds only what is known. ``settings`` is None where it has no such table."""

    settings: Mapping[str, Any] | None = field(default=None, repr=False)
    clients: Sequence[ClientEntry] = ()
    people: Sequence[PersonEntry] = ()
    initial_access_tokens: Sequence[TokenEntry] = ()
    signing_keys: Sequence[SigningKeyEntry] = ()


def read(path: Path, now: datetime, settings_table: str = "idp") -> Document:
    """The document of a file. Raises Refused with everything that is wrong with it, and OSError."""
    try:
        tables = read_tables(path)
    except SettingsError as error:
        raise Refused([str(error)]) from error
    return parse(tables, Reading(path.parent, now), settings_table)


def parse(tables: Mapping[str, Any], reading: Reading, settings_table: str = "idp") -> Document:
    """The document of plain tables. Raises Refused."""
    problems = [f"{name}: unknown table" for name in sorted(tables.keys() - _NAMES.keys() - {settings_table})]
    settings = tables.get(settings_table)
    if settings is not None and not isinstance(settings, Mapping):
        problems.append(f"{settings_table}: a table is needed")
    document = Document(
        settings=settings,
        clients=_entries(ClientEntry, tables, "clients", reading, problems),
        people=_entries(PersonEntry, tables, "people", reading, problems),
        initial_access_tokens=_entries(TokenEntry, tables, "initial_access_tokens", reading, problems),
        signing_keys=_entries(SigningKeyEntry, tables, "signing_keys", reading, problems),
    )
    problems.extend(_repeated(document))
    if problems:
        raise Refused(problems)
    return document


def _entries(
    kind: type[_Entry], tables: Mapping[str, Any], table: str, reading: Reading, problems: list[str]
) -> list[_Entry]:
    raw = tables.get(table, [])
    try:
        return TypeAdapter(list[kind]).validate_python(raw, context=reading)  # type: ignore[valid-type]
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        problems.extend(_said(table, raw, item["loc"], _TEXTS.get(item["type"], item["msg"])) for item in found)
        return []


def _said(table: str, raw: Any, location: tuple[int | str, ...], text: str) -> str:
    """One problem with its place in the words of the file."""
    place = table
    for step in location:
        if isinstance(step, int) and place == table:
            entry = raw[step] if isinstance(raw, list) and isinstance(raw[step], Mapping) else {}
            place = place_of(table, entry.get(_NAMES[table]) or step)
        else:
            place += f"[{step}]" if isinstance(step, int) else f".{step}"
    return f"{place}: {text.removeprefix('Value error, ')}"


def _repeated(document: Document) -> Iterator[str]:
    for table, names in _UNIQUE.items():
        for name in names:
            given = [value for entry in getattr(document, table) if (value := getattr(entry, name)) is not None]
            if len(set(given)) < len(given):
                yield f"{table}: two entries have the same {_SAID.get(name, name)}"
