"""Assurance levels 0–4: how well a person was proved to be who they say, by whom, how and when.

Identity assurance is derived from proofs and never stored as a fact of its own; a partner's claim is capped by what we
believe of that partner.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

ACR_PREFIX = "urn:tongxing:loa:"
LEVELS = (0, 1, 2, 3, 4)
OWN_SOURCES = ("local", "authority")  # proofs made here; any other source is another provider's issuer


@dataclass(frozen=True)
class Proof:
    """One verification of a person: its level, who vouched, by which method, when, until when."""

    level: int
    source: str  # "local", "authority", or the issuer of an upstream provider
    method: str  # "phone_code", "name_and_id_number", "upstream", "counter", "face" …
    verified_at: datetime
    expires_at: datetime | None = None
    source_level: str | None = None  # the level in the source's own words

    def is_valid(self, now: datetime) -> bool:
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True)
class AssuranceMap:
    """What an upstream's acr values are worth here, and the most we believe of that upstream."""

    cap: int
    levels: Mapping[str, int]

    def level_of(self, acr: str | None) -> int:
        """Our level for the upstream's acr; an unknown or missing acr is worth 0."""
        return min(self.cap, self.levels.get(acr or "", 0))


def strongest(proofs: Iterable[Proof], now: datetime) -> Proof | None:
    """The valid proof of the highest level, the newest of equals; None without one."""
    valid = [proof for proof in proofs if proof.is_valid(now)]
    return max(valid, key=lambda proof: (proof.level, proof.verified_at), default=None)


def acr_of(level: int) -> str:
    return f"{ACR_PREFIX}{level}"


def level_of(acr: str | None) -> int | None:
    """The level an acr value names; None if it is not one of ours."""
    tail = (acr or "").removeprefix(ACR_PREFIX)
    return int(tail) if acr != tail and tail in {"0", "1", "2", "3", "4"} else None
