"""A client proves itself by a JWT it signed: private_key_jwt with its key, client_secret_jwt with its secret.

RFC 7523 §3, OpenID Connect Core §9, FAPI 2.0 Security Profile §5.3.2.1: the audience is our issuer identifier and
nothing else, the assertion is short-lived and used once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from idp.context import Context
from idp.crypto.jose import (
    ALGORITHMS,
    SECRET_ALGORITHM,
    SECRET_KEY_BYTES,
    JoseError,
    read_unverified,
    verify,
    verify_by_secret,
)
from idp.crypto.keyring import Key
from idp.crypto.random import hash_secret
from idp.domain.client import Client
from idp.domain.opening import Opening
from idp.domain.profile import is_same_algorithm
from idp.protocol import client_keys, client_secrets
from idp.protocol.numeric_date import is_moment

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_LIFE = 300  # seconds from now until exp
SKEW = 10  # seconds a client's clock may be ahead of ours


def subject_of(assertion: str) -> str | None:
    """Whom the assertion speaks of, before anything is proved."""
    try:
        subject = read_unverified(assertion)[1].get("sub")
    except JoseError:
        return None
    return subject if isinstance(subject, str) and subject else None


def is_by_secret(assertion: str) -> bool:
    """Whether the assertion says that a secret signed it."""
    try:
        return read_unverified(assertion)[0].get("alg") == SECRET_ALGORITHM
    except JoseError:
        return False


def is_valid(context: Context, client: Client | None, assertion: str) -> bool:
    """Whether one of the client's keys signed the assertion, for us, just now and for the first time."""
    return _is_good(context, client, _verified(context, client, assertion))


def is_valid_by_secret(context: Context, client: Client | None, assertion: str) -> bool:
    """The same by the client's secret."""
    return _is_good(context, client, _verified_by_secret(context, client, assertion))


def _is_good(context: Context, client: Client | None, claims: Mapping[str, Any] | None) -> bool:
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
    has_keys = False
    for key in client_keys.find_keys(context, client, header) if client and alg in _algorithms(client) else ():
        has_keys, claims = True, _read(assertion, alg, key)
        if claims is not None:
            return claims
    if not has_keys:
        for key in _keys_of_ours(context, alg):
            _read(assertion, alg, key)
    return None


def _verified_by_secret(context: Context, client: Client | None, assertion: str) -> Mapping[str, Any] | None:
    """The claims if the client's secret signed them; an unknown client's are tried in vain."""
    registered = client.metadata.get("token_endpoint_auth_signing_alg", SECRET_ALGORITHM) if client else None
    key = client_secrets.signing_key(context.vault, client) if client and registered == SECRET_ALGORITHM else None
    try:
        claims = verify_by_secret(assertion, key or bytes(SECRET_KEY_BYTES))
    except JoseError:
        return None
    return claims if key else None


def _read(assertion: str, alg: str, key: Callable[[], Key]) -> Mapping[str, Any] | None:
    try:
        return verify(assertion, lambda _header: (alg, key()))
    except JoseError:
        return None


def _algorithms(client: Client) -> tuple[str, ...]:
    registered = client.metadata.get("token_endpoint_auth_signing_alg")
    allowed = client.profile.algorithms
    return allowed if registered is None else tuple(alg for alg in allowed if is_same_algorithm(alg, registered))


def _keys_of_ours(context: Context, alg: str) -> list[Callable[[], Key]]:
    ours = [name for name in context.settings.key_algorithms if is_same_algorithm(name, alg)]
    return [lambda: context.keys.signing(ours[0], context.now)[1]] if ours else []


def _is_for_us(context: Context, client: Client, audience: Any) -> bool:
    """One string, our issuer; an array could hold somebody else, who could replay it (FAPI 2.0 §5.3.2.1)."""
    if audience == context.settings.issuer:
        return True
    from idp.protocol import token_endpoint  # it imports us

    is_open = context.is_open(client, Opening.ASSERTION_AUDIENCE_TOKEN_ENDPOINT)
    return bool(is_open and audience == context.settings.issuer + token_endpoint.PATH)


def _is_timely(context: Context, claims: Mapping[str, Any]) -> bool:
    now = context.now.timestamp()
    moments = [claims.get("exp"), *(claims[name] for name in ("iat", "nbf") if name in claims)]
    if not all(is_moment(moment) for moment in moments):
        return False
    expires_at, *begins = moments
    return 0 < expires_at - now <= LONGEST_LIFE and all(begin - now <= SKEW for begin in begins)


def _is_first_use(context: Context, client: Client, claims: Mapping[str, Any]) -> bool:
    """``jti`` counts once per client until the assertion has expired (RFC 7523 §3 item 7)."""
    jti = claims.get("jti")
    if not isinstance(jti, str) or not jti:
        return False
    lifetime = timedelta(seconds=claims["exp"] - context.now.timestamp() + SKEW)
    issued_at = datetime.fromtimestamp(max(0, claims.get("iat", claims["exp"] - LONGEST_LIFE)), UTC)
    key = hash_secret(f"{client.client_id} {jti}")
    return context.ephemeral.claim("client_assertion", key, lifetime, issued_at=issued_at)
