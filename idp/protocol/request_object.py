"""Request objects: an authorization request's parameters in a JWT of the client's.

RFC 9101 §4, §6, §10.8, OpenID Connect Core §6.1, §6.3, FAPI 2.0 Message Signing §5.3.1. Signed with one of the client's
keys by the algorithm it registered or one of its profile; encrypted, where the client wishes, to a key of ours around
the signature; unsigned only by a test-only opening. It is no assertion and no assertion is one: ``typ`` and ``sub``
tell them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from idp.config import Settings
from idp.context import Context
from idp.crypto import jwe
from idp.crypto.jose import ALGORITHMS, JoseError, TokenRefused, read_unverified, verify
from idp.crypto.keyring import Key
from idp.crypto.random import hash_secret
from idp.domain.client import Client
from idp.domain.opening import Opening
from idp.domain.profile import is_same_algorithm
from idp.protocol import client_keys
from idp.protocol.errors import ProtocolError
from idp.protocol.messages import Pairs
from idp.protocol.numeric_date import is_moment
from idp.protocol.request_object_parameters import WrongType, parameters_of

UNSIGNED = "none"
SKEW = 10  # seconds a client's clock may be ahead of ours
LONGEST_LIFE = 60 * 60  # seconds, where objects are evidence
_TYPES = {"", "jwt", "oauth-authz-req+jwt"}


@dataclass(frozen=True)
class RequestObject:
    """``identity`` is a hash, the same whenever the same object comes, however it was encrypted or its signature
    written."""

    parameters: Pairs = field(repr=False)
    is_signed: bool
    identity: str


def read(context: Context, client: Client, text: str, *, is_whole: bool) -> RequestObject:
    """The verified object. ``is_whole``: nothing outside it counts, so it must say for itself whose it is, for whom and
    until when (RFC 9101 §4). Raises invalid_request_object."""
    token = _opened(context, text)
    header, claims = _verified(context, client, token)
    _check_type(header, client, claims)
    _check_parties(context, client, claims, is_whole)
    _check_times(context, client, claims, is_whole)
    try:
        parameters = parameters_of(claims)
    except WrongType as error:
        raise invalid(f"has a member of a wrong type: {error}") from None
    jti = claims.get("jti")
    own = jti if isinstance(jti, str) and jti else token.rpartition(".")[0]
    return RequestObject(
        parameters=(("client_id", client.client_id), *(pair for pair in parameters if pair[0] != "client_id")),
        is_signed=header.get("alg") != UNSIGNED,
        identity=hash_secret(f"{client.client_id} {own}"),
    )


def invalid(what: str) -> ProtocolError:
    """RFC 9101 §7. Whoever took the object says from which parameter."""
    return ProtocolError("invalid_request_object", f"The request object {what}.")


def _opened(context: Context, text: str) -> str:
    """The signed object inside an encrypted one (RFC 9101 §6.1)."""
    if not jwe.is_encrypted(text):
        return text

    def find_key(header: Mapping[str, Any]) -> Key:
        alg, kid = header["alg"], header.get("kid")
        key: Key | None = context.keys.decrypting(alg, kid, context.now)
        if key is None:
            raise TokenRefused("kid")
        return key

    try:
        return jwe.decrypt(text, find_key)
    except JoseError:
        raise invalid("cannot be decrypted") from None


def _verified(context: Context, client: Client, token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Header and claims, if a key of the client's signed them; alg none only where an opening allows it (RFC 9101
    §6.2, §10.1)."""
    try:
        header, claims = read_unverified(token)
    except JoseError:
        raise invalid("is not a JWT") from None
    alg = header.get("alg")
    if alg == UNSIGNED and _may_be_unsigned(context, client) and token.endswith(".") and "crit" not in header:
        return header, claims
    if alg not in _algorithms(client):
        raise invalid("is not signed with an algorithm allowed for this client")
    for key in client_keys.find_keys(context, client, header):
        try:
            return header, verify(token, lambda _header, key=key: (alg, key()))  # type: ignore[misc]
        except JoseError:
            continue
    raise invalid("is not signed with a key of this client")


def _may_be_unsigned(context: Context, client: Client) -> bool:
    return client.request_object_alg in {None, UNSIGNED} and context.is_open(client, Opening.UNSIGNED_REQUEST_OBJECT)


def _algorithms(client: Client) -> tuple[str, ...]:
    """OpenID Connect Registration §2: the one registered, else any the profile knows."""
    registered, allowed = client.request_object_alg, client.profile.algorithms
    return allowed if registered is None else tuple(alg for alg in allowed if is_same_algorithm(alg, registered))


def _check_type(header: Mapping[str, Any], client: Client, claims: Mapping[str, Any]) -> None:
    """RFC 9101 §10.8, RFC 8725 §3.11: media types are compared without regard to case (RFC 7515 §4.1.9)."""
    typ = header.get("typ", "")
    if not isinstance(typ, str) or typ.lower().removeprefix("application/") not in _TYPES:
        raise invalid("is a JWT of another type")
    if claims.get("sub") == client.client_id:
        raise invalid("has the form of a client assertion")


def _check_parties(context: Context, client: Client, claims: Mapping[str, Any], is_whole: bool) -> None:
    if {"request", "request_uri"} & claims.keys():
        raise invalid("refers to another one")
    for name in ("iss", "client_id"):
        if claims.get(name, None if is_whole else client.client_id) != client.client_id:
            raise invalid(f"has a wrong or no {name}")
    issuer = context.settings.issuer
    audience = claims.get("aud", None if is_whole else issuer)
    if audience != issuer and not (isinstance(audience, list) and issuer in audience):
        raise invalid("has a wrong or no aud")


def _check_times(context: Context, client: Client, claims: Mapping[str, Any], is_whole: bool) -> None:
    now, is_evidence = context.now.timestamp(), client.profile.must_sign_request
    required = {"exp"} if is_whole else set()
    required |= {"exp", "nbf"} if is_evidence else set()
    if not required <= claims.keys():
        raise invalid("lacks exp or nbf")
    if not all(is_moment(claims[name]) for name in ("exp", "nbf", "iat") if name in claims):
        raise invalid("has a time that is none")
    if claims.get("exp", now + 1) <= now:
        raise invalid("has expired")
    if any(claims.get(name, now) - now > SKEW for name in ("nbf", "iat")):
        raise invalid("is not valid yet")
    if is_evidence and (claims["exp"] - claims["nbf"] > LONGEST_LIFE or now - claims["nbf"] > LONGEST_LIFE):
        raise invalid("is valid for more than 60 minutes")


def server_metadata(settings: Settings) -> dict[str, Any]:
    """OpenID Connect Discovery §3, RFC 9101 §10.5."""
    unsigned = [UNSIGNED] if settings.openings_allowed else []
    return {
        "request_parameter_supported": True,
        "request_object_signing_alg_values_supported": [*ALGORITHMS, *unsigned],
        "request_object_encryption_alg_values_supported": list(settings.encryption_algorithms),
        "request_object_encryption_enc_values_supported": list(jwe.CONTENT_ALGORITHMS),
        "require_signed_request_object": settings.require_signed_request_object,
    }
