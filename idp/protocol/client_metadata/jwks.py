"""``jwks``: a client's public keys by value, checked once so that nothing unusable or private is ever stored.

RFC 7591 §2 (jwks), RFC 7517 §4, §5 (keys of unknown types are ignored) and §9.2 (private keys), RFC 7518 §6.
"""

from __future__ import annotations

import json
from typing import Any

from idp.crypto.jose import JoseError
from idp.protocol.client_keys import MAX_KEYS, PRIVATE, imported, public_part
from idp.protocol.client_metadata.values import Wrong

_TYPES = frozenset({"RSA", "EC", "OKP"})


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
    if isinstance(key, dict) and (PRIVATE & set(key) or key.get("kty") == "oct"):
        raise Wrong("must not hold private or symmetric keys.")
    found = public_part(key)
    if found is None:
        raise Wrong("must hold JWKs only.")
    if found["kty"] in _TYPES:
        try:
            imported(json.dumps(found, sort_keys=True))
        except JoseError as error:
            raise Wrong("has a key that cannot be used: RSA has 2048 to 4096 bits.") from error
    return found
