"""JWTs made for one client: signed by the algorithm it registered for their kind, then encrypted to its key.

OpenID Connect Registration §2 (the metadata, by kind), OpenID Connect Core §10.1 and §10.2 (signing, then encrypting),
RFC 7591 §2. A kind is the first part of its metadata's names: ``id_token_signed_response_alg`` and so on. What cannot
be made as registered is not made at all: a client that wants its tokens encrypted never gets a readable one.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from idp.config import Settings
from idp.context import Context
from idp.crypto import jwe
from idp.crypto.jose import JoseError, sign
from idp.crypto.keyring import Key
from idp.domain.client import Client
from idp.protocol import client_keys
from idp.protocol.errors import ProtocolError

UNSIGNED = "none"


class Kind(StrEnum):
    ID_TOKEN = "id_token"  # noqa: S105  # also logout tokens (OpenID Connect Back-Channel Logout §2.4)
    USERINFO = "userinfo"
    AUTHORIZATION = "authorization"  # JARM §3
    INTROSPECTION = "introspection"  # RFC 9701 §6


class UnusableRegistration(ProtocolError):
    """What the client registered cannot be kept: its keys do not fit, or its algorithm is not to be had here."""

    def __init__(self, description: str) -> None:
        super().__init__("invalid_request", description)


def signing_algorithm(settings: Settings, client: Client, kind: Kind) -> str:
    """The algorithm the client registered, else our first that its profile admits. ``none`` is no algorithm: it counts
    as not registered. Raises UnusableRegistration."""
    usable = _usable(settings, client)
    registered = client.metadata.get(f"{kind}_signed_response_alg")
    if registered in (None, UNSIGNED) and usable:
        return usable[0]
    if registered not in usable:
        raise UnusableRegistration("The client is registered for a signing algorithm that it cannot have here.")
    return str(registered)


def access_token_algorithm(settings: Settings, client: Client) -> str:
    """Our first that the client's profile admits: FAPI 2.0 Security Profile §5.4.1 speaks of every JWT. Raises
    UnusableRegistration."""
    usable = _usable(settings, client)
    if not usable:
        raise UnusableRegistration("This deployment signs nothing by an algorithm that the client may be given.")
    return usable[0]


def _usable(settings: Settings, client: Client) -> list[str]:
    admitted = client.profile.algorithms
    ours = [alg for alg in (settings.key_algorithms[0], *admitted) if alg in settings.key_algorithms]
    return [alg for alg in ours if alg in admitted]


def signed(context: Context, client: Client, kind: Kind, claims: Mapping[str, Any], typ: str = "JWT") -> str:
    """``claims`` signed for the client and, where it is registered so, encrypted. Raises UnusableRegistration."""
    alg = signing_algorithm(context.settings, client, kind)
    return encrypted(context, client, kind, sign(context.keys, alg, claims, typ, context.now))


def encrypted(
    context: Context, client: Client, kind: Kind, text: str, *, cty: str | None = "JWT", issuer: str | None = None
) -> str:
    """The text as it is, or encrypted to the client where it is registered so. Raises UnusableRegistration.

    ``cty`` says what is inside: a JWT of its own, or (None) bare claims (RFC 7519 §5.2); ``issuer``: whose it is, told
    outside too."""
    if not is_encrypted(client, kind):
        return text
    alg, enc, key, kid = _recipient(context, client, kind)
    try:
        return jwe.encrypt(text, key, alg=alg, enc=enc, kid=kid, cty=cty, issuer=issuer)
    except (JoseError, ValueError) as error:
        raise _no_key() from error


def is_encrypted(client: Client, kind: Kind) -> bool:
    """Whether the client registered to get this kind encrypted."""
    return bool(client.metadata.get(_alg(kind)))


def check_encryption(context: Context, client: Client, kind: Kind) -> None:
    """Find the client's key before anything is used up for an answer that could not be given. Raises
    UnusableRegistration."""
    if is_encrypted(client, kind):
        _recipient(context, client, kind)


def _recipient(context: Context, client: Client, kind: Kind) -> tuple[str, str, Key, str | None]:
    """(alg, enc, key, kid): of the client's usable keys the first, one made for encryption before one for anything."""
    alg = client.metadata[_alg(kind)]
    enc = client.metadata.get(f"{kind}_encrypted_response_enc") or jwe.DEFAULT_CONTENT_ALGORITHM
    if enc not in jwe.CONTENT_ALGORITHMS:
        raise _no_key()
    found = client_keys.find_jwks(context, client, {"alg": alg}, use="enc")
    for jwk in sorted(found, key=lambda jwk: jwk.get("use") is None):
        with contextlib.suppress(JoseError):
            return alg, enc, client_keys.imported(json.dumps(jwk, sort_keys=True)), jwk.get("kid")
    raise _no_key()


def _alg(kind: Kind) -> str:
    return f"{kind}_encrypted_response_alg"


def _no_key() -> UnusableRegistration:
    return UnusableRegistration("The client has registered no key to which this could be encrypted.")


def metadata_for(settings: Settings, kind: Kind) -> dict[str, Any]:
    """What the discovery document says about a kind (OpenID Connect Discovery §3, JARM §4, RFC 9701 §7)."""
    return {
        f"{kind}_signing_alg_values_supported": list(settings.key_algorithms),
        f"{kind}_encryption_alg_values_supported": list(jwe.KEY_ALGORITHMS),
        f"{kind}_encryption_enc_values_supported": list(jwe.CONTENT_ALGORITHMS),
    }
