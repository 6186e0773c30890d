"""A client proves itself by a JWT it signed: private_key_jwt.

RFC 7523 §3, OpenID Connect Core §9, FAPI 2.0 Security Profile §5.3.2.1: the audience is our issuer identifier and
nothing else, the assertion is short-lived and used once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any

from joserfc.jwk import import_key

from idp.context import Context
from idp.crypto.jose import ALGORITHMS, JoseError, TokenRefused, read_unverified, verify
from idp.crypto.keyring import Key
from idp.crypto.random import hash_secret
from idp.domain.client import Client

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_LIFE = 300  # seconds from now until exp
SKEW = 10  # seconds a client's clock may be ahead of ours
TOKEN_ENDPOINT_OPENING = "assertion_audience_token_endpoint"  # noqa: S105
_MAX_KEYS = 20
_LAST_MOMENT = 2**53  # beyond it a number of seconds is no time, and no float either
_KEY_TYPES = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
_MODULUS_LENGTHS = range(342, 684)  # characters of base64url: 2048 to 4096 bits


def subject_of(assertion: str) -> str | None:
    """Whom the assertion speaks of, before anything is proved."""
    try:
        subject = read_unverified(assertion)[1].get("sub")
    except JoseError:
        return None
    return subject if isinstance(subject, str) and subject else None


def is_valid(context: Context, client: Client | None, assertion: str) -> bool:
    """Whether the assertion is the client's, meant for us, fresh, and seen for the first time."""
    claims = _verified(context, client, assertion)
    if client is None or claims is None:
        return False
    is_theirs = claims.get("iss") == claims.get("sub") == client.client_id
    if not is_theirs or not _is_for_us(context, client, claims.get("aud")) or not _is_timely(context, claims):
        return False
    return _is_first_use(context, client, claims)


def _verified(context: Context, client: Client | None, assertion: str) -> Mapping[str, Any] | None:
    """The claims if one of the client's keys signed them. Where no key could have, one of ours is tried in vain: the
    time of the answer must not tell an unknown client."""
    try:
        header, _ = read_unverified(assertion)
    except JoseError:
        return None
    alg = header.get("alg")
    if alg not in ALGORITHMS:
        return None
    keys = _keys_of(client, header) if alg in _algorithms(client) else []
    for key in keys or _keys_of_ours(context, alg):
        claims = _read(assertion, alg, key)
        if claims is not None:
            return claims if keys else None
    return None


def _read(assertion: str, alg: str, key: Callable[[], Key]) -> Mapping[str, Any] | None:
    try:
        return verify(assertion, lambda _header: (alg, key()))
    except JoseError:
        return None


def _algorithms(client: Client | None) -> tuple[str, ...]:
    registered = client.metadata.get("token_endpoint_auth_signing_alg") if client else None
    if registered is None:
        return ALGORITHMS
    return (registered,) if registered in ALGORITHMS else ()


def _keys_of(client: Client | None, header: Mapping[str, Any]) -> list[Callable[[], Key]]:
    """The client's registered keys that may have signed under this header, to be imported when tried."""
    registered = client.jwks[:_MAX_KEYS] if client else ()
    return [partial(_imported, json.dumps(jwk, sort_keys=True)) for jwk in registered if _fits(jwk, header)]


def _keys_of_ours(context: Context, alg: str) -> list[Callable[[], Key]]:
    return [lambda: context.keys.signing(alg, context.now)[1]] if alg in context.settings.key_algorithms else []


def _fits(jwk: Mapping[str, Any], header: Mapping[str, Any]) -> bool:
    """Whether a registered key may have signed under this header (RFC 7517 §4): id, type, algorithm and use agree."""
    kid, alg = header.get("kid"), header["alg"]
    return (
        (kid is None or jwk.get("kid") == kid)
        and jwk.get("kty") == _KEY_TYPES[alg]
        and jwk.get("alg", alg) == alg
        and jwk.get("use", "sig") == "sig"
    )


@lru_cache(maxsize=1024)
def _imported(text: str) -> Key:
    """A registered public key; importing one costs more than verifying with it. Raises for an unusable key."""
    jwk = json.loads(text)
    if jwk["kty"] == "RSA" and len(jwk["n"]) not in _MODULUS_LENGTHS:
        raise TokenRefused("key size")
    return import_key(jwk)  # type: ignore[return-value]


def _is_for_us(context: Context, client: Client, audience: Any) -> bool:
    """One string, our issuer; an array could hold somebody else, who could replay it (FAPI 2.0 §5.3.2.1)."""
    if audience == context.settings.issuer:
        return True
    from idp.protocol import token_endpoint  # it imports us

    is_open = context.settings.openings_allowed and TOKEN_ENDPOINT_OPENING in client.openings
    return bool(is_open and audience == context.settings.issuer + token_endpoint.PATH)


def _is_timely(context: Context, claims: Mapping[str, Any]) -> bool:
    now = context.now.timestamp()
    moments = [claims.get("exp"), *(claims[name] for name in ("iat", "nbf") if name in claims)]
    if not all(_is_moment(moment) for moment in moments):
        return False
    expires_at, *begins = moments
    return 0 < expires_at - now <= LONGEST_LIFE and all(begin - now <= SKEW for begin in begins)


def _is_moment(value: Any) -> bool:
    """RFC 7519 §2 NumericDate; JSON has larger integers than any clock, and arithmetic with them overflows."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LAST_MOMENT


def _is_first_use(context: Context, client: Client, claims: Mapping[str, Any]) -> bool:
    """``jti`` counts once per client until the assertion has expired (RFC 7523 §3 item 7)."""
    jti = claims.get("jti")
    if not isinstance(jti, str) or not jti:
        return False
    lifetime = timedelta(seconds=claims["exp"] - context.now.timestamp() + SKEW)
    issued_at = datetime.fromtimestamp(max(0, claims.get("iat", claims["exp"] - LONGEST_LIFE)), UTC)
    key = hash_secret(f"{client.client_id} {jti}")
    return context.ephemeral.claim("client_assertion", key, lifetime, issued_at=issued_at)
