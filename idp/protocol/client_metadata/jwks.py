"""``jwks``: a client's public keys by value, checked once so that nothing unusable or private is ever stored.

RFC 7591 §2 (jwks), RFC 7517 §4, §5 (keys of unknown types are ignored) and §9.2 (private keys), RFC 7518 §6.
"""

from __future__ import annotations

import json
from typing import Any

from idp.crypto.jose import TokenRefused
from idp.protocol.client_keys import MAX_KEYS, imported
from idp.protocol.client_metadata.values import Wrong, text

_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_NAMES = ("kty", "use", "alg", "kid", "crv", "x", "y", "n", "e", "x5t", "x5t#S256")
_LISTS = ("key_ops", "x5c")
_TYPES = frozenset({"RSA", "EC", "OKP"})
_LONGEST = 16_384
_MOST_ITEMS = 10


def key_set(value: Any) -> dict[str, Any]:
    """A JWK set of at most MAX_KEYS keys that we can use; members we do not know are left out."""
    keys = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(keys, list) or not 0 < len(keys) <= MAX_KEYS:
        raise Wrong(f"must be a JWK set of 1 to {MAX_KEYS} keys.")
    found = [_public_key(key) for key in keys]
    known = [key for key in found if key["kty"] in _TYPES]
    if not known:
        raise Wrong("must have a key of type RSA, EC or OKP.")
    return {"keys": known}


def _public_key(key: Any) -> dict[str, Any]:
    if not isinstance(key, dict) or not isinstance(key.get("kty"), str):
        raise Wrong("must hold JWKs only.")
    if _PRIVATE & set(key) or key["kty"] == "oct":
        raise Wrong("must not hold private or symmetric keys.")
    kept: dict[str, Any] = {name: text(_LONGEST)(key[name]) for name in _NAMES if name in key}
    kept |= {name: _texts(key[name]) for name in _LISTS if name in key}
    if kept["kty"] in _TYPES:
        try:
            imported(json.dumps(kept, sort_keys=True))
        except TokenRefused as error:
            raise Wrong("has a key that cannot be used: RSA has 2048 to 4096 bits.") from error
    return kept


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > _MOST_ITEMS:
        raise Wrong("must hold JWKs only.")
    return [text(_LONGEST)(item) for item in value]
