"""A resident's identity: a name and an ID number, well formed here and confirmed by the authority's register."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from federation.identifiers import birthdate_of, check_resident_id, normalise_resident_id, sex_of
from federation.identifiers.person_name import normalise_person_name
from idp.accounts.authority import Authority
from idp.accounts.authority_client import NoAuthority
from idp.context import Context
from idp.domain.session import SignedIn

ID_TYPE = "resident_id"
METHOD = "name_and_id_number"
SOURCE = "authority"
LEVEL = 2
_NAME = re.compile(r"[^\W\d_]+(?:[· '-][^\W\d_]+)*")


class InvalidName(ValueError):
    """Not 2–50 letters, perhaps joined by middle dots, spaces, hyphens or apostrophes."""


class LevelTooLow(Exception):
    """The person's own identity is not verified well enough for this."""


class NotConfirmed(Exception):
    """The authority knows no resident of that number and name."""


@dataclass(frozen=True)
class Identity:
    name: str
    id_number: str

    def claims(self) -> dict[str, Any]:
        """Standard claims (OpenID Connect Core §5.1) that follow from it, and the number itself."""
        return {
            "name": self.name,
            "id_type": ID_TYPE,
            "id_number": self.id_number,
            "birthdate": birthdate_of(self.id_number).isoformat(),
            "gender": sex_of(self.id_number),
        }


def check_name(name: str) -> None:
    """Raises InvalidName."""
    if not 2 <= len(name) <= 50 or not _NAME.fullmatch(name):
        raise InvalidName


def read_identity(name: str, id_number: str, today: date) -> Identity:
    """What a person typed, in normal form. Raises InvalidName, or InvalidIdentifier with its code."""
    given = Identity(normalise_person_name(name), normalise_resident_id(id_number))
    check_name(given.name)
    check_resident_id(given.id_number, today)
    return given


def check_level(signed_in: SignedIn) -> None:
    """Whoever acts for a company is known by name and ID number, and this login shows it. Raises LevelTooLow."""
    if signed_in.session.level < LEVEL or not signed_in.account.claims.get("id_number"):
        raise LevelTooLow


def is_possible(context: Context) -> bool:
    """Whether this provider has an authority to ask."""
    return not isinstance(authority(context), NoAuthority)


def confirm(context: Context, identity: Identity) -> int:
    """Ask the authority; the level that its yes is worth. Call it outside a transaction.

    Raises NotConfirmed, AuthorityUnavailable.
    """
    check = authority(context).verify_person(identity.name, identity.id_number)
    if not check.is_match:
        raise NotConfirmed
    return min(check.level, LEVEL)


def authority(context: Context) -> Authority:
    return cast(Authority, context.provider.parts["authority"])
