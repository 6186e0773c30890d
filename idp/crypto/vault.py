"""The vault: personal data and private keys as ciphertext at rest, look-ups by keyed blind index.

One master key (the key-encryption key, outside the database) yields one key per purpose by HKDF-SHA-256, so that a
value sealed for one purpose can never be opened as another. Sealing is AES-256-GCM with a random nonce; the purpose and
a context (such as the row's id) are authenticated with it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import unicodedata
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12


class VaultError(ValueError):
    """The value was not sealed by this vault for this purpose and context, or was altered."""


class Vault:
    """Seals and opens values. ``master_key``: 32 bytes in base64url. Thread-safe."""

    def __init__(self, master_key: str) -> None:
        raw = base64.urlsafe_b64decode(master_key + "=" * (-len(master_key) % 4))
        if len(raw) < 32:
            raise VaultError("master_key must hold at least 32 bytes")
        self._master = raw
        self._cipher = lru_cache(maxsize=32)(self._new_cipher)
        self.key = lru_cache(maxsize=64)(self._derive)

    def _derive(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose."""
        return HKDF(SHA256(), 32, salt=None, info=f"tongxing/{purpose}".encode()).derive(self._master)

    def _new_cipher(self, purpose: str) -> AESGCM:
        return AESGCM(self.key(f"seal/{purpose}"))

    def seal(self, purpose: str, value: bytes, context: str = "") -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher(purpose).encrypt(nonce, value, context.encode())

    def open(self, purpose: str, sealed: bytes, context: str = "") -> bytes:
        """Raises VaultError for anything but a value sealed for the same purpose and context."""
        try:
            return self._cipher(purpose).decrypt(sealed[:_NONCE], sealed[_NONCE:], context.encode())
        except (InvalidTag, ValueError) as error:
            raise VaultError(f"not a sealed {purpose}") from error

    def seal_json(self, purpose: str, value: Any, context: str = "") -> bytes:
        return self.seal(purpose, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), context)

    def open_json(self, purpose: str, sealed: bytes, context: str = "") -> Any:
        return json.loads(self.open(purpose, sealed, context))

    def seal_text(self, purpose: str, value: Any, context: str = "") -> str:
        """A sealed JSON value as base64url text, for URLs, hidden fields and cookies."""
        return base64.urlsafe_b64encode(self.seal_json(purpose, value, context)).rstrip(b"=").decode()

    def open_text(self, purpose: str, text: str, context: str = "") -> Any:
        """Raises VaultError for anything else than what seal_text made."""
        try:
            sealed = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        except (ValueError, UnicodeEncodeError) as error:
            raise VaultError(f"not a sealed {purpose}") from error
        return self.open_json(purpose, sealed, context)

    def blind_index(self, kind: str, value: str) -> str:
        """A keyed hash by which a sealed value can be found: HMAC-SHA-256 in hex over the NFKC, upper-case value."""
        normal = unicodedata.normalize("NFKC", value).strip().upper()
        return hmac.new(self.key(f"index/{kind}"), normal.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def mac(self, purpose: str, value: bytes) -> bytes:
        """HMAC-SHA-256, 32 bytes."""
        return hmac.new(self.key(f"mac/{purpose}"), value, hashlib.sha256).digest()
