"""Encrypted tokens: every JWE the provider writes or reads goes through joserfc here, with exactly one key at a time.

RFC 7516, RFC 7518 §4 and §5. What is encrypted is a signed token of its own (RFC 7519 §11.2), since encryption hides
and the signature inside proves; or bare claims, where a client wants them so (OpenID Connect Core §5.3.2). RSA1_5,
PBES2, ``dir`` and compression are not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from joserfc import jwe
from joserfc.jwe import JWERegistry
from joserfc.util import json_b64decode

from idp.crypto.jose import JoseError, TokenRefused
from idp.crypto.keyring import Key

KEY_ALGORITHMS = ("RSA-OAEP-256", "RSA-OAEP", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW")
CONTENT_ALGORITHMS = ("A256GCM", "A128GCM", "A128CBC-HS256", "A256CBC-HS512")
DEFAULT_CONTENT_ALGORITHM = "A128CBC-HS256"  # where a client registers none (OpenID Connect Registration §2)
MAX_TOKEN = 32 * 1024  # characters

# Unknown header members are ignored (RFC 7516 §4); `decrypt` refuses critical ones, all of which are unknown here.
_REGISTRY = JWERegistry(algorithms=(*KEY_ALGORITHMS, *CONTENT_ALGORITHMS), strict_check_header=False)


def is_encrypted(token: str) -> bool:
    """Whether a compact serialization has a JWE's five parts (RFC 7516 §9)."""
    return token.count(".") == 4


def encrypt(
    token: str,
    key: Key,
    *,
    alg: str,
    enc: str,
    kid: str | None = None,
    cty: str | None = "JWT",
    issuer: str | None = None,
) -> str:
    """A compact JWE around a signed token (or what ``cty`` says) for the owner of ``key`` (public); ``issuer`` for one
    whose ``iss`` can be read from outside (RFC 7519 §5.3). Raises JoseError or ValueError for a key that does not
    fit."""
    named = {"cty": cty, "kid": kid, "iss": issuer}
    header = {"alg": alg, "enc": enc} | {name: value for name, value in named.items() if value}
    return jwe.encrypt_compact(header, token, key, registry=_REGISTRY)


def decrypt(token: str, find_key: Callable[[Mapping[str, Any]], Key]) -> str:
    """The text inside a compact JWE; ``find_key`` gives for its (untrusted) header the only private key allowed.

    Raises TokenRefused or another JoseError for anything else.
    """
    try:
        if len(token) > MAX_TOKEN:
            raise TokenRefused("size")
        value = token.encode("ascii")
        header = json_b64decode(value.partition(b".")[0])
        if not {"crit", "zip"}.isdisjoint(header):
            raise TokenRefused("crit or zip")
        if header.get("alg") not in KEY_ALGORITHMS or header.get("enc") not in CONTENT_ALGORITHMS:
            raise TokenRefused("alg or enc")
        opened = jwe.decrypt_compact(value, find_key(header), registry=_REGISTRY)
        return (opened.plaintext or b"").decode("utf-8")
    except JoseError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise TokenRefused("malformed") from error
