"""Mutual TLS: a client proves itself by its certificate; tokens are bound to it; its host has addresses of its own.

RFC 8705 §2.1 (tls_client_auth: an authority's certificate for the one registered subject), §2.2
(self_signed_tls_client_auth: a certificate of a registered key), §3.1 (the thumbprint in ``cnf``), §3.3 (metadata), §5
(aliases). Whether the caller holds the certificate's private key the TLS handshake has shown; all else is judged here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from idp.config import Settings
from idp.context import Context
from idp.crypto import certificates
from idp.crypto.certificates import Authorities, Certificate, CertificateUnreadable
from idp.crypto.jose import JoseError
from idp.domain.client import Client
from idp.protocol import client_keys
from idp.protocol.certificate_subjects import names_subject

BY_AUTHORITY, SELF_SIGNED = "tls_client_auth", "self_signed_tls_client_auth"
METHODS = (BY_AUTHORITY, SELF_SIGNED)
ALIASED = (
    "token_endpoint",
    "pushed_authorization_request_endpoint",
    "userinfo_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
)


def thumbprint(certificate: bytes) -> str:
    """``x5t#S256`` of a certificate in DER: what ``cnf`` of a token bound to it says."""
    return base64.urlsafe_b64encode(hashlib.sha256(certificate).digest()).rstrip(b"=").decode()


def is_vouched_for(context: Context, client: Client | None, certificate: bytes) -> bool:
    """RFC 8705 §2.1: an authority of ours vouches for the certificate, and its subject is the registered one."""
    found = _usable(certificate, context.now)
    if client is None or found is None or not names_subject(found, client.metadata):
        return False
    authorities: Authorities | None = context.provider.parts.get("client_authorities")
    return authorities is not None and authorities.vouch_for(found, context.now)


def is_registered(context: Context, client: Client | None, certificate: bytes) -> bool:
    """RFC 8705 §2.2: the certificate's key is one the client registered or publishes, and the very certificate where
    that key is registered with one (``x5c``). Nobody needs to vouch for it."""
    found = _usable(certificate, context.now)
    if client is None or found is None:
        return False
    key = certificates.strong_key(found)
    return bool(client_keys.matching(context, client, lambda jwk: _is_of(jwk, key, certificate)))


def _usable(certificate: bytes, now: datetime) -> Certificate | None:
    try:
        found = certificates.load(certificate)
    except CertificateUnreadable:
        return None
    return found if certificates.is_timely(found, now) and certificates.strong_key(found) is not None else None


def _is_of(jwk: Mapping[str, Any], key: certificates.PublicKey | None, certificate: bytes) -> bool:
    try:
        registered = client_keys.imported(json.dumps(jwk, sort_keys=True))
    except JoseError:
        return False
    return registered.public_key == key and ("x5c" not in jwk or _first_certificate(jwk["x5c"]) == certificate)


def _first_certificate(x5c: Any) -> bytes | None:
    """RFC 7517 §4.7: base64, not base64url; the first is the key's own."""
    try:
        return base64.b64decode(x5c[0], validate=True)
    except (LookupError, TypeError, ValueError, binascii.Error):
        return None


def missing_settings(settings: Settings, metadata: Mapping[str, Any]) -> list[str]:
    """The settings without which a client with these metadata can never do as it registered: no certificate of its
    reaches us, or nobody's is believed."""
    method = metadata.get("token_endpoint_auth_method")
    shows_one = method in METHODS or metadata.get("tls_client_certificate_bound_access_tokens", False)
    needed = ["mtls_url"] * shows_one + ["client_ca_bundle"] * (method == BY_AUTHORITY)
    return [name for name in needed if not getattr(settings, name)]


def available(settings: Settings, methods: Collection[str]) -> list[str]:
    """Those of the methods of client authentication that this deployment can serve."""
    missing = set() if settings.mtls_url else set(METHODS)
    if not settings.client_ca_bundle:
        missing.add(BY_AUTHORITY)
    return [method for method in methods if method not in missing]


def aliases(settings: Settings, document: Mapping[str, Any]) -> dict[str, str]:
    """The endpoints' addresses on the mutual-TLS host (RFC 8705 §5), of those the metadata document has."""
    if not settings.mtls_url:
        return {}
    return {
        name: settings.mtls_url + document[name].removeprefix(settings.issuer) for name in ALIASED if name in document
    }


def server_metadata(settings: Settings) -> dict[str, Any]:
    """RFC 8705 §3.3."""
    return {"tls_client_certificate_bound_access_tokens": True} if settings.mtls_url else {}
