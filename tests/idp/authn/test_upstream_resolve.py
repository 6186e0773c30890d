"""Linking and creating accounts in the store, on both engines, also when the same person comes in twice at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from idp.authn import upstream as matching
from idp.authn.upstream import BindingRefused, Match
from idp.authn.upstream_identity import UpstreamIdentity
from idp.context import Context, Provider
from idp.storage import accounts, linked_identities, tables
from idp.storage.accounts import Identifier
from tests.clock import Clock
from tests.conftest import AddPerson

Work = Callable[[], AbstractContextManager[Context]]
ISSUER = "https://national.example"
NAME, NUMBER, PHONE = "阿依古丽·买买提", "654021198506150042", "13812345678"


@pytest.fixture
def person(clock: Clock) -> UpstreamIdentity:
    return UpstreamIdentity(
        upstream="national",
        issuer=ISSUER,
        subject="s",
        login_level=3,
        identity_level=3,
        auth_time=clock(),
        acr="gold",
        name=NAME,
        id_type="resident_id",
        id_number=NUMBER,
        phone=PHONE,
        attributes={"gender": "female"},
        version=100.0,
    )


def test_a_new_account_is_made_whole_or_not_at_all(both_engines: str, work: Work, person: UpstreamIdentity) -> None:
    with work() as context:
        verdict = matching.resolve(context, person)
    assert verdict.match is Match.LINKED and verdict.account is not None
    with work() as context:
        found = accounts.find_by_identifier(context.db, context.vault, Identifier("phone", PHONE))
        assert found is not None and found.id == verdict.account.id
        assert (found.level, found.claims["gender"], found.claims["id_number"]) == (3, "female", NUMBER)
        assert accounts.find_password_hash(context.db, found.id) is None
        link = linked_identities.find(context.db, ISSUER, "s")
        assert link is not None and link.account_id == found.id


def test_the_same_new_person_coming_in_many_times_at_once_is_one_account(
    both_engines: str, provider: Provider, work: Work, person: UpstreamIdentity
) -> None:
    ready, found, failed = threading.Barrier(6), set(), []

    def come_in() -> None:
        ready.wait()
        try:
            with provider.work() as context:
                verdict = matching.resolve(context, person)
                assert verdict.account is not None
                found.add(verdict.account.id)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=come_in) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == [] and len(found) == 1
    with work() as context:
        assert context.db.execute(select(func.count()).select_from(tables.accounts)).scalar_one() == 1
        assert context.db.execute(select(func.count()).select_from(tables.linked_identities)).scalar_one() == 1


def test_an_account_that_appears_meanwhile_is_linked_instead(
    work: Work, person: UpstreamIdentity, add_person: AddPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = add_person(name=NAME, id_number=NUMBER, level=2)
    first = matching.find_verdict
    stale = [matching.Verdict(Match.NEW)]

    def find_verdict(context: Context, identity: UpstreamIdentity) -> matching.Verdict:
        return stale.pop() if stale else first(context, identity)

    monkeypatch.setattr(matching, "find_verdict", find_verdict)
    with work() as context:
        verdict = matching.resolve(context, person)
    assert verdict.account is not None and verdict.account.id == local.id


def test_older_attributes_never_overwrite_newer_ones(work: Work, person: UpstreamIdentity) -> None:
    with work() as context:
        matching.resolve(context, person)
    with work() as context:
        verdict = matching.resolve(context, replace(person, name="旧名", version=99.0))
        assert verdict.account is not None and verdict.account.name == NAME
    with work() as context:
        verdict = matching.resolve(context, replace(person, name="新名", version=101.0, attributes={}))
        assert verdict.account is not None and verdict.account.name == "新名"


def test_what_the_person_says_of_themselves_survives_a_refresh(
    work: Work, person: UpstreamIdentity, add_person: AddPerson
) -> None:
    local = add_person(name=NAME, id_number=NUMBER, phone="13900000001", nickname="古丽", email="a@example.cn")
    with work() as context:
        matching.resolve(context, person)
        found = accounts.find(context.db, context.vault, local.id)
    assert found is not None
    assert (found.claims["nickname"], found.claims["email"]) == ("古丽", "a@example.cn")
    assert found.claims["phone_number"] == "13900000001"


def test_parts_of_an_old_name_do_not_outlive_it(work: Work, person: UpstreamIdentity, add_person: AddPerson) -> None:
    local = add_person(name="张伟", id_number=NUMBER)
    with work() as context:
        account = matching.bind(context, person, local)
    assert account.claims["name"] == NAME
    assert "family_name" not in account.claims and "given_name" not in account.claims


def test_a_weak_identity_changes_neither_claims_nor_proofs(
    work: Work, person: UpstreamIdentity, add_person: AddPerson
) -> None:
    local = add_person(name=NAME, id_number=NUMBER, level=2)
    weak = replace(person, login_level=1, identity_level=1, name="别名", version=999.0)
    with work() as context:
        bound = matching.bind(context, weak, local)
        assert bound.name == NAME and len(accounts.list_proofs(context.db, local.id)) == 1
    with work() as context:
        assert matching.resolve(context, weak).account is not None
        assert len(accounts.list_proofs(context.db, local.id)) == 1


def test_the_same_proof_is_stored_once_and_a_better_one_again(
    work: Work, clock: Clock, person: UpstreamIdentity
) -> None:
    lower = replace(person, login_level=2, identity_level=2, acr="bronze")
    for identity in (lower, lower, person, person):
        clock.advance(timedelta(hours=1))
        with work() as context:
            verdict = matching.resolve(context, identity)
            assert verdict.account is not None
    with work() as context:
        assert sorted(proof.level for proof in accounts.list_proofs(context.db, verdict.account.id)) == [2, 3]
    assert verdict.account.level == 3


def test_binding_never_joins_two_persons(work: Work, person: UpstreamIdentity, add_person: AddPerson) -> None:
    stranger = add_person(name="李强", id_number="652801200002290013")
    nobody = add_person(name=NAME)
    with work() as context:
        with pytest.raises(BindingRefused):
            matching.bind(context, person, stranger)
        matching.resolve(context, person)  # somebody else now holds the number, and the identity
        with pytest.raises(BindingRefused):
            matching.bind(context, person, nobody)
        with pytest.raises(BindingRefused):
            matching.bind(context, replace(person, id_number=""), nobody)


def test_an_account_without_a_number_takes_the_verified_one(
    work: Work, person: UpstreamIdentity, add_person: AddPerson
) -> None:
    local = add_person(name="张伟", level=0)
    with work() as context:
        bound = matching.bind(context, person, local)
        assert (bound.level, bound.claims["id_number"]) == (3, NUMBER)
        found = accounts.find_by_identifier(context.db, context.vault, Identifier("id_number", NUMBER))
        assert found is not None and found.id == local.id


def test_a_matched_identity_does_not_raise_what_a_password_is_worth(
    both_engines: str, work: Work, person: UpstreamIdentity, add_person: AddPerson
) -> None:
    """Somebody else may have registered the number first: the owner's coming in must not lift that password's level."""
    local = add_person(name=NAME, id_number=NUMBER, level=2)
    with work() as context:
        assert matching.resolve(context, person).match is Match.LINKED
    with work() as context:
        assert matching.resolve(context, person).match is Match.LINKED
    with work() as context:
        found = accounts.find(context.db, context.vault, local.id)
        assert found is not None and found.level == 2
        assert {proof.level for proof in accounts.list_proofs(context.db, local.id)} == {2, 3}
        link = linked_identities.find(context.db, ISSUER, "s")
        assert link is not None and not link.is_proved_here


def test_an_identity_bound_by_who_proved_the_account_raises_its_level(
    both_engines: str, work: Work, person: UpstreamIdentity, add_person: AddPerson
) -> None:
    local = add_person(name=NAME, id_number=NUMBER, level=2)
    with work() as context:
        matching.resolve(context, person)
    with work() as context:
        account = accounts.find(context.db, context.vault, local.id)
        assert account is not None
        assert matching.bind(context, person, account).level == 3
