"""Who files: the verified person behind the access token, and the company acted for, as the provider vouches for them.

Nothing here comes from a portal. The access token says who acts for whom; the userinfo endpoint says who that is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from federation.identifiers import InvalidIdentifier, check_uscc, normalise_mobile

if TYPE_CHECKING:
    from clients.matters.schema import ApplicantKind, Claim

LEGAL_REPRESENTATIVE = "legal_representative"
RESIDENT_ID_TYPES = {"111", "resident_id", "id_card"}


@dataclass(frozen=True)
class Applicant:
    """A person, perhaps acting for a company. `person` holds the userinfo claims, `act_as` the token's claim."""

    issuer: str
    subject: str
    client_id: str
    person: Mapping[str, Any] = field(repr=False)
    act_as: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def kind(self) -> ApplicantKind:
        return "person" if self.act_as is None else "organisation"

    @property
    def uscc(self) -> str | None:
        """The credit code of the company acted for."""
        return None if self.act_as is None else str(self.act_as["uscc"])

    def claims(self) -> dict[Claim, str]:
        """What is known, by the names that a field's `claim` may have. Unknown things are left out."""
        known: dict[Claim, str | None] = {
            "name": _word(self.person.get("name")),
            "id_type": "111" if self.person.get("id_type") in RESIDENT_ID_TYPES else _word(self.person.get("id_type")),
            "id_number": _word(self.person.get("id_number")),
            "phone_number": _phone(self.person),
            "address": _address(self.person.get("address")),
        }
        known |= self._organisation_claims()
        return {name: value for name, value in known.items() if value}

    def _organisation_claims(self) -> dict[Claim, str | None]:
        if self.act_as is None:
            return {}
        person, number = _word(self.person.get("name")), _word(self.person.get("id_number"))
        known: dict[Claim, str | None] = {"organisation_name": _word(self.act_as.get("name")), "uscc": self.uscc}
        if self.act_as.get("role") == LEGAL_REPRESENTATIVE:
            return known | {"legal_representative": person}
        mandate = _word(self.act_as.get("mandate_id"))
        return known | {"agent_name": person, "agent_id_number": number, "mandate": mandate}


def is_act_as(value: object) -> bool:
    """Whether a token's `act_as` names a company we can file for."""
    if not isinstance(value, Mapping) or not isinstance(value.get("uscc"), str):
        return False
    try:
        check_uscc(value["uscc"])
    except InvalidIdentifier:
        return False
    return True


def _word(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _phone(person: Mapping[str, Any]) -> str | None:
    # OpenID Connect Core §5.1: a number that is not verified is only what somebody typed.
    number = _word(person.get("phone_number"))
    return normalise_mobile(number) if number and person.get("phone_number_verified", True) is True else None


def _address(value: object) -> str | None:
    return _word(value.get("formatted")) if isinstance(value, Mapping) else _word(value)
