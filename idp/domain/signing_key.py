"""A key's life in stages: published, signing, retiring, gone. The clock alone moves it on.

Keys that others encrypt to us with (``use`` is ``enc``) live by the same stages; they never sign.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class KeyStage(StrEnum):
    PUBLISHED = "published"  # in the JWKS, so that caches learn it, but not yet signing
    SIGNING = "signing"  # of its algorithm's keys the current one
    RETIRING = "retiring"  # signs no more; verifies what it signed
    GONE = "gone"


@dataclass(frozen=True)
class SigningKey:
    kid: str
    alg: str
    private_jwk: dict[str, Any] = field(repr=False)
    public_jwk: dict[str, Any] = field(repr=False)
    published_at: datetime
    signs_from: datetime
    signs_until: datetime
    gone_at: datetime

    @property
    def is_for_signing(self) -> bool:
        return self.public_jwk.get("use") != "enc"

    def stage(self, now: datetime) -> KeyStage:
        if now < self.signs_from:
            return KeyStage.PUBLISHED
        if now < self.signs_until:
            return KeyStage.SIGNING
        return KeyStage.RETIRING if now < self.gone_at else KeyStage.GONE
