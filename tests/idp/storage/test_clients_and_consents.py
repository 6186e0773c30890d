from __future__ import annotations

from datetime import timedelta

from idp.domain.session import Consent
from idp.storage import clients, consents
from idp.storage.clients import ClientCache
from tests.race import THREADS, race

OPENID = frozenset({"openid"})


def test_a_client_is_replaced_by_what_is_put_again(work) -> None:
    with work() as context:
        clients.put(context.db, "shop", {"client_name": "旧"}, context.now, secret_hash="h", is_first_party=True)
        new = clients.put(context.db, "shop", {"client_name": "新", "redirect_uris": ["a"]}, context.now)
        assert clients.find(context.db, "shop") == new
        assert (new.secret_hash, new.is_first_party) == (None, False)
        assert [client.client_id for client in clients.list_all(context.db)] == ["shop"]


def test_an_inactive_client_is_not_found(work) -> None:
    with work() as context:
        clients.put(context.db, "shop", {}, context.now, is_active=False)
        assert clients.find(context.db, "shop") is None


def test_a_client_put_by_several_at_once_is_no_error(provider) -> None:
    def put(number: int) -> str:
        with provider.work() as context:
            return clients.put(context.db, "shop", {"client_name": f"{number}"}, context.now).client_id

    assert race(put) == ["shop"] * THREADS


def test_a_processes_copy_of_a_client_grows_no_older_than_its_lifetime(work, statements, clock) -> None:
    cache = ClientCache(timedelta(seconds=1))
    with work() as context:
        clients.put(context.db, "shop", {"client_name": "旧"}, context.now)
        assert cache.find(context.db, "shop", clock.now).name == "旧"
        clients.put(context.db, "shop", {"client_name": "新"}, context.now)
        with statements() as seen:
            assert cache.find(context.db, "shop", clock.now + timedelta(milliseconds=999)).name == "旧"
            assert cache.find(context.db, "nobody", clock.now) is None
        assert len(seen) == 1, seen
        assert cache.find(context.db, "shop", clock.now + timedelta(seconds=1)).name == "新"


def test_strangers_cannot_push_known_clients_out_of_the_copy(work, statements, clock) -> None:
    cache = ClientCache(timedelta(seconds=10), size=2)
    with work() as context:
        clients.put(context.db, "shop", {}, context.now)
        cache.find(context.db, "shop", clock.now)
        for number in range(5):
            cache.find(context.db, f"unknown-{number}", clock.now)
        with statements() as seen:
            assert cache.find(context.db, "shop", clock.now)
        assert len(seen) == 0, seen


def test_a_consent_adds_to_what_was_agreed_before(work, person, clock) -> None:
    later = clock.now + timedelta(hours=1)
    with work() as context:
        clients.put(context.db, "shop", {}, context.now)
        consents.remember(context.db, person.id, "shop", OPENID, frozenset({"name"}), context.now)
        consents.remember(context.db, person.id, "shop", frozenset({"phone"}), frozenset(), later)
        expected = Consent(frozenset({"openid", "phone"}), frozenset({"name"}), later)
        assert consents.find(context.db, person.id, "shop") == expected
        assert consents.list_of(context.db, person.id) == [("shop", expected)]


def test_of_several_consents_at_once_none_is_lost(provider, person) -> None:
    with provider.work() as context:
        clients.put(context.db, "shop", {}, context.now)

    def agree(number: int) -> None:
        with provider.work() as context:
            consents.remember(context.db, person.id, "shop", frozenset({f"s{number}"}), frozenset(), context.now)

    race(agree)
    with provider.work() as context:
        assert consents.find(context.db, person.id, "shop").scope == {f"s{number}" for number in range(THREADS)}


def test_a_withdrawn_consent_is_gone(work, person) -> None:
    with work() as context:
        clients.put(context.db, "shop", {}, context.now)
        consents.remember(context.db, person.id, "shop", OPENID, frozenset(), context.now)
        consents.withdraw(context.db, person.id, "shop")
        assert consents.find(context.db, person.id, "shop") is None
