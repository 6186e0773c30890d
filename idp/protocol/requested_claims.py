"""Single claims a client asks for: the ``claims`` parameter as data.

OpenID Connect Core §5.5 (the parameter), §5.5.1 (essential, value, values), §5.5.1.1 (acr).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_DEPTH = 8  # the parameter itself needs four levels
MEMBERS = ("id_token", "userinfo")
ABOUT_THE_LOGIN = frozenset({"acr", "amr", "auth_time", "sub"})  # about the event, not the person's data


class MalformedClaims(ValueError):
    """The parameter is not the JSON object the specification describes; the text says what is wrong."""


@dataclass(frozen=True)
class RequestedClaims:
    """``members`` maps id_token and userinfo to claim name → None or {essential, value, values}."""

    members: Mapping[str, Mapping[str, Mapping[str, Any] | None]] = field(default_factory=dict, repr=False)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for claims in self.members.values() for name in claims)

    def of(self, member: str, name: str) -> Mapping[str, Any] | None:
        """What is asked of one claim; an empty mapping where it is merely named, None where it is not."""
        claims = self.members.get(member, {})
        return (claims[name] or {}) if name in claims else None

    def only(self, names: Iterable[str]) -> RequestedClaims:
        """The same without any claim that is not among ``names``."""
        allowed = frozenset(names)
        kept = {
            member: {name: wish for name, wish in claims.items() if name in allowed}
            for member, claims in self.members.items()
        }
        return RequestedClaims({member: claims for member, claims in kept.items() if claims})

    def with_acr_values(self, values: Iterable[str]) -> RequestedClaims:
        """``acr_values`` means the same as the voluntary acr claim with these values (§3.1.2.1, §5.5.1.1); a claim
        that was asked for in its own right stays as it is."""
        wished = list(values)
        id_token = dict(self.members.get("id_token", {}))
        if not wished or id_token.get("acr"):
            return self
        return RequestedClaims({**self.members, "id_token": {**id_token, "acr": {"values": wished}}})

    def as_dict(self) -> dict[str, Any]:
        """For the grant's row."""
        return {
            member: {name: dict(wish) if wish is not None else None for name, wish in claims.items()}
            for member, claims in self.members.items()
        }


def parse(text: str) -> RequestedClaims:
    """Read the parameter; raises MalformedClaims. Unknown members and claims are kept or left out silently (§5.5)."""
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise MalformedClaims("claims is not a JSON object") from error
    if not isinstance(value, dict):
        raise MalformedClaims("claims is not a JSON object")
    _check_values(value, 0)
    return RequestedClaims({member: _claims(value[member]) for member in MEMBERS if value.get(member) is not None})


def _claims(value: Any) -> dict[str, dict[str, Any] | None]:
    if not isinstance(value, dict):
        raise MalformedClaims("a member of claims is not a JSON object")
    return {name: _wish(wish) for name, wish in value.items()}


def _wish(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise MalformedClaims("a claim in claims is neither null nor a JSON object")
    if not isinstance(value.get("essential", False), bool):
        raise MalformedClaims("essential in claims is not a boolean")
    if not isinstance(value.get("values", []), list):
        raise MalformedClaims("values in claims is not an array")
    return {name: value[name] for name in ("essential", "value", "values") if name in value}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise MalformedClaims("claims repeats a member")
    return value


def _refuse_number(_text: str) -> None:
    raise MalformedClaims("claims holds a number that JSON does not know")


def _finite(text: str) -> float:
    """Python reads 1e999 as infinity, which no JSON can say again."""
    number = float(text)
    if not math.isfinite(number):
        _refuse_number(text)
    return number


def _check_values(value: Any, depth: int) -> None:
    """Nothing that could not be stored or shown: no deep nesting, no control characters, no half characters."""
    if depth > MAX_DEPTH:
        raise MalformedClaims("claims is nested too deeply")
    if isinstance(value, str) and not _is_storable(value):
        raise MalformedClaims("claims holds a forbidden character")
    if isinstance(value, dict):
        for name, member in value.items():
            _check_values(name, depth + 1)
            _check_values(member, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check_values(item, depth + 1)


def _is_storable(text: str) -> bool:
    return not any(character < " " or "\ud800" <= character <= "\udfff" for character in text)
