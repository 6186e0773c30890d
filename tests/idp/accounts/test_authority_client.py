"""The authority as the region asks it, over HTTP with an access token of its own client."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from clients.kit import provider
from idp.accounts.authority import AuthorityUnavailable, EnterpriseCheck, PersonCheck
from idp.accounts.authority_client import AuthorityClient, NoAuthority
from idp.config import Settings
from tests import services
from tests.members import ENTERPRISES, PERSONS, Federation, federation

SOMEONE = next(person for person in PERSONS if person.status == "active" and person.level == 4)
FIRM = next(company for company in ENTERPRISES if company.status == "active")
HEAD = next(person for person in PERSONS if person.id_number == FIRM.representative)


@pytest.fixture
def members(settings: Settings, new_database: Callable[[], str], tmp_path: Path) -> Iterator[Federation]:
    with federation(settings, new_database, tmp_path) as built:
        yield built


@pytest.fixture
def authority(members: Federation) -> AuthorityClient:
    found = members.region.provider.parts["authority"]
    assert isinstance(found, AuthorityClient)
    return found


def test_name_and_number_prove_level_two_however_well_the_register_knows_the_person(authority: AuthorityClient) -> None:
    assert authority.verify_person(SOMEONE.name, SOMEONE.id_number) == PersonCheck(True, 2)
    assert authority.verify_person("张三丰", SOMEONE.id_number) == PersonCheck(False, 0)


def test_a_company_and_its_representative(authority: AuthorityClient) -> None:
    assert authority.verify_enterprise(FIRM.name, FIRM.uscc, HEAD.name, HEAD.id_number) == EnterpriseCheck(
        True, "active"
    )
    assert not authority.verify_enterprise(FIRM.name, FIRM.uscc, SOMEONE.name, SOMEONE.id_number).is_active


def test_one_token_serves_many_questions(authority: AuthorityClient, members: Federation) -> None:
    asked: list[str] = []
    members.national.app.before_request(lambda: asked.append(_path()))
    for _ in range(3):
        authority.verify_person(SOMEONE.name, SOMEONE.id_number)
    assert asked.count("/token") == 1


def _path() -> str:
    from flask import request

    return request.path


def test_a_token_that_is_refused_is_replaced_once(authority: AuthorityClient, members: Federation) -> None:
    authority.verify_person(SOMEONE.name, SOMEONE.id_number)
    token = authority._token
    assert token is not None
    authority._token = type(token)("nonsense", token.expires_at)
    assert authority.verify_person(SOMEONE.name, SOMEONE.id_number).is_match
    assert authority._token is not None and authority._token.access_token != "nonsense"


@pytest.mark.parametrize("fault", ["slow", "unavailable"])
def test_a_faulty_authority_is_unavailable_within_five_seconds(
    authority: AuthorityClient, members: Federation, fault: str
) -> None:
    assert authority._http.timeout == timedelta(seconds=4)
    authority._http.timeout = timedelta(seconds=0.5)
    members.authority.extensions["authority"].fault = fault
    started = time.monotonic()
    with pytest.raises(AuthorityUnavailable):
        authority.verify_person(SOMEONE.name, SOMEONE.id_number)
    assert time.monotonic() - started < 5


def test_an_authority_that_is_down_is_unavailable_and_comes_back(
    authority: AuthorityClient, members: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "RETRY_INTERVAL", 0)  # how long a failed discovery is not repeated
    members.national.server.stop()
    with pytest.raises(AuthorityUnavailable):
        authority.verify_person(SOMEONE.name, SOMEONE.id_number)
    members.national.server.start()
    assert authority.verify_person(SOMEONE.name, SOMEONE.id_number).is_match


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"match": "yes"}', b'{"match": true}', b'{"match": true, "level": 9}', b"<html>"]
)
def test_an_answer_that_is_none_is_unavailable(authority: AuthorityClient, members: Federation, body: bytes) -> None:
    def nonsense(environ: object, start_response: Callable[..., object]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [body]

    authority._fresh_token()
    with services.running_wsgi(nonsense) as url:
        authority._url = url
        with pytest.raises(AuthorityUnavailable):
            authority.verify_person(SOMEONE.name, SOMEONE.id_number)


def test_many_threads_ask_for_one_token(authority: AuthorityClient, members: Federation) -> None:
    asked: list[str] = []
    members.national.app.before_request(lambda: asked.append(_path()))
    threads = [
        threading.Thread(target=authority.verify_person, args=(SOMEONE.name, SOMEONE.id_number)) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked.count("/token") == 1


def test_without_an_authority_nothing_can_be_verified() -> None:
    with pytest.raises(AuthorityUnavailable):
        NoAuthority().verify_person("a", "b")
    with pytest.raises(AuthorityUnavailable):
        NoAuthority().verify_enterprise("a", "b", "c", "d")
