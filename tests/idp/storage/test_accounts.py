from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from idp.domain.account import AccountStatus
from idp.domain.assurance import Proof
from idp.storage import accounts, linked_identities, organisations
from idp.storage.accounts import AccountExists, Identifier
from idp.storage.linked_identities import AlreadyLinked
from tests.idp.storage.conftest import DAY, HOUR
from tests.race import THREADS, race

ID_NUMBER = "110101199003070134"
IDENTIFIERS = [("username", "zhangwei"), ("phone", "13800000001"), ("id_number", ID_NUMBER)]


def proof(level: int, now, **changes) -> Proof:
    return Proof(
        **{"level": level, "source": "authority", "method": "name_and_id_number", "verified_at": now} | changes
    )


@pytest.mark.parametrize(("kind", "value"), IDENTIFIERS)
def test_a_person_is_found_by_each_identifier_and_only_by_its_kind(work, person, kind, value) -> None:
    with work() as context:
        found = accounts.find_by_identifier(context.db, context.vault, Identifier(kind, value))
        assert found == accounts.find(context.db, context.vault, person.id) == person
        for other in {"username", "phone", "id_number"} - {kind}:
            assert accounts.find_by_identifier(context.db, context.vault, Identifier(other, value)) is None


def test_an_id_number_is_found_whatever_the_case_of_its_last_letter(work, add_person) -> None:
    person = add_person(id_number="11010119900307002X", password=None)
    with work() as context:
        found = accounts.find_by_identifier(context.db, context.vault, Identifier("id_number", "11010119900307002x"))
        assert found == person


def test_everything_a_login_needs_is_one_statement(work, person, statements) -> None:
    with work() as context:
        accounts.set_password(context.db, person.id, "argon2-hash", context.now)
    with work() as context, statements() as seen:
        found = accounts.find_credentials(context.db, context.vault, Identifier("username", "zhangwei"), context.now)
    assert len(seen) == 1, seen
    assert (found.account.id, found.password_hash, found.failed_count) == (person.id, "argon2-hash", 0)
    assert not found.has_mandates


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, True),
        ({"accepted_at": None}, False),
        ({"valid_until": timedelta(0)}, False),
        ({"valid_until": HOUR}, True),
    ],
)
def test_only_a_valid_mandate_is_something_to_choose_at_login(work, person, changes, counts) -> None:
    with work() as context:
        organisations.put(context.db, "91650100MA00000001", "公司", "authority", context.now)
        until = changes.get("valid_until")
        organisations.add_mandate(
            context.db,
            uscc="91650100MA00000001",
            account_id=person.id,
            role=organisations.Role.HANDLER,
            now=context.now,
            valid_until=context.now + until if until is not None else None,
            granted_by=None,
            accepted_at=changes.get("accepted_at", context.now),
        )
        found = accounts.find_credentials(context.db, context.vault, Identifier("username", "zhangwei"), context.now)
        assert found.has_mandates == counts
        assert bool(organisations.list_valid_mandates(context.db, person.id, context.now)) == counts


@pytest.mark.parametrize(("kind", "value"), IDENTIFIERS)
def test_an_identifier_belongs_to_one_account_and_a_clash_leaves_the_work_usable(work, person, kind, value) -> None:
    with work() as context:
        with pytest.raises(AccountExists):
            accounts.add(context.db, context.vault, claims={}, now=context.now, **{kind: value})
        other = accounts.add(context.db, context.vault, claims={}, now=context.now, username="other")
        assert accounts.find(context.db, context.vault, other.id) == other


def test_of_several_who_register_one_id_number_at_once_exactly_one_gets_the_account(provider) -> None:
    def register(number: int) -> bool:
        with provider.work() as context:
            try:
                accounts.add(
                    context.db, context.vault, claims={}, now=context.now, id_number=ID_NUMBER, username=f"u{number}"
                )
            except AccountExists:
                return False
            return True

    assert sorted(race(register)) == [False] * (THREADS - 1) + [True]


def test_a_broken_constraint_that_is_no_clash_is_not_taken_for_one(work) -> None:
    with work() as context:
        with pytest.raises(IntegrityError):
            linked_identities.add(
                context.db, account_id="nobody", upstream="n", issuer="i", subject="s", now=context.now
            )
        assert linked_identities.find(context.db, "i", "s") is None


def test_claims_are_replaced_and_their_indexes_follow(work, person, clock) -> None:
    clock.advance(60)
    with work() as context:
        accounts.update_claims(
            context.db, context.vault, person.id, {"name": "张卫"}, context.now, phone="13900000002", locale="en"
        )
        found = accounts.find_by_identifier(context.db, context.vault, Identifier("phone", "13900000002"))
        assert (found.claims, found.locale, found.updated_at) == ({"name": "张卫"}, "en", clock.now)
        old = Identifier("phone", "13800000001")
        assert accounts.find_by_identifier(context.db, context.vault, old) is None


def test_changing_to_what_belongs_to_another_is_a_clash_and_changes_nothing(work, person, add_person) -> None:
    other = add_person(username="other", phone="13900000009", password=None)
    with work() as context:
        with pytest.raises(AccountExists):
            accounts.update_claims(context.db, context.vault, other.id, {}, context.now, phone="13800000001")
        with pytest.raises(AccountExists):
            accounts.set_username(context.db, other.id, "zhangwei", context.now)
        assert accounts.find(context.db, context.vault, other.id) == other
        accounts.set_username(context.db, other.id, "newname", context.now)
        assert accounts.find(context.db, context.vault, other.id).username == "newname"


def test_wrong_passwords_at_once_all_count_and_are_forgotten_after_a_while(provider, person, clock) -> None:
    def fail(_number: int) -> None:
        with provider.work() as context:
            accounts.record_failure(context.db, person.id, context.now, DAY)

    race(fail)
    with provider.work() as context:
        assert accounts.find_failures(context.db, person.id, context.now, DAY) == (THREADS, clock.now)
    clock.advance(DAY)
    with provider.work() as context:
        assert accounts.find_failures(context.db, person.id, context.now, DAY) is None
        fail_count(context, person, 1)
        accounts.record_failure(context.db, "nobody", context.now, DAY)


def fail_count(context, person, count) -> None:
    accounts.record_failure(context.db, person.id, context.now, DAY)
    assert accounts.find_failures(context.db, person.id, context.now, DAY) == (count, context.now)


def test_a_new_password_clears_the_failures_and_a_rehash_never_undoes_a_change(work, person) -> None:
    with work() as context:
        accounts.set_password(context.db, person.id, "old", context.now)
        accounts.record_failure(context.db, person.id, context.now, DAY)
        accounts.set_password(context.db, person.id, "new", context.now)
        assert accounts.find_failures(context.db, person.id, context.now, DAY) is None
        accounts.rehash_password(context.db, person.id, "old", "old, stronger")
        assert accounts.find_password_hash(context.db, person.id) == "new"
        accounts.rehash_password(context.db, person.id, "new", "new, stronger")
        assert accounts.find_password_hash(context.db, person.id) == "new, stronger"


def test_the_level_follows_from_the_proofs(work, clock) -> None:
    now = clock.now
    with work() as context:
        evidence = [proof(1, now), proof(2, now - HOUR), proof(3, now - DAY, expires_at=now)]
        account = accounts.add(context.db, context.vault, claims={}, now=now, username="u", evidence=evidence)
        assert account.level == 2
        assert [found.level for found in accounts.list_proofs(context.db, account.id)] == [1, 2, 3]
        accounts.add_proof(context.db, account.id, proof(4, now - DAY, expires_at=now), now)
        accounts.add_proof(context.db, account.id, proof(1, now), now)
        accounts.add_proof(context.db, account.id, proof(4, now), now, raises_level=False)
        assert accounts.find(context.db, context.vault, account.id).level == 2
        face = proof(3, now + HOUR, source_level="高", expires_at=now + DAY)
        accounts.add_proof(context.db, account.id, face, now)
        assert accounts.find(context.db, context.vault, account.id).level == 3
        assert accounts.list_proofs(context.db, account.id)[0] == face


def test_an_account_can_be_frozen(work, person) -> None:
    with work() as context:
        accounts.set_status(context.db, person.id, AccountStatus.FROZEN, context.now)
        assert not accounts.find(context.db, context.vault, person.id).is_active


# --- linked identities ----------------------------------------------------------------------------------------------


def test_an_upstream_identity_belongs_to_one_account_and_an_account_has_one_at_an_upstream(
    work, person, add_person, clock
) -> None:
    other = add_person(password=None)

    def link(context, account, issuer, subject) -> None:
        linked_identities.add(
            context.db, account_id=account.id, upstream="n", issuer=issuer, subject=subject, now=context.now
        )

    with work() as context:
        link(context, person, "https://n", "s1")
        for account, subject in ((other, "s1"), (person, "s2")):
            with pytest.raises(AlreadyLinked):
                link(context, account, "https://n", subject)
        link(context, person, "https://other", "s1")
        found = linked_identities.find(context.db, "https://n", "s1")
        assert found.account_id == person.id
        linked_identities.note_login(context.db, found.id, clock.now + HOUR)
        assert linked_identities.find(context.db, "https://n", "s1").last_login_at == clock.now + HOUR
        assert len(linked_identities.list_of(context.db, person.id)) == 2
        assert not linked_identities.remove(context.db, other.id, found.id)
        assert linked_identities.remove(context.db, person.id, found.id)
        assert linked_identities.find(context.db, "https://n", "s1") is None


def test_one_upstream_identity_linked_by_several_at_once_is_linked_once(provider, add_person) -> None:
    people = [add_person(password=None) for _ in range(THREADS)]

    def link(number: int) -> bool:
        with provider.work() as context:
            try:
                linked_identities.add(
                    context.db, account_id=people[number].id, upstream="n", issuer="i", subject="s", now=context.now
                )
            except AlreadyLinked:
                return False
            return True

    assert sorted(race(link)) == [False] * (THREADS - 1) + [True]
