"""Our keys: made, published, used and retired in stages by the clock (OpenID Connect Core §10.1.1, §10.2.1).

A key is in the JWKS for ``key_publish_lead`` before it signs, signs for ``key_lifetime``, and stays in the JWKS until
whatever it signed last has expired. Its successor is made in time for that, by whichever process comes first. The keys
others encrypt to us with rotate by the same clock; each decrypts as long as it is published.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import generate_key, import_key

from idp.config import Settings
from idp.context import Context
from idp.crypto import rsa
from idp.crypto.jose import UnknownKey, verify_own
from idp.crypto.jwe import KEY_ALGORITHMS
from idp.crypto.random import new_id
from idp.domain.signing_key import KeyStage, SigningKey
from idp.storage import signing_keys

JWKS_PATH = "/jwks"
_KINDS: dict[str, tuple[Any, Any]] = {
    "RS256": ("RSA", 2048),
    "PS256": ("RSA", 2048),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
} | {
    "RSA-OAEP-256": ("RSA", 2048),
    "RSA-OAEP": ("RSA", 2048),
    "ECDH-ES": ("EC", "P-256"),
    "ECDH-ES+A128KW": ("EC", "P-256"),
    "ECDH-ES+A256KW": ("EC", "P-256"),
}
_UNKNOWN_KEY_PAUSE = timedelta(seconds=5)  # a stranger's made-up kid must not become a query per request


def ensure_keys(context: Context) -> None:
    """Give every algorithm of the settings its keys and load them; idempotent, safe to run in several processes.

    The very first key of an algorithm signs at once: nobody can hold an older JWKS.
    """
    signing_keys.lock(context.db)
    keys = signing_keys.list_all(context.db, context.vault)
    for alg in _algorithms(context.settings):
        _ensure_alg(context, alg, [key for key in keys if key.alg == alg])
    reload_keys(context)


def rotate_now(context: Context) -> None:
    """Let a new key of every algorithm sign from now on; the old ones stay published for what they signed."""
    now, lifetime = context.now, context.settings.key_lifetime
    signing_keys.lock(context.db)
    for key in signing_keys.list_all(context.db, context.vault):
        if key.stage(now) is KeyStage.SIGNING:
            signing_keys.reschedule(context.db, _ending(context, key, now))
        elif key.stage(now) is KeyStage.PUBLISHED:  # prepared as a successor, it stays one: of the new key
            successor = replace(key, signs_from=now + lifetime)
            signing_keys.reschedule(context.db, _ending(context, successor, now + 2 * lifetime))
    for alg in _algorithms(context.settings):
        signing_keys.add(context.db, context.vault, _new_key(context, alg, now))
    reload_keys(context)


def reload_keys(context: Context) -> None:
    """Bring this process's copy up to date: one statement. Housekeeping calls it; requests never do."""
    context.keys.replace(signing_keys.list_all(context.db, context.vault), context.now)


def verify_token(context: Context, token: str, *, typ: str, may_be_expired: bool = False) -> dict[str, Any]:
    """The claims of a token this provider signed as a ``typ`` under its own name.

    A kid unknown here may be another process's new key: then the keys are read again, at most once in five seconds.
    Raises JoseError.
    """
    try:
        return _verify(context, token, typ, may_be_expired)
    except UnknownKey:
        if context.keys.is_fresh(context.now, _UNKNOWN_KEY_PAUSE):
            raise
        reload_keys(context)
        return _verify(context, token, typ, may_be_expired)


def _verify(context: Context, token: str, typ: str, may_be_expired: bool) -> dict[str, Any]:
    return verify_own(context.keys, token, context.now, typ=typ, may_be_expired=may_be_expired)


def _algorithms(settings: Settings) -> tuple[str, ...]:
    """Those we keep keys for: each has its own, which is used for nothing else."""
    return (*settings.key_algorithms, *settings.encryption_algorithms)


def _ensure_alg(context: Context, alg: str, keys: list[SigningKey]) -> None:
    now, lead = context.now, context.settings.key_publish_lead
    if not any(key.stage(now) is KeyStage.SIGNING for key in keys):
        signing_keys.add(context.db, context.vault, _new_key(context, alg, now))
        return
    last = max(keys, key=lambda key: key.signs_until)
    if last.signs_until - now <= 2 * lead:
        # Twice the lead: the successor is published for its full time even if nobody kept house for a day.
        signs_from = max(last.signs_until, now + lead)
        signing_keys.add(context.db, context.vault, _new_key(context, alg, signs_from))
        signing_keys.reschedule(context.db, _ending(context, last, signs_from))


def adopt(context: Context, kid: str, alg: str, private_jwk: Any) -> SigningKey:
    """A key made elsewhere, as one of ours that signs once it has been published for its time. It is not stored.
    Raises ValueError for what is no private key of this algorithm."""
    kind, size = _KINDS.get(alg, (None, None))
    if not isinstance(private_jwk, dict) or "d" not in private_jwk:
        raise ValueError("is no private JWK")
    if private_jwk.get("kty") != kind or not _is_of_size(private_jwk, size):
        raise ValueError(f"is no private key for {alg}")
    try:
        key = import_key(private_jwk)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise ValueError("is no private JWK") from None
    return _as_ours(context, key, kid, alg, context.now + context.settings.key_publish_lead)


def _is_of_size(jwk: dict[str, Any], size: int | str) -> bool:
    """An RSA key has at least so many bits; any other is of that curve."""
    if isinstance(size, str):
        return jwk.get("crv") == size
    try:
        return rsa.modulus_bits(jwk) >= size
    except ValueError:
        return False


def _new_key(context: Context, alg: str, signs_from: datetime) -> SigningKey:
    kind, size = _KINDS[alg]
    return _as_ours(context, generate_key(kind, size), new_id(), alg, signs_from)


def _as_ours(context: Context, key: Any, kid: str, alg: str, signs_from: datetime) -> SigningKey:
    names = {"kid": kid, "alg": alg, "use": "enc" if alg in KEY_ALGORITHMS else "sig"}
    made = SigningKey(
        kid=kid,
        alg=alg,
        private_jwk=dict(key.as_dict(private=True)) | names,
        public_jwk=dict(key.as_dict(private=False)) | names,
        published_at=context.now,
        signs_from=signs_from,
        signs_until=signs_from,
        gone_at=signs_from,
    )
    return _ending(context, made, signs_from + context.settings.key_lifetime)


def _ending(context: Context, key: SigningKey, signs_until: datetime) -> SigningKey:
    """The key with a new end: published until no token, nor any ID token of a living session, needs it (a logout
    brings an old ID token as its hint)."""
    settings = context.settings
    longest = max(settings.access_token_lifetime, settings.id_token_lifetime, settings.session_absolute_lifetime)
    return replace(key, signs_until=signs_until, gone_at=signs_until + longest)


def server_metadata(settings: Settings) -> dict[str, Any]:
    """OpenID Connect Discovery §3."""
    return {"jwks_uri": settings.issuer + JWKS_PATH}
