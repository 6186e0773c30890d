"""POST /session-end: who may end which session here, and that saying it again changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from clients.kit.client_auth import PrivateKeyJwt
from clients.kit.errors import ProviderUnavailable, TokenRefused
from clients.kit.http import HttpClient
from clients.kit.login import RelyingPartyConfig
from clients.kit.relying_party import RelyingParty
from idp.outbox import DeliveryFailed
from idp.protocol.session_end import deliver_session_end
from idp.storage import tables
from tests.conftest import AddPerson
from tests.journeys.federated import add_registered, is_signed_in, open_hall, sign_in_locally
from tests.members import Federation, client_key
from tests.person import Person

NewPerson = Callable[..., Person]


@dataclass
class Passed:
    """A person whom the region passed on to the national platform."""

    person: Person
    sid: str


@pytest.fixture
def passed(members: Federation, add_person: AddPerson, new_person: NewPerson) -> Passed:
    add_registered(add_person, members.region)
    person = new_person()
    sign_in_locally(members, person)
    open_hall(members, person)
    return Passed(person, sid_of(members))


def sid_of(members: Federation) -> str:
    with members.region.work() as context:
        return str(context.db.execute(select(tables.sessions.c.sid)).scalar_one())


@pytest.fixture
def member(members: Federation) -> RelyingParty:
    """The national platform as it speaks to the region."""
    party = members.national.provider.parts["upstreams"]["region"]
    assert isinstance(party, RelyingParty)
    return party


def test_a_member_ends_the_session_it_took_part_in_once(
    members: Federation, passed: Passed, member: RelyingParty
) -> None:
    assert member.notify_session_end(passed.sid) is True
    assert member.notify_session_end(passed.sid) is False
    members.region.deliver()
    assert not is_signed_in(members.portal.url, passed.person)
    with members.region.work() as context:
        told = list(context.db.execute(select(tables.outbox.c.recipient)).scalars())
        reason = context.db.execute(select(tables.sessions.c.end_reason)).scalar_one()
    assert told == ["portal-drivers"]  # the member knows already
    assert reason == "federated_member"


def test_an_unknown_session_is_no_error_and_tells_nothing(
    members: Federation, passed: Passed, member: RelyingParty
) -> None:
    assert member.notify_session_end("no-such-session") is False


def test_a_session_the_member_took_no_part_in_goes_on(
    members: Federation, add_person: AddPerson, new_person: NewPerson, member: RelyingParty
) -> None:
    add_registered(add_person, members.region)
    person = new_person()
    sign_in_locally(members, person)
    assert member.notify_session_end(sid_of(members)) is False
    members.deliver()
    assert is_signed_in(members.portal.url, person)


def test_a_client_that_is_no_member_is_refused(members: Federation, passed: Passed) -> None:
    key = client_key("stranger")
    members.region.register("stranger", key, redirect_uris=["http://127.0.0.1:9/callback"], scope="openid")
    config = RelyingPartyConfig(members.region.url, "stranger", "http://127.0.0.1:9/callback", auth=PrivateKeyJwt(key))
    with pytest.raises(TokenRefused) as refused:
        RelyingParty(config, HttpClient()).notify_session_end(passed.sid)
    assert refused.value.error == "unauthorized_client"
    assert is_signed_in(members.portal.url, passed.person)


def post(members: Federation, form: Any, **options: Any) -> httpx.Response:
    return httpx.post(f"{members.region.url}/session-end", data=form, trust_env=False, **options)


def proof(members: Federation) -> dict[str, str]:
    """Client authentication of the national platform at the region."""
    upstream = members.national.provider.settings.upstreams[0]
    now = members.region.provider.clock()
    form, _ = PrivateKeyJwt(dict(upstream.private_jwk)).prove("national-platform", members.region.url, now)
    return form


def test_without_client_authentication_nothing_ends(members: Federation, passed: Passed) -> None:
    for form in ({"sid": passed.sid}, {"sid": passed.sid, "client_id": "national-platform"}):
        answer = post(members, form)
        assert answer.status_code == 401 and answer.json()["error"] == "invalid_client"
    answer = post(members, {"sid": passed.sid}, auth=("national-platform", "secret"))
    assert answer.status_code == 401
    assert is_signed_in(members.portal.url, passed.person)


def test_an_assertion_counts_once(members: Federation, passed: Passed) -> None:
    form = proof(members) | {"sid": "other"}
    assert post(members, form).status_code == 200
    assert post(members, form | {"sid": passed.sid}).status_code == 401


def test_a_malformed_notice_is_refused_with_json(members: Federation, passed: Passed) -> None:
    assert post(members, proof(members)).json()["error"] == "invalid_request"
    twice = [*proof(members).items(), ("sid", "a"), ("sid", "b")]
    body = httpx.QueryParams(twice)
    answer = httpx.post(
        f"{members.region.url}/session-end",
        content=str(body),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        trust_env=False,
    )
    assert answer.status_code == 400 and answer.json()["error"] == "invalid_request"
    answer = post(members, proof(members) | {"sid": "a\x00b"})
    assert answer.status_code == 400
    assert httpx.get(f"{members.region.url}/session-end", trust_env=False).status_code == 405
    assert is_signed_in(members.portal.url, passed.person)


def test_an_answer_is_never_stored(members: Federation, passed: Passed) -> None:
    answer = post(members, proof(members) | {"sid": passed.sid})
    assert answer.json() == {"ended": True}
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_delivery_to_an_upstream_that_is_gone_is_final_and_any_other_failure_is_not(
    members: Federation, passed: Passed
) -> None:
    from idp.storage import outbox

    provider = members.national.provider
    with members.national.work() as context:
        for recipient in ("nobody", "region"):
            outbox.add(
                context.db,
                kind="upstream_session_end",
                batch="b",
                recipient=recipient,
                payload={"sid": passed.sid},
                now=context.now,
            )
    with members.national.work() as context:
        by_name = {delivery.recipient: delivery for delivery in outbox.list_batch(context.db, "b")}
    with pytest.raises(DeliveryFailed) as failed:
        deliver_session_end(provider, by_name["nobody"])
    assert failed.value.is_final
    members.region.server.stop()
    with pytest.raises(DeliveryFailed) as failed:
        deliver_session_end(provider, by_name["region"])
    assert not failed.value.is_final
    members.region.server.start()
    deliver_session_end(provider, by_name["region"])
    assert not is_signed_in(members.portal.url, passed.person) or members.region.deliver()


def test_the_caller_hears_when_the_region_cannot_be_reached(
    members: Federation, passed: Passed, member: RelyingParty
) -> None:
    members.region.server.stop()
    with pytest.raises(ProviderUnavailable):
        member.notify_session_end(passed.sid)
    members.region.server.start()
