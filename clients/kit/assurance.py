"""Assurance levels as authentication context classes (`acr`), lowest first."""

from __future__ import annotations

from collections.abc import Sequence

LEVELS = tuple(f"urn:tongxing:loa:{number}" for number in range(5))


def rank(acr: str | None, order: Sequence[str] = LEVELS) -> int:
    """The place of `acr` in `order`; -1 for one that is missing or unknown, which satisfies nothing."""
    return order.index(acr) if acr in order else -1


def satisfies(acr: str | None, required: str, order: Sequence[str] = LEVELS) -> bool:
    """True when `acr` is at least `required`. An unknown requirement is satisfied only by itself."""
    if required not in order:
        return acr == required
    return rank(acr, order) >= rank(required, order)
