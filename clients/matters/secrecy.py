"""What is kept of a person is kept sealed; what must be found again is found by a keyed index.

One master key yields a sealing key (AES-256-GCM through the kit's sealer) and an indexing key (HMAC with SM3).
"""

from __future__ import annotations

import json
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256, SM3
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from clients.kit.sealing import Sealer, decode_key


class Secrecy:
    """Seals JSON values to their place and indexes texts. `master_key`: 32 bytes in base64url."""

    def __init__(self, master_key: str) -> None:
        master = decode_key(master_key)
        self._sealer = Sealer(_derive(master, "seal"))
        self._index_key = _derive(master, "index")

    def seal(self, value: Any, place: str) -> bytes:
        """`value` as sealed JSON; `place` names table and row, and is needed to open it again."""
        return self._sealer.seal(json.dumps(value, ensure_ascii=False, separators=(",", ":")), place)

    def unseal(self, sealed: bytes, place: str) -> Any:
        """Raises `clients.kit.sealing.SealBroken` for anything that was not sealed for this place."""
        return json.loads(self._sealer.unseal(sealed, place))

    def index(self, kind: str, *parts: str) -> str:
        """64 hex digits by which a value can be found without being stored; unambiguous in its parts."""
        mac = HMAC(self._index_key, SM3())
        mac.update(json.dumps([kind, *parts], ensure_ascii=False).encode())
        return mac.finalize().hex()


def _derive(master: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=f"tongxing matters {purpose}".encode()).derive(master)
