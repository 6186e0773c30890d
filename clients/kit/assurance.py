"""Assurance levels as authentication context classes (`acr`), lowest first."""

from __future__ import annotations

from collections.abc import Sequence

LEVELS = tuple(f"urn:tongxing:loa:{number}" for number in range(5))


def rank(acr: str | None, order: Sequence[str] = LEVELS) -> int:
    """The place of `acr` in `order`; -1 for one that is missing or unknown, which satisfies nothing."""
    return order.index(acr) if acr in order else -1


def at_least(required: str, order: Sequence[str] = LEVELS) -> str:
    """`required` and every level above it, for `acr_values`: a provider states one of those asked for, and one that is
    only asked for the least would understate who reached more."""
    return " ".join(order[order.index(required) :]) if required in order else required


def satisfies(acr: str | None, required: str, order: Sequence[str] = LEVELS) -> bool:
    """True when `acr` is at least `required`. An unknown requirement is satisfied only by itself."""
    if required not in order:
        return acr == required
    return rank(acr, order) >= rank(required, order)
