"""Signing out at any of the three (portal, region, national platform with its hall) ends the others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select, update

from idp.outbox import Dispatcher
from idp.protocol.backchannel_logout import logout_token
from idp.storage import outbox, sessions, tables
from idp.worker import HANDLERS
from tests.conftest import PASSWORD, AddPerson
from tests.journeys.federated import (
    add_registered,
    is_signed_in,
    open_hall,
    sign_in_locally,
    sign_in_nationally,
)
from tests.members import Federation, Member
from tests.person import Page, Person

NewPerson = Callable[..., Person]


@pytest.fixture(params=["inbound", "outbound"])
def signed_in_everywhere(
    request: pytest.FixtureRequest, members: Federation, add_person: AddPerson, new_person: NewPerson
) -> Person:
    """A person with sessions at the portal, the region, the national platform and the hall; either side vouched."""
    person = new_person()
    if request.param == "inbound":
        add_registered(add_person, members.national)
        sign_in_nationally(members, person)
        person.open(f"{members.hall_url}/login?next=/hall/")
    else:
        add_registered(add_person, members.region)
        sign_in_locally(members, person)
        open_hall(members, person)
    assert is_signed_in(members.portal.url, person) and is_signed_in(members.hall_url, person)
    return person


def at_portal(members: Federation, person: Person) -> Page:
    return person.click(person.open(f"{members.portal.url}/"), "sign-out")


def at_hall(members: Federation, person: Person) -> Page:
    return person.click(person.open(f"{members.hall_url}/"), "sign-out")


def at_region(members: Federation, person: Person) -> Page:
    page = person.open(f"{members.region.url}/logout")
    return person.click(page, "logout-yes") if page.has("logout-yes") else page


def at_national(members: Federation, person: Person) -> Page:
    page = person.open(f"{members.national.url}/logout")
    return person.click(page, "logout-yes") if page.has("logout-yes") else page


PLACES = {"portal": at_portal, "region": at_region, "national": at_national, "hall": at_hall}


def living_sessions(member: Member) -> int:
    with member.work() as context:
        query = tables.sessions.select().where(tables.sessions.c.ended_at.is_(None))
        return len(context.db.execute(query).all())


def deliveries(member: Member) -> list[outbox.Delivery]:
    with member.work() as context:
        batches = {row.batch for row in context.db.execute(tables.outbox.select())}
        return [delivery for batch in sorted(batches) for delivery in outbox.list_batch(context.db, batch)]


@pytest.mark.parametrize("place", PLACES)
def test_signing_out_at_one_place_ends_all_the_others(
    members: Federation, signed_in_everywhere: Person, place: str
) -> None:
    person = signed_in_everywhere
    page = PLACES[place](members, person)
    assert page.status == 200
    members.deliver()
    assert not is_signed_in(members.portal.url, person)
    assert not is_signed_in(members.hall_url, person)
    assert living_sessions(members.region) == living_sessions(members.national) == 0
    for provider in (members.region, members.national):
        found = deliveries(provider)
        assert all(delivery.status == "delivered" and delivery.attempts == 1 for delivery in found)
        # Nobody is told what they said themselves, and nobody is told twice.
        assert len({(item.kind, item.recipient) for item in found}) == len(found)


def test_the_person_sees_which_services_were_signed_out(members: Federation, signed_in_everywhere: Person) -> None:
    page = at_region(members, signed_in_everywhere)
    assert page.has("signed-out")
    members.deliver()
    page = signed_in_everywhere.open(page.url)
    assert "驾驶员门户" in page.words and "国家政务服务平台" in page.words


@pytest.mark.parametrize(("place", "stopped"), [("region", "national"), ("national", "region")])
def test_a_platform_that_is_down_is_told_when_it_is_back(
    members: Federation, signed_in_everywhere: Person, place: str, stopped: str
) -> None:
    person = signed_in_everywhere
    here: Member = getattr(members, place)
    there: Member = getattr(members, stopped)
    there.server.stop()
    page = PLACES[place](members, person)
    assert page.status == 200  # the person does not wait for anybody
    here.deliver()
    waiting = [delivery for delivery in deliveries(here) if delivery.status == "pending"]
    assert len(waiting) == 1 and waiting[0].recipient in {"national", "national-platform", "region"}
    assert living_sessions(there) == 1
    there.server.start()
    make_due(here)
    members.deliver()
    assert living_sessions(here) == living_sessions(there) == 0
    assert all(delivery.status == "delivered" for delivery in deliveries(here))
    assert not is_signed_in(members.portal.url, person) and not is_signed_in(members.hall_url, person)


def make_due(member: Member) -> None:
    """The pause before the next attempt is over."""
    with member.work() as context:
        context.db.execute(update(tables.outbox).values(next_attempt_at=context.now - timedelta(seconds=1)))


def test_a_platform_that_stays_away_ends_as_a_dead_letter_that_can_be_seen_and_revived(
    members: Federation, signed_in_everywhere: Person
) -> None:
    members.national.server.stop()
    at_region(members, signed_in_everywhere)
    members.region.deliver()
    with members.region.work() as context:
        past = context.now - timedelta(days=2)
        context.db.execute(
            update(tables.outbox).values(next_attempt_at=past, expires_at=past + timedelta(days=1), created_at=past)
        )
    Dispatcher(members.region.provider, HANDLERS).deliver_due()
    with members.region.work() as context:
        (dead,) = outbox.list_dead(context.db)
        assert (dead.last_error and "127.0.0.1" in dead.last_error) or dead.last_error
        assert outbox.revive(context.db, dead.id, context.now)
    members.national.server.start()
    members.deliver()
    assert living_sessions(members.national) == 0


def test_a_logout_that_overtakes_its_login_still_ends_it(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.national)
    sign_in_nationally(members, new_person())  # consent is given
    person = new_person()
    callback = f"{members.region.url}/upstream/national/callback"
    login = person.open(f"{members.portal.url}/login?idp_hint=national&next=/")
    page = person.submit(login, "login-submit", stop_before=callback, username="national", password=PASSWORD)
    assert page.url.startswith(callback)
    # The code was given and not yet redeemed; take part in the session as the region does, then sign out there.
    with members.national.work() as context:
        live = [row.id for row in context.db.execute(tables.sessions.select().order_by(tables.sessions.c.created_at))]
        newest = sessions.find(context.db, live[-1])
    assert newest is not None
    notify(members, newest.sid)
    page = person.open(page.url)
    assert page.url.startswith(f"{members.region.url}/login")
    assert person.open(f"{members.portal.url}/").has("nobody")


def notify(members: Federation, sid: str) -> None:
    """A logout token of the national platform for one of its sessions, posted to the region."""
    with members.national.work() as context:
        client = context.find_client("region")
        assert client is not None
        row = context.db.execute(tables.sessions.select().where(tables.sessions.c.sid == sid)).one()
        subject = context.db.execute(
            select(tables.grants.c.subject).where(tables.grants.c.session_id == row.id)
        ).scalar_one()
        token = logout_token(context, client, subject=subject, sid=sid)
    url = f"{members.region.url}/upstream/national/backchannel-logout"
    assert httpx.post(url, data={"logout_token": token}, trust_env=False).status_code == 200
    assert httpx.post(url, data={"logout_token": token}, trust_env=False).status_code == 400  # once
