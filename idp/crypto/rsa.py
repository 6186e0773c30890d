"""The size of an RSA key in a JWK: that of the number, not of the text it is written in.

RFC 7518 §2 and §6.3.1.1 (a number has no octet more than it needs, so none that is zero at its beginning), FAPI 2.0
Security Profile §5.4.1 (2048 bits at least).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from joserfc.util import urlsafe_b64decode

LEAST_BITS, MOST_BITS = 2048, 4096


def modulus_bits(jwk: Mapping[str, Any]) -> int:
    """Raises ValueError for a JWK without modulus, or with one that is not written as it must be."""
    text = jwk.get("n")
    octets = urlsafe_b64decode(text.encode("ascii")) if isinstance(text, str) else b""
    if not octets or octets[0] == 0:
        raise ValueError("no modulus, or one with leading zeros")
    return int.from_bytes(octets).bit_length()
