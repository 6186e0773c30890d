"""Encryption at rest: AES-256-GCM, bound to the place where the value is stored."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12


class SealBroken(ValueError):
    """A stored value that none of our keys opens at this place."""


def decode_key(text: str) -> bytes:
    """A 256-bit key from its base64url or base64 spelling. Raises ValueError."""
    key = base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError(f"a sealing key has {KEY_BYTES} bytes, not {len(key)}")
    return key


class Sealer:
    """Seals with `key`; opens with `key` or one of the `previous` ones, so that keys can be changed."""

    def __init__(self, key: bytes, previous: Sequence[bytes] = ()) -> None:
        if any(len(candidate) != KEY_BYTES for candidate in (key, *previous)):
            raise ValueError(f"a sealing key has {KEY_BYTES} bytes")
        self._ciphers = [AESGCM(candidate) for candidate in (key, *previous)]

    def seal(self, text: str, place: str) -> bytes:
        """`place` names row and column: a ciphertext copied elsewhere does not open there."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, text.encode(), place.encode())

    def unseal(self, sealed: bytes, place: str) -> str:
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(nonce, ciphertext, place.encode()).decode()
            except (InvalidTag, ValueError):
                continue
        raise SealBroken("not sealed by us, or not for this place")
