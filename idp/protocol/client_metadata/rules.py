"""Defaults, and the rules that are about several fields at once.

RFC 7591 §2 and §2.1 (grant types and response types belong together; jwks or jwks_uri, not both), OpenID Connect
Registration §2 (defaults; application_type), §5 and Core §8.1 (sector identifiers), RFC 8705 §2.1.2 (exactly one
subject), OpenID Connect Front-Channel Logout §2 (same origin as a redirect URI), RFC 6749 §4.4 (confidential only).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from idp.config import Settings
from idp.domain.profile import PROFILES
from idp.protocol import mtls
from idp.protocol.certificate_subjects import SUBJECTS
from idp.protocol.client_metadata import algorithms
from idp.protocol.client_metadata.fields import refused
from idp.protocol.client_metadata.policy import Policy
from idp.protocol.client_metadata.uris import Check, check_called, check_https, check_redirect, parsed
from idp.protocol.client_metadata.values import Wrong
from idp.protocol.errors import ProtocolError

_LIFETIMES = ("access_token_lifetime", "id_token_lifetime", "refresh_idle_lifetime", "refresh_absolute_lifetime")
_CODE, _IMPLICIT = "authorization_code", "implicit"
Metadata = Mapping[str, Any]


def with_defaults(settings: Settings, metadata: Metadata, policy: Policy) -> dict[str, Any]:
    """The metadata with what counts where nothing was said (OpenID Connect Registration §2)."""
    profile = PROFILES[metadata.get("profile", policy.profile if policy.is_registrant else "default")]
    response_types = metadata.get("response_types", _response_types_of(metadata))
    defaults: dict[str, Any] = {
        "token_endpoint_auth_method": "client_secret_basic",
        "application_type": "web",
        "subject_type": "public",
        "response_types": response_types,
        "grant_types": _grant_types_of(response_types),
        "id_token_signed_response_alg": algorithms.default(settings, profile),
    }
    if profile.must_push:
        defaults["require_pushed_authorization_requests"] = True
    if profile.must_sign_request:
        defaults["require_signed_request_object"] = True
    if profile.must_sign_response:
        defaults["authorization_signed_response_alg"] = algorithms.default(settings, profile)
    return defaults | algorithms.encryption_defaults(metadata) | dict(metadata)


def check_rules(settings: Settings, metadata: Metadata, policy: Policy) -> None:
    """Raises the ProtocolError of the first rule that is broken."""
    _check_correspondence(metadata)
    _check_redirect_uris(settings, metadata)
    _check_other_uris(settings, metadata)
    _check_sector(metadata)
    _check_method(settings, metadata, policy)
    _check_keys_and_subject(metadata)
    _check_lifetimes(settings, metadata)
    algorithms.check(settings, metadata)


def _response_types_of(metadata: Metadata) -> list[str]:
    """``code``, unless the grants asked for have nothing to do with an authorization endpoint."""
    return ["code"] if _CODE in metadata.get("grant_types", [_CODE]) else []


def _grant_types_of(response_types: list[str]) -> list[str]:
    return sorted(set().union(*map(_grants_for, response_types))) or [_CODE]


def _grants_for(response_type: str) -> set[str]:
    """RFC 7591 §2.1."""
    words = set(response_type.split())
    return ({_CODE} if "code" in words else set()) | ({_IMPLICIT} if words - {"code"} else set())


def _check_correspondence(metadata: Metadata) -> None:
    needed = set().union(*map(_grants_for, metadata["response_types"]))
    grants = set(metadata["grant_types"])
    if needed != grants & {_CODE, _IMPLICIT}:
        raise refused("grant_types", "and response_types do not belong together.")
    if "client_credentials" in grants and metadata["token_endpoint_auth_method"] == "none":  # noqa: S105
        raise refused("grant_types", "may hold client_credentials for confidential clients only.")


def _check_redirect_uris(settings: Settings, metadata: Metadata) -> None:
    uris, is_native = metadata.get("redirect_uris", []), metadata["application_type"] == "native"
    if metadata["response_types"] and not uris:
        raise refused("redirect_uris", "must hold at least one address for these response types.")
    check: Check = partial(check_redirect, is_native=is_native)
    _check_each(settings, metadata, "redirect_uris", check)
    _check_each(settings, metadata, "post_logout_redirect_uris", check)
    is_on_localhost = any(parsed(uri).host == "localhost" for uri in uris)
    if _IMPLICIT in metadata["grant_types"] and not is_native and is_on_localhost:
        raise refused("redirect_uris", "must not be on localhost where tokens come by the front channel.")


def _check_other_uris(settings: Settings, metadata: Metadata) -> None:
    for name in ("jwks_uri", "sector_identifier_uri", "logo_uri", "backchannel_logout_uri", "frontchannel_logout_uri"):
        _check_each(settings, metadata, name, check_called)
    _check_each(settings, metadata, "request_uris", partial(check_called, may_have_fragment=True))
    _check_each(settings, metadata, "initiate_login_uri", check_https)
    uri = metadata.get("frontchannel_logout_uri")
    if uri is not None and parsed(uri).origin not in {parsed(one).origin for one in metadata.get("redirect_uris", [])}:
        raise refused("frontchannel_logout_uri", "must be of the same origin as a redirect URI.")


def _check_each(settings: Settings, metadata: Metadata, name: str, check: Callable[[Settings, str], None]) -> None:
    values = [value for full_name, value in metadata.items() if full_name.partition("#")[0] == name]
    for value in values:
        for uri in value if isinstance(value, list) else [value]:
            try:
                check(settings, uri)
            except Wrong as wrong:
                raise refused(name, str(wrong)) from wrong


def _check_sector(metadata: Metadata) -> None:
    """A pairwise subject is made for a host; several hosts must say together that they are one sector."""
    hosts = {parsed(uri).host for uri in metadata.get("redirect_uris", [])}
    is_clear = len(hosts) <= 1 and None not in hosts
    if metadata["subject_type"] == "pairwise" and not is_clear and "sector_identifier_uri" not in metadata:
        raise refused("sector_identifier_uri", "is required for pairwise subjects with redirect URIs of several hosts.")


def _check_method(settings: Settings, metadata: Metadata, policy: Policy) -> None:
    """An operator may register a client today for the mutual-TLS host of tomorrow."""
    if not policy.is_registrant or not mtls.missing_settings(settings, metadata):
        return
    if metadata["token_endpoint_auth_method"] in mtls.METHODS:
        raise refused("token_endpoint_auth_method", "is a method that this deployment does not serve.")
    raise refused("tls_client_certificate_bound_access_tokens", "is nothing that this deployment serves.")


def _check_keys_and_subject(metadata: Metadata) -> None:
    method = metadata["token_endpoint_auth_method"]
    if "jwks" in metadata and "jwks_uri" in metadata:
        raise refused("jwks", "and jwks_uri exclude one another.")
    has_keys = "jwks" in metadata or "jwks_uri" in metadata
    if method in {"private_key_jwt", "self_signed_tls_client_auth"} and not has_keys:
        raise refused("jwks", "or jwks_uri is required by this token_endpoint_auth_method.")
    subjects = [name for name in SUBJECTS if name in metadata]
    if len(subjects) > 1 or (method == "tls_client_auth" and not subjects):
        raise ProtocolError(
            "invalid_client_metadata",
            "tls_client_auth needs exactly one of the tls_client_auth_ fields.",
            parameter="token_endpoint_auth_method",
        )


def _check_lifetimes(settings: Settings, metadata: Metadata) -> None:
    for name in _LIFETIMES:
        most = int(getattr(settings, name).total_seconds())
        if metadata.get(name, 0) > most:
            raise refused(name, f"may only shorten the deployment's {most} seconds.")
