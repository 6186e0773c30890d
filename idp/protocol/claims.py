"""Claims about a person: which scope gives which, and what a userinfo answer or an ID token therefore holds.

OpenID Connect Core §5.1 (standard claims), §5.4 (scopes), §5.5 (the claims parameter). Our own scopes are ``identity``
(the verified identity with its assurance) and ``organisation`` (for whom the person acts).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from idp.config import Settings
from idp.domain.account import Account
from idp.domain.assurance import Proof, strongest
from idp.domain.client import Client

SCOPE_CLAIMS: Mapping[str, tuple[str, ...]] = {
    "profile": (
        "name",
        "family_name",
        "given_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "updated_at",
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
    "identity": ("name", "id_type", "id_number", "loa"),
    "organisation": ("act_as",),
}
PERSON_SCOPES = frozenset({"openid", "offline_access", *SCOPE_CLAIMS})
"""Scopes about a person; a client acting for itself cannot have them."""
PROTOCOL_CLAIMS = frozenset(
    {"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "auth_time", "nonce", "acr", "amr", "azp", "sid", "at_hash"}
    | {"c_hash", "s_hash", "client_id", "scope", "cnf", "events"}
)
"""Never taken from a person's data."""
_OF_TOKENS = frozenset(
    {"sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "sid", "nonce", "at_hash", "c_hash"}
)


def requested(grant_claims: Mapping[str, Any], place: str) -> tuple[str, ...]:
    """The names asked for one place (``userinfo`` or ``id_token``) by the claims parameter (§5.5)."""
    members = grant_claims.get(place)
    return tuple(members) if isinstance(members, Mapping) else ()


def may_request(client: Client, name: str) -> bool:
    """Whether the client may ask for a claim by name: only if a scope that gives it is registered for the client."""
    return any(name in SCOPE_CLAIMS[scope] for scope in client.scope if scope in SCOPE_CLAIMS)


def names_for(scope: Iterable[str], asked: Iterable[str], client: Client) -> frozenset[str]:
    """The claims that a scope and single requests add up to."""
    names = {name for item in scope for name in SCOPE_CLAIMS.get(item, ())}
    names.update(name for name in asked if may_request(client, name))
    return frozenset(names - PROTOCOL_CLAIMS)


def values_of(
    account: Account,
    names: frozenset[str],
    now: datetime,
    *,
    act_as: Mapping[str, str] | None = None,
    proofs: Sequence[Proof] = (),
) -> dict[str, Any]:
    """The named claims as far as the person has them; a claim without a value is left out (§5.3.2)."""
    known = _derived(account) | account.claims | {"loa": _assurance(proofs, now), "act_as": act_as and dict(act_as)}
    return {name: known[name] for name in sorted(names) if known.get(name) is not None}


def _derived(account: Account) -> dict[str, Any]:
    """Claims that follow from the account itself where its data do not state them."""
    return {
        "preferred_username": account.username,
        "locale": account.locale,
        "updated_at": int(account.updated_at.timestamp()),
    }


def _assurance(proofs: Sequence[Proof], now: datetime) -> dict[str, Any] | None:
    best = strongest(proofs, now)
    if best is None:
        return None
    return {
        "level": best.level,
        "source": best.source,
        "method": best.method,
        "verified_at": best.verified_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def server_metadata(settings: Settings) -> dict[str, Any]:
    """OpenID Connect Discovery §3."""
    names = {name for claims in SCOPE_CLAIMS.values() for name in claims}
    return {
        "scopes_supported": [*sorted(PERSON_SCOPES), *sorted(settings.resource_scopes)],
        "claims_supported": sorted(names | _OF_TOKENS),
        "claim_types_supported": ["normal"],
    }
