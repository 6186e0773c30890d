"""Who registers what: a registrant gets a profile, openings and scopes by policy; an operator decides freely.

RFC 7591 §3 and Appendix A.1 (the initial access token as the carrier of policy), §2 (a server may replace values).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp.config import Settings
from idp.domain.opening import Opening
from idp.domain.profile import DEFAULT
from idp.protocol.claims import PERSON_SCOPES
from idp.protocol.errors import ProtocolError

STRICTNESS = ("legacy", "default", "fapi2", "fapi2-signing")
"""Profiles; each demands more than those before it."""


@dataclass(frozen=True)
class Policy:
    """``profile`` is the least strict one that may be had; a registrant may ask for a stricter one, for fewer openings
    and for fewer scopes, never for more."""

    profile: str = DEFAULT
    openings: tuple[str, ...] = ()
    scope: frozenset[str] = frozenset()  # beyond the deployment's registration_scopes
    is_first_party: bool = False
    is_registrant: bool = True

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Policy:
        """The policy as an initial access token stores it."""
        return cls(
            profile=document.get("profile", DEFAULT),
            openings=tuple(document.get("openings", ())),
            scope=frozenset(str(document.get("scope", "")).split()),
            is_first_party=bool(document.get("is_first_party", False)),
        )

    def as_document(self) -> dict[str, Any]:
        """What an initial access token stores."""
        return {
            "profile": self.profile,
            "openings": list(self.openings),
            "scope": " ".join(sorted(self.scope)),
            "is_first_party": self.is_first_party,
        }


OPERATOR = Policy(profile=STRICTNESS[0], openings=tuple(Opening), is_registrant=False)


def known_scopes(settings: Settings) -> frozenset[str]:
    """Every scope of this deployment."""
    return PERSON_SCOPES | frozenset(settings.resource_scopes)


def apply_policy(settings: Settings, metadata: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    """The metadata with what policy grants, no more. Raises ProtocolError where more is asked for."""
    if policy.is_registrant:
        granted = _granted(metadata, policy)
        return {**metadata, **granted, **_scope(settings, metadata, policy)}
    unknown = set(str(metadata.get("scope", "")).split()) - known_scopes(settings)
    if unknown:
        raise ProtocolError("invalid_client_metadata", "scope names a scope that is not known here.", parameter="scope")
    return dict(metadata)


def _granted(metadata: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    profile = metadata.get("profile", policy.profile)
    if STRICTNESS.index(profile) < STRICTNESS.index(policy.profile):
        raise ProtocolError(
            "invalid_client_metadata", "profile must not demand less than the deployment does.", parameter="profile"
        )
    openings = metadata.get("openings", policy.openings if profile == policy.profile else ())
    if not set(openings) <= set(policy.openings):
        raise ProtocolError("invalid_client_metadata", "openings are not for registrants.", parameter="openings")
    return {"profile": profile} | ({"openings": list(openings)} if openings else {})


def _scope(settings: Settings, metadata: Mapping[str, Any], policy: Policy) -> dict[str, str]:
    """The scopes asked for as far as they may be had; without a wish, all about a person that may be (RFC 7591 §2)."""
    grants = metadata.get("grant_types", ("authorization_code",))
    allowed = known_scopes(settings) & (frozenset(settings.registration_scopes) | policy.scope)
    if "refresh_token" not in grants:
        allowed -= {"offline_access"}
    asked = str(metadata["scope"]).split() if "scope" in metadata else _default_scope(settings, policy, grants)
    found = [name for name in asked if name in allowed]
    if asked and not found:
        raise ProtocolError("invalid_client_metadata", "scope names nothing that can be registered.", parameter="scope")
    return {"scope": " ".join(found)} if found else {}


def _default_scope(settings: Settings, policy: Policy, grants: Any) -> list[str]:
    is_for_people = "authorization_code" in grants or "implicit" in grants
    return list(dict.fromkeys((*settings.registration_scopes, *sorted(policy.scope)))) if is_for_people else []
