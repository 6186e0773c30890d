"""The authority's registers as this provider sees them: does a name go with a number, who represents a company.

An interface; :mod:`idp.accounts.authority_client` speaks to the real one over HTTP. It answers yes or no and never
gives out what is in its registers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class AuthorityUnavailable(Exception):
    """The authority did not answer in time or not in order; nothing is known, nothing may be concluded."""


@dataclass(frozen=True)
class PersonCheck:
    """``level`` is what a match is worth (2: number and name; 0 without a match)."""

    is_match: bool
    level: int


@dataclass(frozen=True)
class EnterpriseCheck:
    """Whether code, name and legal representative belong together; ``status`` in the register's words when they do."""

    is_match: bool
    status: str = ""

    @property
    def is_active(self) -> bool:
        return self.is_match and self.status in {"", "active"}


class Authority(Protocol):
    """Every call ends within 5 s."""

    def verify_person(self, name: str, id_number: str) -> PersonCheck:
        """Whether a resident of that number bears that name. Raises AuthorityUnavailable."""

    def verify_enterprise(
        self, name: str, uscc: str, representative_name: str, representative_id_number: str
    ) -> EnterpriseCheck:
        """Whether the enterprise of that code bears that name and is represented by that person.

        Raises AuthorityUnavailable.
        """
