"""The rule by which an identity from elsewhere meets an account here: pure, case by case."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from idp.authn.upstream import Match, judge
from idp.authn.upstream_identity import UpstreamIdentity
from idp.domain.account import Account, AccountStatus

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PERSON = UpstreamIdentity(
    upstream="national",
    issuer="https://national.example",
    subject="s",
    login_level=3,
    identity_level=3,
    auth_time=NOW,
    name="阿依古丽·买买提",
    id_type="resident_id",
    id_number="654021198506150042",
    phone="13812345678",
)


def account(**changes: Any) -> Account:
    claims = {"name": PERSON.name, "id_type": PERSON.id_type, "id_number": PERSON.id_number}
    values = {"id": "a", "subject": "b", "status": AccountStatus.ACTIVE, "level": 2, "claims": claims}
    return Account(**(values | {"created_at": NOW, "updated_at": NOW} | changes))


def test_a_known_identity_is_its_account_whatever_else_is_true() -> None:
    assert judge(PERSON, account(), None, False).match is Match.LINKED
    unproved = replace(PERSON, login_level=0, identity_level=0, id_number="", name="")
    assert judge(unproved, account(), None, False).match is Match.LINKED
    assert judge(PERSON, account(claims={"name": "同名不同"}), None, False).match is Match.LINKED


def test_a_known_identity_with_another_number_is_refused() -> None:
    other = account(claims={"name": PERSON.name, "id_type": "resident_id", "id_number": "652801200002290013"})
    verdict = judge(PERSON, other, None, False)
    assert (verdict.match, verdict.reason) == (Match.REFUSED, "number_changed")


@pytest.mark.parametrize("status", [AccountStatus.FROZEN, AccountStatus.CLOSED])
def test_an_account_that_is_not_active_is_refused_linked_or_found(status: AccountStatus) -> None:
    locked = account(status=status)
    for verdict in (judge(PERSON, locked, None, False), judge(PERSON, None, locked, False)):
        assert (verdict.match, verdict.reason) == (Match.REFUSED, "account_inactive")


def test_the_same_verified_number_and_exact_name_is_found() -> None:
    assert judge(PERSON, None, account(), False).match is Match.FOUND
    dotted = account(claims={"name": "阿依古丽•买买提", "id_type": PERSON.id_type, "id_number": PERSON.id_number})
    assert judge(PERSON, None, dotted, False).match is Match.FOUND


def test_nobody_with_that_number_is_a_new_account() -> None:
    assert judge(PERSON, None, None, False).match is Match.NEW


@pytest.mark.parametrize("changes", [{"login_level": 1}, {"identity_level": 1}, {"name": ""}, {"id_number": ""}])
def test_an_identity_not_proved_well_enough_finds_nobody(changes: dict[str, Any]) -> None:
    for same_number in (None, account()):
        assert judge(replace(PERSON, **changes), None, same_number, False).match is Match.INSUFFICIENT


@pytest.mark.parametrize(
    ("changes", "is_other_linked", "reason"),
    [
        ({"claims": {"name": "古丽", "id_type": "resident_id", "id_number": PERSON.id_number}}, False, "name_differs"),
        (
            {"claims": {"name": PERSON.name, "id_type": "passport", "id_number": PERSON.id_number}},
            False,
            "name_differs",
        ),
        ({"claims": {"id_type": "resident_id", "id_number": PERSON.id_number}}, False, "name_differs"),
        ({}, True, "already_linked"),
        ({"level": 1}, False, "unproved"),
    ],
)
def test_whatever_does_not_fit_exactly_is_bound_by_hand(
    changes: dict[str, Any], is_other_linked: bool, reason: str
) -> None:
    verdict = judge(PERSON, None, account(**changes), is_other_linked)
    assert (verdict.match, verdict.reason) == (Match.CLASH, reason)
