"""One step of an import: what it changes, and how it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from idp.configuration.difference import Change


class Refused(ValueError):
    """The file cannot be imported; ``problems`` name each place and what is wrong there, never a secret."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True)
class Sector:
    """A list that must name a client's redirect URIs (OpenID Connect Registration §5); ``place`` is the client's."""

    place: str
    uri: str
    redirect_uris: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """An entry of the file against the database. ``carry_out`` writes; it is called only where something changes.
    ``logo_uri``: the picture that must have been fetched before; ``sector``: what must have been checked."""

    changes: Sequence[Change]
    carry_out: Callable[[], None]
    logo_uri: str | None = None
    sector: Sector | None = None


def place_of(table: str, name: object) -> str:
    """How one entry is called in a message: ``clients[portal]``."""
    return f"{table}[{name}]"
