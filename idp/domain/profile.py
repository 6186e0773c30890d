"""Client profiles: what the deployment demands of a client and allows it, one row a profile.

``default`` follows OAuth 2.0 Security Best Current Practice (RFC 9700); ``fapi2`` and ``fapi2-signing`` are FAPI 2.0
Security Profile Final and FAPI 2.0 Message Signing Final; ``legacy`` admits what older clients still need:
front-channel response types, and confidential clients without PKCE. Every rule is checked where it belongs, always
against this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CODE_ONLY = frozenset({"code"})
FRONT_CHANNEL = frozenset({"id_token", "id_token token", "code id_token", "code token", "code id_token token"})
"""Response types that put tokens into the front channel (OpenID Connect Core §3.2, §3.3; RFC 9700 §2.1.2 advises
against them)."""


def in_order(response_type: str) -> str:
    """A response type in the order of words that we write; the order means nothing (Multiple Response Types §3)."""
    return " ".join(sorted(response_type.split(" ")))


ANY_METHOD = frozenset(
    {
        "client_secret_basic",
        "client_secret_post",
        "client_secret_jwt",
        "private_key_jwt",
        "tls_client_auth",
        "self_signed_tls_client_auth",
        "none",
    }
)
STRONG_METHODS = frozenset({"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"})
ANY_ALGORITHM = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
FAPI_ALGORITHMS = ("PS256", "ES256", "EdDSA", "Ed25519")
_ED25519 = ("EdDSA", "Ed25519")  # the same by its older and its fully specified name (RFC 9864 §2.2)


def is_same_algorithm(one: object, other: object) -> bool:
    """Whether two names, perhaps a stranger's, mean one signature algorithm."""
    return one == other or (one in _ED25519 and other in _ED25519)


@dataclass(frozen=True)
class Profile:
    """Requirements for the clients of one profile."""

    name: str
    auth_methods: frozenset[str] = ANY_METHOD
    algorithms: tuple[str, ...] = ANY_ALGORITHM
    """Signatures: the client's (assertions, request objects, proofs) and ours for it (ID tokens, responses)."""
    response_types: frozenset[str] = CODE_ONLY
    must_use_pkce: bool = True  # confidential clients too; public ones always must
    must_push: bool = False  # authorization requests by RFC 9126 only
    must_sign_request: bool = False  # as a signed request object
    must_sign_response: bool = False  # response_mode=jwt
    must_bind_tokens: bool = False  # by DPoP or mutual TLS
    must_use_https: bool = False  # redirect URIs, save loopback ones of native applications
    rotates_refresh: bool = True
    allows_openings: bool = True  # test-only relaxations of a single client, where the deployment lets them count
    merges_parameters: bool = True  # outside the request object (OpenID Connect Core §6.1); else only the object counts


_FAPI2 = Profile(
    "fapi2",
    auth_methods=STRONG_METHODS,
    algorithms=FAPI_ALGORITHMS,
    must_push=True,
    must_bind_tokens=True,
    must_use_https=True,
    rotates_refresh=False,
    allows_openings=False,
    merges_parameters=False,
)

PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("default"),
        _FAPI2,
        Profile(**{**vars(_FAPI2), "name": "fapi2-signing", "must_sign_request": True, "must_sign_response": True}),
        Profile("legacy", response_types=CODE_ONLY | FRONT_CHANNEL, must_use_pkce=False),
    )
}
DEFAULT = "default"
