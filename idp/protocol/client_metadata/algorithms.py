"""Algorithms in metadata: which a client may register under its profile, which keys they need, what they default to.

OpenID Connect Registration §2 (RS256 by default; enc only with alg; none only where no ID token is front-channel),
RFC 7518 §3.1 and §4.1, OpenID Connect Core §10. Which names exist at all stands in the table of fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from idp.config import Settings
from idp.crypto.jose import SECRET_ALGORITHM
from idp.crypto.jwe import DEFAULT_CONTENT_ALGORITHM
from idp.domain.opening import Opening
from idp.domain.profile import PROFILES, Profile
from idp.protocol import client_keys
from idp.protocol.client_metadata.fields import FIELDS, refused

Metadata = Mapping[str, Any]
_SIGNED_BY_US = tuple(name for name in FIELDS if name.endswith("_signed_response_alg"))
_ENCRYPTED_FOR_CLIENT = tuple(name for name in FIELDS if name.endswith("_encrypted_response_alg"))
_ENCRYPTED = (*_ENCRYPTED_FOR_CLIENT, "request_object_encryption_alg")
_MAY_BE_UNSIGNED = {
    "id_token_signed_response_alg": Opening.UNSIGNED_ID_TOKEN,
    "request_object_signing_alg": Opening.UNSIGNED_REQUEST_OBJECT,
}


def default(settings: Settings, profile: Profile) -> str:
    """RS256 where profile and deployment have it, else their first in common."""
    both = [alg for alg in profile.algorithms if alg in settings.key_algorithms]
    return "RS256" if "RS256" in both or not both else both[0]


def encryption_defaults(metadata: Metadata) -> dict[str, str]:
    found = (name.removesuffix("alg") + "enc" for name in _ENCRYPTED if name in metadata)
    return dict.fromkeys(found, DEFAULT_CONTENT_ALGORITHM)


def check(settings: Settings, metadata: Metadata) -> None:
    """Raises invalid_client_metadata."""
    for name in _SIGNED_BY_US:
        if metadata.get(name, "none") not in {"none", *settings.key_algorithms}:
            raise refused(name, "is an algorithm this deployment has no key for.")
    _check_unsigned(metadata)
    _check_assertions(metadata)
    for name in _ENCRYPTED:
        if name not in metadata and name.removesuffix("alg") + "enc" in metadata:
            raise refused(name, "is required where the content encryption is given.")
    for name in _ENCRYPTED_FOR_CLIENT:
        if name in metadata and not _has_key(metadata, (metadata[name],), use="enc"):
            raise refused(name, "needs a public key of the client in jwks or jwks_uri.")


def _check_unsigned(metadata: Metadata) -> None:
    for name, opening in _MAY_BE_UNSIGNED.items():
        if metadata.get(name) == "none" and opening.value not in metadata.get("openings", ()):
            raise refused(name, "may not be none.")
    is_front_channel = any("id_token" in kind.split() for kind in metadata["response_types"])
    if metadata.get("id_token_signed_response_alg") == "none" and is_front_channel:
        raise refused("id_token_signed_response_alg", "may be none for the code flow only.")
    if metadata.get("request_object_signing_alg") == "none" and metadata.get("require_signed_request_object"):
        raise refused("request_object_signing_alg", "may not be none where a signed request object is required.")


def _check_assertions(metadata: Metadata) -> None:
    """A client that proves itself by a JWT signs it with a key it has registered, or with its secret."""
    method, alg = metadata["token_endpoint_auth_method"], metadata.get("token_endpoint_auth_signing_alg")
    if method == "client_secret_jwt" and alg not in {None, SECRET_ALGORITHM}:
        raise refused("token_endpoint_auth_signing_alg", f"must be {SECRET_ALGORITHM} for client_secret_jwt.")
    if method != "private_key_jwt":
        return
    if alg == SECRET_ALGORITHM:
        raise refused("token_endpoint_auth_signing_alg", "must not be symmetric for private_key_jwt.")
    allowed = PROFILES[metadata.get("profile", "default")].algorithms
    if not _has_key(metadata, (alg,) if alg else allowed, use="sig"):
        raise refused("jwks", "has no key for the algorithms this client may sign with.")


def _has_key(metadata: Metadata, algs: tuple[str, ...], *, use: str) -> bool:
    """Whether the client has a fitting key; one it publishes is looked at when it is needed."""
    return "jwks_uri" in metadata or any(_fitting(metadata, algs, use))


def _fitting(metadata: Metadata, algs: tuple[str, ...], use: str) -> Iterator[Mapping[str, Any]]:
    for key in metadata.get("jwks", {}).get("keys", ()):
        if any(client_keys.fits(key, {"alg": alg}, use=use) for alg in algs):
            yield key
