"""The key ring: which key signs now, which keys verify, which decrypt, and the JWKS that is published.

A process keeps a copy of the keys and never reads them for a request; :meth:`KeyRing.replace` brings it up to date.
joserfc is always handed exactly one key, never a set to choose from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from idp.domain.signing_key import KeyStage, SigningKey

Key = RSAKey | ECKey | OKPKey


class NoSigningKey(RuntimeError):
    """No key of the algorithm may sign now; the deployment has none or its rotation stands still."""


@dataclass(frozen=True)
class _Held:
    """One consistent set of keys; replaced as a whole, so that a reader in another thread never sees half of two."""

    keys: tuple[SigningKey, ...]
    private: dict[str, Any]
    public: dict[str, Any]


class KeyRing:
    """The provider's own keys as this process knows them. Thread-safe."""

    def __init__(self, keys: Sequence[SigningKey] = ()) -> None:
        self._held = _Held((), {}, {})
        self._loaded_at: datetime | None = None
        if keys:
            self.replace(keys)

    def replace(self, keys: Sequence[SigningKey], now: datetime | None = None) -> None:
        """Take over a new set of keys, read at ``now``; importing happens once per key."""
        held = self._held
        self._held = _Held(
            keys=tuple(keys),
            private={key.kid: held.private.get(key.kid) or import_key(key.private_jwk) for key in keys},
            public={key.kid: held.public.get(key.kid) or import_key(key.public_jwk) for key in keys},
        )
        self._loaded_at = now or self._loaded_at

    @property
    def keys(self) -> tuple[SigningKey, ...]:
        return self._held.keys

    def is_fresh(self, now: datetime, lifetime: timedelta) -> bool:
        """Whether the copy was read less than ``lifetime`` ago."""
        return self._loaded_at is not None and now - self._loaded_at < lifetime

    def signing(self, alg: str, now: datetime) -> tuple[str, Any]:
        """(kid, private key) of the key that signs with ``alg`` now: of several the newest."""
        held = self._held
        newest = _current([key for key in held.keys if key.is_for_signing], alg, now)
        if newest is None:
            raise NoSigningKey(alg)
        return newest.kid, held.private[newest.kid]

    def verifying(self, kid: str, now: datetime) -> tuple[str, Any] | None:
        """(alg, public key) for a kid that is still published; None for any other."""
        held = self._held
        for key in held.keys:
            if key.kid == kid and key.is_for_signing and key.stage(now) is not KeyStage.GONE:
                return key.alg, held.public[kid]
        return None

    def decrypting(self, alg: str, kid: str | None, now: datetime) -> Any:
        """The private key for what was encrypted to us with ``alg``: the one named, as long as it is published; else
        the current one. None where there is no such key."""
        held = self._held
        ours = [key for key in held.keys if key.alg == alg and not key.is_for_signing]
        named = [key for key in ours if key.kid == kid and key.stage(now) is not KeyStage.GONE]
        found = named[0] if named else _current(ours, alg, now) if kid is None else None
        return held.private[found.kid] if found else None

    def jwks(self, now: datetime) -> dict[str, Any]:
        """The published JWK Set (RFC 7517 §5): every key but those that are gone."""
        return {"keys": [key.public_jwk for key in self._held.keys if key.stage(now) is not KeyStage.GONE]}


def _current(keys: Sequence[SigningKey], alg: str, now: datetime) -> SigningKey | None:
    """The key of an algorithm whose time it is: of several the newest."""
    candidates = [key for key in keys if key.alg == alg and key.stage(now) is KeyStage.SIGNING]
    return max(candidates, key=lambda key: key.signs_from, default=None)
