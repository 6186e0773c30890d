"""A client's metadata beside the requirements of its profile (the table is idp.domain.profile).

FAPI 2.0 Security Profile §5.3.2.1 (confidential clients, methods, algorithms, pushed requests, sender-constrained
tokens) and §5.3.2.2 (https redirect URIs), FAPI 2.0 Message Signing §5.3 and §5.4, RFC 9700 §2.1.2 (response types).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from idp.crypto.jose import SECRET_ALGORITHM
from idp.domain.profile import DEFAULT, PROFILES, Profile
from idp.protocol.client_metadata.fields import refused
from idp.protocol.client_metadata.uris import is_protected
from idp.protocol.errors import ProtocolError

Metadata = Mapping[str, Any]
_CLIENT_SIGNS = ("token_endpoint_auth_signing_alg", "request_object_signing_alg")
_WE_SIGN = (
    "id_token_signed_response_alg",
    "userinfo_signed_response_alg",
    "authorization_signed_response_alg",
    "introspection_signed_response_alg",
)


def profile_findings(metadata: Metadata) -> Iterator[ProtocolError]:
    """What is not as the profile wants it, each as the error a registration would end with."""
    profile = PROFILES.get(metadata.get("profile", DEFAULT))
    if profile is None:
        yield refused("profile", "does not exist.")
        return
    yield from _methods(profile, metadata)
    yield from _algorithms(profile, metadata)
    yield from _requests(profile, metadata)
    yield from _redirect_uris(profile, metadata)


def _methods(profile: Profile, metadata: Metadata) -> Iterator[ProtocolError]:
    method = metadata.get("token_endpoint_auth_method", "client_secret_basic")
    if method not in profile.auth_methods:
        yield _finding(profile, "token_endpoint_auth_method", "allows no such method")
    binds = metadata.get("dpop_bound_access_tokens") or metadata.get("tls_client_certificate_bound_access_tokens")
    if profile.must_bind_tokens and not binds:
        yield _finding(profile, "dpop_bound_access_tokens", "demands it or tls_client_certificate_bound_access_tokens")
    if not profile.allows_openings and metadata.get("openings"):
        yield _finding(profile, "openings", "allows none")


def _algorithms(profile: Profile, metadata: Metadata) -> Iterator[ProtocolError]:
    openings, may_share_secret = metadata.get("openings"), "client_secret_jwt" in profile.auth_methods
    for name in (*_CLIENT_SIGNS, *_WE_SIGN):
        alg = metadata.get(name)
        is_open = alg == "none" and bool(openings)
        is_by_secret = alg == SECRET_ALGORITHM and name == "token_endpoint_auth_signing_alg" and may_share_secret
        if alg is not None and not is_open and not is_by_secret and alg not in profile.algorithms:
            yield _finding(profile, name, f"allows only {', '.join(profile.algorithms)}")


def _requests(profile: Profile, metadata: Metadata) -> Iterator[ProtocolError]:
    if not set(metadata.get("response_types", ["code"])) <= profile.response_types:
        yield _finding(profile, "response_types", f"allows only {', '.join(sorted(profile.response_types))}")
    if profile.must_push and metadata.get("require_pushed_authorization_requests") is False:
        yield _finding(profile, "require_pushed_authorization_requests", "demands it")
    if profile.must_sign_request:
        if metadata.get("require_signed_request_object") is False:
            yield _finding(profile, "require_signed_request_object", "demands it")
        if "jwks" not in metadata and "jwks_uri" not in metadata:
            yield _finding(profile, "jwks", "demands keys for request objects")


def _redirect_uris(profile: Profile, metadata: Metadata) -> Iterator[ProtocolError]:
    is_native = metadata.get("application_type") == "native"
    if profile.must_use_https and not all(
        is_protected(uri, is_native=is_native) for uri in metadata.get("redirect_uris", ())
    ):
        yield _finding(profile, "redirect_uris", "demands https, or a loopback address of a native application")


def _finding(profile: Profile, name: str, text: str) -> ProtocolError:
    return refused(name, f"is not as profile {profile.name} wants it: it {text}.")
