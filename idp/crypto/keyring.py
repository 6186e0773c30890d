"""The key ring: which key signs now, which keys verify, and the JWKS that is published.

A process keeps a copy of the keys and never reads them for a request; :meth:`KeyRing.replace` brings it up to date.
joserfc is always handed exactly one key, never a set to choose from.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from idp.domain.signing_key import KeyStage, SigningKey

Key = RSAKey | ECKey | OKPKey


class NoSigningKey(RuntimeError):
    """No key of the algorithm may sign now; the deployment has none or its rotation stands still."""


class KeyRing:
    """The provider's signing keys as this process knows them."""

    def __init__(self, keys: Sequence[SigningKey] = ()) -> None:
        self._keys: tuple[SigningKey, ...] = ()
        self._private: dict[str, Any] = {}
        self._public: dict[str, Any] = {}
        self.replace(keys)

    def replace(self, keys: Sequence[SigningKey]) -> None:
        """Take over a new set of keys; importing happens once per key."""
        private = {key.kid: self._private.get(key.kid) or import_key(key.private_jwk) for key in keys}
        public = {key.kid: self._public.get(key.kid) or import_key(key.public_jwk) for key in keys}
        self._private, self._public, self._keys = private, public, tuple(keys)

    @property
    def keys(self) -> tuple[SigningKey, ...]:
        return self._keys

    def signing(self, alg: str, now: datetime) -> tuple[str, Any]:
        """(kid, private key) of the key that signs with ``alg`` now: of several the newest."""
        candidates = [key for key in self._keys if key.alg == alg and key.stage(now) is KeyStage.SIGNING]
        if not candidates:
            raise NoSigningKey(alg)
        newest = max(candidates, key=lambda key: key.signs_from)
        return newest.kid, self._private[newest.kid]

    def verifying(self, kid: str, now: datetime) -> tuple[str, Any] | None:
        """(alg, public key) for a kid that is still published; None for any other."""
        for key in self._keys:
            if key.kid == kid and key.stage(now) is not KeyStage.GONE:
                return key.alg, self._public[kid]
        return None

    def jwks(self, now: datetime) -> dict[str, Any]:
        """The published JWK Set (RFC 7517 §5): every key but those that are gone."""
        return {"keys": [key.public_jwk for key in self._keys if key.stage(now) is not KeyStage.GONE]}
