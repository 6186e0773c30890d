"""What the person must do next before an authorization request can be answered: decided from facts alone.

OpenID Connect Core §3.1.2.3 (authentication, prompt, max_age, hints), §3.1.2.4 (consent), §3.1.2.6 (errors of
prompt=none), OpenID Connect Core Unmet Authentication Requirements 1.0 §2. :func:`decide` is pure: pages store their
result and come back to it; they never call one another. What a page did is seen in the facts: a login, consent or
choice counts when it is not older than the request (``started_at``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from idp.domain.session import SignedIn
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.consent import is_consent_needed
from idp.protocol.errors import ProtocolError

ANOTHER_ACCOUNT = "another"  # selected_sid of a person who wants to be somebody else; no sid looks like it
LOCAL = "local"


class Page(StrEnum):
    """Where the person does it."""

    LOGIN = "/login"
    UPSTREAM = "/upstream"
    CREATE = "/register"
    SELECT_ACCOUNT = "/select-account"
    ACT_AS = "/act-as"
    CONSENT = "/consent"


@dataclass(frozen=True)
class Facts:
    """Everything the decision rests on beside the request. ``signed_in`` is the browser's live session or None,
    ``subject`` its person as this client knows them, ``upstream_levels`` the most each upstream may vouch for."""

    now: datetime
    started_at: datetime
    signed_in: SignedIn | None = None
    subject: str | None = None
    is_denied: bool = False
    selected_sid: str | None = None
    is_hint_followed: bool = False
    upstream_levels: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_fresh(self) -> bool:
        """Whether the person logged in because of this very request."""
        return self.signed_in is not None and self.signed_in.session.auth_time >= self.started_at


@dataclass(frozen=True)
class Visit:
    """The person is to be sent to a page; ``level`` is the one the login should reach (0: any)."""

    page: Page
    level: int = 0
    upstream: str | None = None


@dataclass(frozen=True)
class Refuse:
    """The client is to be told why there is no answer."""

    error: ProtocolError


@dataclass(frozen=True)
class Grant:
    """Nothing is left to do: answer with what was asked for, for this session."""

    signed_in: SignedIn


Decision = Visit | Refuse | Grant


def decide(request: AuthorizationRequest, facts: Facts) -> Decision:
    """The one next step. With ``prompt=none`` it is never a visit."""
    if facts.is_denied:
        return _refuse(request, "access_denied", "The person did not agree.")
    step = _next_step(request, facts)
    if isinstance(step, Visit) and "none" in request.prompt:
        return _silent_error(request, step)
    return step


def _next_step(request: AuthorizationRequest, facts: Facts) -> Decision:
    signed_in = facts.signed_in
    if signed_in is None or _is_login_due(request, facts, signed_in):
        return Visit(Page.CREATE) if "create" in request.prompt else _login(request, facts)
    return (
        _identity(request, facts)
        or _selection(request, facts, signed_in)
        or _level(request, facts, signed_in)
        or _choice(signed_in)
        or _consent(request, facts, signed_in)
        or Grant(signed_in)
    )


def _is_login_due(request: AuthorizationRequest, facts: Facts, signed_in: SignedIn) -> bool:
    """The request wants a new login, and none came of it yet (§3.1.2.3)."""
    if facts.is_fresh:
        return False
    is_asked_for = bool({"login", "create"} & request.prompt) or facts.selected_sid == ANOTHER_ACCOUNT
    return is_asked_for or _is_too_old(request, facts, signed_in) or _is_someone_else(request, facts)


def _identity(request: AuthorizationRequest, facts: Facts) -> Decision | None:
    """After a new login it must be whom the client named (§3.1.2.1 id_token_hint, §5.5.1 sub)."""
    if _is_someone_else(request, facts):
        return _refuse(request, "login_required", "Another person than the expected one logged in.")
    return None


def _selection(request: AuthorizationRequest, facts: Facts, signed_in: SignedIn) -> Decision | None:
    """prompt=select_account: a new login is a selection too."""
    is_asked = "select_account" in request.prompt and not facts.is_fresh
    return Visit(Page.SELECT_ACCOUNT) if is_asked and facts.selected_sid != signed_in.session.sid else None


def _level(request: AuthorizationRequest, facts: Facts, signed_in: SignedIn) -> Decision | None:
    """Step up where it can be done; say so where not. A wish (acr_values) is tried for once, a demand insisted on."""
    reached = signed_in.session.level
    if reached < request.needed_level:
        if _can_reach(request.needed_level, facts, signed_in):
            return _login(request, facts)
        return _refuse(request, "unmet_authentication_requirements", "The demanded level cannot be reached.")
    is_wish_open = reached < request.wished_level and not facts.is_fresh and "none" not in request.prompt
    if is_wish_open and _can_reach(request.wished_level, facts, signed_in):
        return _login(request, facts)
    return None


def _choice(signed_in: SignedIn) -> Decision | None:
    """The person may act for a company and has not said for whom."""
    return None if signed_in.session.is_choice_made else Visit(Page.ACT_AS)


def _consent(request: AuthorizationRequest, facts: Facts, signed_in: SignedIn) -> Decision | None:
    return Visit(Page.CONSENT) if is_consent_needed(request, signed_in.consent, facts.started_at) else None


def _login(request: AuthorizationRequest, facts: Facts) -> Visit:
    level = _level_to_reach(request, facts)
    # Once: an upstream whose answer did not suffice would be asked for ever.
    if request.idp_hint is not None and not facts.is_hint_followed:
        return Visit(Page.UPSTREAM, level, request.idp_hint)
    return Visit(Page.LOGIN, level)


def _level_to_reach(request: AuthorizationRequest, facts: Facts) -> int:
    """What the login page says is needed: the demand, or a wish beyond it where somebody could grant it."""
    account_level = facts.signed_in.account.level if facts.signed_in is not None else 0
    is_wish_possible = request.wished_level <= max(account_level, *facts.upstream_levels.values(), 0)
    return max(request.needed_level, request.wished_level if is_wish_possible else 0)


def _can_reach(level: int, facts: Facts, signed_in: SignedIn) -> bool:
    """Whether logging in again could give the level: here, or at an upstream. A way just taken is not offered again."""
    taken = signed_in.session.source if facts.is_fresh else None
    if signed_in.account.level >= level and taken != LOCAL:
        return True
    return any(most >= level and name != taken for name, most in facts.upstream_levels.items())


def _is_too_old(request: AuthorizationRequest, facts: Facts, signed_in: SignedIn) -> bool:
    if request.max_age is None:
        return False
    return facts.now - signed_in.session.auth_time > timedelta(seconds=request.max_age) or request.max_age == 0


def _is_someone_else(request: AuthorizationRequest, facts: Facts) -> bool:
    if facts.signed_in is None:
        return False
    is_allowed = request.allowed_subjects is None or facts.subject in request.allowed_subjects
    return not is_allowed or not request.expected_subjects <= {facts.subject}


_SILENT_ERRORS = {
    Page.SELECT_ACCOUNT: ("account_selection_required", "The person must select an account."),
    Page.ACT_AS: ("interaction_required", "The person must say for whom they act."),
    Page.CONSENT: ("consent_required", "The person has not agreed yet."),
}


def _silent_error(request: AuthorizationRequest, visit: Visit) -> Refuse:
    """What prompt=none answers where a page would be needed (§3.1.2.6)."""
    error, description = _SILENT_ERRORS.get(visit.page, ("login_required", "The person must log in."))
    return _refuse(request, error, description)


def _refuse(request: AuthorizationRequest, error: str, description: str) -> Refuse:
    refusal = ProtocolError(error, description)
    refusal.target = request.target
    return Refuse(refusal)
