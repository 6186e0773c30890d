"""The other platform is down, slow or talks nonsense: a clear page within five seconds, local logins unaffected."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from idp.authn.upstream_parties import DEADLINE
from tests import services
from tests.conftest import PASSWORD, AddPerson
from tests.journeys.federated import (
    SOMEONE,
    account_of,
    add_registered,
    allow,
    go_to_national_login,
    sign_in_locally,
)
from tests.members import Federation
from tests.person import Page, Person

NewPerson = Callable[..., Person]
LIMIT = 5.0
HASTE = timedelta(seconds=1)  # in place of DEADLINE, so that a busy machine has time to draw the page


class Troubled:
    """Stands at the national platform's address instead of it: answers never, at a trickle, or with nonsense."""

    def __init__(self, trouble: str) -> None:
        self.trouble, self.asked, self.over = trouble, threading.Event(), threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.asked.set()
        if self.trouble == "silent":
            self.over.wait(60)
        status = "503 Service Unavailable" if self.trouble == "busy" else "200 OK"
        start_response(status, [("Content-Type", "application/json")])
        return self._trickle() if self.trouble == "trickling" else [b"<html>maintenance</html>"]

    def _trickle(self) -> Iterator[bytes]:
        while not self.over.wait(0.5):
            yield b" "


@pytest.fixture(params=["down", "silent", "trickling", "busy", "nonsense"])
def trouble(request: pytest.FixtureRequest, members: Federation) -> Iterator[str]:
    members.national.server.stop()
    if request.param == "down":
        yield "down"
    else:
        troubled = Troubled(request.param)
        with services.running_wsgi(troubled, members.national.server.port):
            yield str(request.param)
            troubled.over.set()
    members.national.server.start()


def patience(members: Federation, time_out: timedelta) -> None:
    """How long the region waits for the national platform from now on."""
    assert timedelta(seconds=LIMIT) > DEADLINE, "nothing would be left for the page"
    members.region.provider.parts["upstreams"]["national"].provider.http.timeout = time_out


def assert_unavailable(page: Page, started: float) -> None:
    assert time.monotonic() - started < LIMIT
    assert page.status == 503 and page.has("unavailable-login"), page.words
    assert "国家政务服务平台" in page.words
    assert page.headers["Retry-After"]


def test_a_page_says_so_within_five_seconds_and_the_account_here_still_works(
    members: Federation, add_person: AddPerson, new_person: NewPerson, trouble: str
) -> None:
    add_registered(add_person, members.region)
    person = new_person()
    login = person.open(f"{members.portal.url}/login?next=/")
    patience(members, HASTE)
    started = time.monotonic()
    page = person.click(login, "upstream-national")
    assert_unavailable(page, started)
    page = person.click(page, "unavailable-login")  # the same request goes on
    page = person.sign_in(page, "local", PASSWORD)
    assert page.url == f"{members.portal.url}/" and page.text_of("name") == SOMEONE.name


def test_going_silent_while_the_person_is_on_the_way_back_makes_no_half_account(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.national)
    person = new_person()
    page = person.sign_in(go_to_national_login(members, person), "national", PASSWORD)
    callback = f"{members.region.url}/upstream/national/callback"
    page = person.submit(page, "consent-allow", stop_before=callback)
    members.national.server.stop()
    troubled = Troubled("silent")
    patience(members, HASTE)
    with services.running_wsgi(troubled, members.national.server.port):
        started = time.monotonic()
        assert_unavailable(person.open(page.url), started)
        troubled.over.set()
    patience(members, DEADLINE)
    assert account_of(members.region, SOMEONE.id_number) is None
    members.national.server.start()
    page = person.click(person.open(f"{members.portal.url}/login?next=/"), "upstream-national")
    assert allow(person, page).text_of("name") == SOMEONE.name


def test_people_sign_in_here_while_others_wait_for_a_silent_platform(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.region)
    members.national.server.stop()
    troubled = Troubled("silent")
    patience(members, timedelta(seconds=50))
    waiting = [new_person() for _ in range(3)]
    with services.running_wsgi(troubled, members.national.server.port):
        threads = [
            threading.Thread(target=one.open, args=(f"{members.region.url}/upstream/national/start",))
            for one in waiting
        ]
        for thread in threads:
            thread.start()
        assert troubled.asked.wait(30)
        page = sign_in_locally(members, new_person())
        assert any(thread.is_alive() for thread in threads), "nobody waited any more"
        assert page.text_of("name") == SOMEONE.name
        troubled.over.set()
        for thread in threads:
            thread.join()
    members.national.server.start()
