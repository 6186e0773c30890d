"""decide(): tables for each rule, and properties that hold for every combination of facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from idp.domain.account import Account, AccountStatus
from idp.domain.client import Client
from idp.domain.session import Consent, Session, SignedIn
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.consent import is_consent_needed
from idp.protocol.interaction import ANOTHER_ACCOUNT, Decision, Facts, Grant, Page, Refuse, Visit, decide
from idp.protocol.responses import Target

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BEFORE, STARTED, AFTER = NOW - timedelta(hours=1), NOW - timedelta(minutes=5), NOW - timedelta(minutes=1)
CONSENT = Consent(frozenset({"openid"}), frozenset(), BEFORE)


def asked(*prompt: str, is_first_party: bool = True, **values: Any) -> AuthorizationRequest:
    request = AuthorizationRequest(())
    request.client = Client("client", {}, is_first_party=is_first_party)
    request.target = Target(request.client, "https://client.example/callback")
    request.scope = frozenset({"openid"})
    request.prompt = frozenset(prompt)
    for name, value in values.items():
        setattr(request, name, value)
    return request


def signed_in(
    auth_time: datetime = BEFORE,
    *,
    level: int = 2,
    account_level: int = 2,
    consent: Consent | None = None,
    **changes: Any,
) -> SignedIn:
    session = Session(
        id="s",
        sid="sid",
        account_id="a",
        auth_time=auth_time,
        level=level,
        amr=("pwd",),
        source="local",
        created_at=auth_time,
        last_seen_at=NOW,
        expires_at=NOW + timedelta(hours=1),
        is_choice_made=True,
    )
    account = Account("a", "subject", AccountStatus.ACTIVE, account_level, BEFORE, BEFORE)
    return SignedIn(replace(session, **changes), account, consent)


def facts(person: SignedIn | None = None, **changes: Any) -> Facts:
    subject = person.account.subject if person else None
    return replace(Facts(now=NOW, started_at=STARTED, signed_in=person, subject=subject), **changes)


def summary(decision: Decision) -> str:
    """One word for what was decided."""
    match decision:
        case Visit(page=page, level=level, upstream=upstream):
            return str(page) + (f"/{upstream}" if upstream else "") + (f" {level}" if level else "")
        case Refuse(error=error):
            return str(error.error)
        case Grant():
            return "grant"


TABLE: list[tuple[str, AuthorizationRequest, Facts, str]] = [
    ("nobody is signed in", asked(), facts(), "/login"),
    ("nobody, silently", asked("none"), facts(), "login_required"),
    ("somebody is", asked(), facts(signed_in()), "grant"),
    ("somebody is, silently", asked("none"), facts(signed_in()), "grant"),
    ("denied", asked(), facts(signed_in(), is_denied=True), "access_denied"),
    ("denied before login", asked(), facts(is_denied=True), "access_denied"),
    ("create, nobody", asked("create"), facts(), "/register"),
    ("create, somebody", asked("create"), facts(signed_in()), "/register"),
    ("create, done", asked("create"), facts(signed_in(AFTER)), "grant"),
    ("login again", asked("login"), facts(signed_in()), "/login"),
    ("login done", asked("login"), facts(signed_in(AFTER)), "grant"),
    ("max_age passed", asked(max_age=60), facts(signed_in()), "/login"),
    ("max_age passed, silently", asked("none", max_age=60), facts(signed_in()), "login_required"),
    ("max_age not passed", asked(max_age=7200), facts(signed_in()), "grant"),
    ("max_age=0", asked(max_age=0), facts(signed_in()), "/login"),
    ("max_age=0, login done", asked(max_age=0), facts(signed_in(AFTER)), "grant"),
    ("max_age short, login done", asked(max_age=1), facts(signed_in(AFTER)), "grant"),
    ("hint names who is there", asked(expected_subjects=frozenset({"subject"})), facts(signed_in()), "grant"),
    ("hint names another", asked(expected_subjects=frozenset({"other"})), facts(signed_in()), "/login"),
    ("another, silently", asked("none", expected_subjects=frozenset({"other"})), facts(signed_in()), "login_required"),
    ("another logged in", asked(expected_subjects=frozenset({"other"})), facts(signed_in(AFTER)), "login_required"),
    ("one of several is there", asked(allowed_subjects=frozenset({"x", "subject"})), facts(signed_in()), "grant"),
    ("none of several is there", asked(allowed_subjects=frozenset({"x", "y"})), facts(signed_in()), "/login"),
    ("nobody can be both", asked(allowed_subjects=frozenset()), facts(signed_in(AFTER)), "login_required"),
    ("two different hints", asked(expected_subjects=frozenset({"subject", "x"})), facts(signed_in()), "/login"),
    ("select", asked("select_account"), facts(signed_in()), "/select-account"),
    ("selected", asked("select_account"), facts(signed_in(), selected_sid="sid"), "grant"),
    ("selected an older session", asked("select_account"), facts(signed_in(), selected_sid="x"), "/select-account"),
    ("another account", asked("select_account"), facts(signed_in(), selected_sid=ANOTHER_ACCOUNT), "/login"),
    ("other one logged in", asked("select_account"), facts(signed_in(AFTER), selected_sid=ANOTHER_ACCOUNT), "grant"),
    ("select, nobody", asked("select_account"), facts(), "/login"),
    ("to the upstream", asked(idp_hint="national"), facts(), "/upstream/national"),
    ("upstream was asked", asked(idp_hint="national"), facts(is_hint_followed=True), "/login"),
    ("upstream not needed", asked(idp_hint="national"), facts(signed_in()), "grant"),
    ("whom for?", asked(), facts(signed_in(is_choice_made=False)), "/act-as"),
    ("whom for, silently", asked("none"), facts(signed_in(is_choice_made=False)), "interaction_required"),
    ("consent", asked(is_first_party=False), facts(signed_in()), "/consent"),
    ("consent, silently", asked("none", is_first_party=False), facts(signed_in()), "consent_required"),
    ("consent given", asked(is_first_party=False), facts(signed_in(consent=CONSENT)), "grant"),
    ("consent again", asked("consent"), facts(signed_in(consent=CONSENT)), "/consent"),
    ("consent again, done", asked("consent"), facts(signed_in(consent=replace(CONSENT, granted_at=AFTER))), "grant"),
    ("level reached", asked(needed_level=2), facts(signed_in()), "grant"),
    ("level out of reach", asked(needed_level=3), facts(signed_in()), "unmet_authentication_requirements"),
    ("nobody, level told", asked(needed_level=3, wished_level=2), facts(), "/login 3"),
    ("own login gives it", asked(needed_level=2), facts(signed_in(level=1)), "/login 2"),
    (
        "own login gives it, silently",
        asked("none", needed_level=2),
        facts(signed_in(level=1)),
        "login_required",
    ),
    ("upstream gives it", asked(needed_level=3), facts(signed_in(), upstream_levels={"national": 3}), "/login 3"),
    (
        "upstream gives it after a login here",
        asked(needed_level=3),
        facts(signed_in(AFTER), upstream_levels={"national": 3}),
        "/login 3",
    ),
    (
        "upstream was just taken",
        asked(needed_level=3),
        facts(signed_in(AFTER, source="national"), upstream_levels={"national": 3}),
        "unmet_authentication_requirements",
    ),
    (
        "own login just taken",
        asked(needed_level=2),
        facts(signed_in(AFTER, level=1)),
        "unmet_authentication_requirements",
    ),
    ("a wish is tried", asked(wished_level=3), facts(signed_in(), upstream_levels={"national": 3}), "/login 3"),
    ("once", asked(wished_level=3), facts(signed_in(AFTER), upstream_levels={"national": 3}), "grant"),
    ("never silently", asked("none", wished_level=3), facts(signed_in(), upstream_levels={"n": 3}), "grant"),
    ("only where it helps", asked(wished_level=3), facts(signed_in(), upstream_levels={"national": 2}), "grant"),
]


@pytest.mark.parametrize(("_name", "request_", "known", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_next_step(_name: str, request_: AuthorizationRequest, known: Facts, expected: str) -> None:
    assert summary(decide(request_, known)) == expected


moments = some.sampled_from([BEFORE, STARTED, AFTER, NOW])
consents = some.none() | some.builds(
    Consent,
    scope=some.sampled_from([frozenset(), frozenset({"openid"}), frozenset({"openid", "phone"})]),
    claims=some.just(frozenset()),
    granted_at=moments,
)
people = some.none() | some.builds(
    signed_in,
    moments,
    level=some.integers(0, 4),
    account_level=some.integers(0, 4),
    consent=consents,
    is_choice_made=some.booleans(),
    source=some.sampled_from(["local", "national", "region"]),
)
prompts = (
    some.just(())
    | some.just(("none",))
    | some.lists(some.sampled_from(["login", "consent", "select_account", "create"]), unique=True).map(tuple)
)
requests = some.builds(
    lambda prompt, **values: asked(*prompt, **values),
    prompts,
    is_first_party=some.booleans(),
    scope=some.sampled_from([frozenset({"openid"}), frozenset({"openid", "phone"})]),
    max_age=some.none() | some.integers(0, 7200),
    expected_subjects=some.sampled_from([frozenset(), frozenset({"subject"}), frozenset({"other"})]),
    allowed_subjects=some.sampled_from([None, frozenset(), frozenset({"subject", "x"}), frozenset({"other"})]),
    needed_level=some.integers(0, 4),
    wished_level=some.integers(0, 4),
    idp_hint=some.none() | some.just("national"),
)
known_facts = some.builds(
    facts,
    people,
    is_denied=some.booleans(),
    selected_sid=some.sampled_from([None, "sid", "older", ANOTHER_ACCOUNT]),
    is_hint_followed=some.booleans(),
    upstream_levels=some.dictionaries(some.sampled_from(["national", "region"]), some.integers(0, 4)),
)


@given(requests, known_facts)
@settings(max_examples=1500, deadline=None)
def test_a_grant_always_rests_on_a_session_that_meets_every_demand(request: AuthorizationRequest, known: Facts) -> None:
    decision = decide(request, known)
    if not isinstance(decision, Grant):
        return
    assert known.signed_in is not None and decision.signed_in is known.signed_in
    session = known.signed_in.session
    assert not known.is_denied
    assert session.is_choice_made
    assert session.level >= request.needed_level
    assert request.expected_subjects <= {known.subject}
    assert request.allowed_subjects is None or known.subject in request.allowed_subjects
    assert not is_consent_needed(request, known.signed_in.consent, known.started_at)
    if {"login", "create"} & request.prompt:
        assert session.auth_time >= known.started_at
    if request.max_age is not None and not known.is_fresh:
        assert known.now - session.auth_time <= timedelta(seconds=request.max_age)
    if "select_account" in request.prompt and not known.is_fresh:
        assert known.selected_sid == session.sid


@given(requests, known_facts)
@settings(max_examples=800, deadline=None)
def test_prompt_none_never_shows_a_page_and_errors_always_know_their_target(
    request: AuthorizationRequest, known: Facts
) -> None:
    decision = decide(request, known)
    if "none" in request.prompt:
        assert not isinstance(decision, Visit)
    if isinstance(decision, Refuse):
        assert decision.error.target is request.target


@given(requests, known_facts)
@settings(max_examples=1500, deadline=None)
def test_doing_what_is_asked_leads_to_an_end(request: AuthorizationRequest, known: Facts) -> None:
    """Whoever follows the pages, each doing its work at its best, arrives: never sent round for ever."""
    for _ in range(8):
        decision = decide(request, known)
        if not isinstance(decision, Visit):
            return
        known = _after(decision, request, known)
    raise AssertionError(f"still at {summary(decision)}")


def _after(visit: Visit, request: AuthorizationRequest, known: Facts) -> Facts:
    """The facts once the page has done its work."""
    match visit.page:
        case Page.LOGIN | Page.CREATE:
            return replace(known, signed_in=_best_login(visit.level, known), subject="subject")
        case Page.UPSTREAM:
            return replace(known, is_hint_followed=True, signed_in=signed_in(NOW, source="national"), subject="subject")
        case Page.SELECT_ACCOUNT:
            return replace(known, selected_sid="sid")
        case Page.ACT_AS:
            assert known.signed_in is not None
            chosen = replace(known.signed_in.session, is_choice_made=True)
            return replace(known, signed_in=replace(known.signed_in, session=chosen))
        case Page.CONSENT:
            assert known.signed_in is not None
            consent = Consent(request.scope, frozenset(), NOW)
            return replace(known, signed_in=replace(known.signed_in, consent=consent))


def _best_login(level: int, known: Facts) -> SignedIn:
    """As whoever wants to reach the level: at an upstream where that gives it and a login here does not."""
    own = known.signed_in.account.level if known.signed_in else 2
    best = max(known.upstream_levels, key=lambda name: known.upstream_levels[name], default="")
    if own < level <= known.upstream_levels.get(best, 0):
        return signed_in(NOW, level=known.upstream_levels[best], account_level=own, source=best)
    return signed_in(NOW, level=own, account_level=own)
