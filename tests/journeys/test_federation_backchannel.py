"""The provider's own back-channel logout endpoint: what a logout token must be, and what it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from idp.crypto.jose import sign
from idp.storage import tables
from tests.conftest import AddPerson
from tests.journeys.federated import ANOTHER, add_registered, is_signed_in, sign_in_nationally
from tests.members import Federation
from tests.person import Person

NewPerson = Callable[..., Person]
EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def person(members: Federation, add_person: AddPerson, new_person: NewPerson) -> Person:
    add_registered(add_person, members.national)
    person = new_person()
    sign_in_nationally(members, person)
    return person


def of_session(members: Federation) -> tuple[str, str]:
    """(sid, subject) of the one session at the region that came from the national platform."""
    columns = (tables.sessions.c.upstream_sid, tables.sessions.c.upstream_subject)
    with members.region.work() as context:
        sid, subject = context.db.execute(select(*columns).where(tables.sessions.c.ended_at.is_(None))).one()
    return sid, subject


def token(members: Federation, typ: str = "logout+jwt", **changes: Any) -> str:
    sid, subject = of_session(members)
    with members.national.work() as context:
        at = int(context.now.timestamp())
        claims = {
            "iss": members.national.url,
            "aud": "region",
            "iat": at,
            "exp": at + 120,
            "jti": changes.pop("jti", "j-1"),
            "events": {EVENT: {}},
            "sid": sid,
            "sub": subject,
        } | changes
        claims = {name: value for name, value in claims.items() if value is not ...}
        return sign(context.keys, members.national.provider.settings.key_algorithms[0], claims, typ, context.now)


def send(members: Federation, *tokens: str) -> httpx.Response:
    url = f"{members.region.url}/upstream/national/backchannel-logout"
    return httpx.post(url, data={"logout_token": list(tokens)}, trust_env=False)


@pytest.mark.parametrize("left_out", ["sub", "sid"])
def test_session_or_person_is_enough_to_end_it(members: Federation, person: Person, left_out: str) -> None:
    answer = send(members, token(members, **{left_out: ...}))
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    members.deliver()
    assert not is_signed_in(members.portal.url, person)


def test_the_one_who_said_it_is_not_told_again(members: Federation, person: Person) -> None:
    send(members, token(members))
    with members.region.work() as context:
        assert list(context.db.execute(select(tables.outbox.c.recipient)).scalars()) == ["portal-drivers"]


def test_one_persons_logout_is_nobody_elses(
    members: Federation, person: Person, add_person: AddPerson, new_person: NewPerson
) -> None:
    mine = token(members)
    add_registered(add_person, members.national, ANOTHER, username="another")
    other = new_person()
    sign_in_nationally(members, other, "another")
    send(members, mine)
    members.deliver()
    assert not is_signed_in(members.portal.url, person)
    assert is_signed_in(members.portal.url, other)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "http://127.0.0.1:1"},
        {"aud": "national-hall"},
        {"exp": 1},
        {"iat": 1},
        {"events": {}},
        {"events": ...},
        {"nonce": "n"},
        {"sub": ..., "sid": ...},
        {"jti": ...},
        {"typ": "JWT"},
        {"typ": "at+jwt"},
    ],
    ids=str,
)
def test_a_token_that_is_none_ends_nothing(members: Federation, person: Person, changes: dict[str, Any]) -> None:
    answer = send(members, token(members, **changes))
    assert answer.status_code == 400 and answer.json()["error"] == "invalid_request"
    assert is_signed_in(members.portal.url, person)


def test_a_token_counts_once_and_only_alone(members: Federation, person: Person) -> None:
    good = token(members)
    assert send(members).status_code == 400
    assert send(members, good, good).status_code == 400
    assert send(members, good).status_code == 200
    assert send(members, good).status_code == 400


def test_a_token_of_the_region_itself_is_refused(members: Federation, person: Person) -> None:
    sid, subject = of_session(members)
    with members.region.work() as context:
        at = int(context.now.timestamp())
        claims = {"iss": members.national.url, "aud": "region", "iat": at, "exp": at + 120, "jti": "j"}
        claims |= {"events": {EVENT: {}}, "sid": sid, "sub": subject}
        forged = sign(
            context.keys, members.region.provider.settings.key_algorithms[0], claims, "logout+jwt", context.now
        )
    assert send(members, forged).status_code == 400
    assert is_signed_in(members.portal.url, person)


def test_an_unknown_upstream_is_not_found(members: Federation) -> None:
    url = f"{members.region.url}/upstream/nobody/backchannel-logout"
    assert httpx.post(url, data={"logout_token": "x"}, trust_env=False).status_code == 404


def test_a_repeated_logout_of_a_session_that_is_over_is_accepted(members: Federation, person: Person) -> None:
    first, second = token(members, jti="1"), token(members, jti="2")
    assert send(members, first).status_code == 200
    assert send(members, second).status_code == 200
