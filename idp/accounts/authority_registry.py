"""The authority without HTTP in between: for a provider that has the registry in its own process (the national one)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from idp.accounts.authority import EnterpriseCheck, PersonCheck
from idp.accounts.authority_client import NAME_AND_NUMBER


class Check(Protocol):
    """A registry's answer: whether all of it matches, and the level at which the registry proved the person."""

    @property
    def is_match(self) -> bool: ...
    @property
    def level(self) -> int: ...


class Registry(Protocol):
    """What is asked of a registry of persons and enterprises."""

    def verify_person(self, name: str, id_number: str) -> Check: ...
    def verify_enterprise(
        self, name: str, uscc: str, representative_name: str, representative_id_number: str
    ) -> Check: ...


@dataclass(frozen=True)
class RegistryAuthority:
    """The :class:`idp.accounts.authority.Authority` over a registry. A name and a number typed here prove level 2."""

    registry: Registry

    def verify_person(self, name: str, id_number: str) -> PersonCheck:
        check = self.registry.verify_person(name, id_number)
        return PersonCheck(check.is_match, min(NAME_AND_NUMBER, check.level))

    def verify_enterprise(
        self, name: str, uscc: str, representative_name: str, representative_id_number: str
    ) -> EnterpriseCheck:
        check = self.registry.verify_enterprise(name, uscc, representative_name, representative_id_number)
        return EnterpriseCheck(check.is_match, "active" if check.is_match else "")
