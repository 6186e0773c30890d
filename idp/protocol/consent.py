"""Consent: what a client would learn or may do, whether the person agreed to it before, and what to ask now.

OpenID Connect Core §3.1.2.4 (obtaining consent), §5.4 (an agreed scope is agreed claims), §11 (offline access needs it
too), RFC 6819 §5.2.3.2: first-party services, which the operator answers for, need none unless they ask for it by
``prompt=consent``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from idp.domain.session import Consent
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.claims import SCOPE_CLAIMS
from idp.protocol.requested_claims import ABOUT_THE_LOGIN


def single_claims(request: AuthorizationRequest) -> frozenset[str]:
    """The claims asked for by name that no asked scope brings anyway."""
    return request.claims.names - ABOUT_THE_LOGIN - _claims_of(request.scope)


def is_consent_needed(request: AuthorizationRequest, remembered: Consent | None, started_at: datetime) -> bool:
    """Whether the person must be asked. ``started_at``: since when an answer to ``prompt=consent`` counts."""
    if "consent" in request.prompt:
        is_fresh = remembered is not None and remembered.granted_at >= started_at
        return not (is_fresh and _covers(request, remembered))
    return not request.client.is_first_party and not _covers(request, remembered)


def _covers(request: AuthorizationRequest, remembered: Consent | None) -> bool:
    """Who agreed to a scope agreed to each of its claims (§5.4), so one of them asked for singly is nothing new."""
    if remembered is None:
        return False
    return remembered.covers(request.scope, single_claims(request) - _claims_of(remembered.scope))


def _claims_of(scopes: Iterable[str]) -> frozenset[str]:
    return frozenset(name for scope in scopes for name in SCOPE_CLAIMS.get(scope, ()))
