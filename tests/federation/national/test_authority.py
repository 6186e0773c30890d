"""The verification API over HTTP: who may ask, what it answers, what it never tells."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import structlog

from federation.national.population import ACTIVE, DECEASED, DISSOLVED, FROZEN
from tests.federation.national.conftest import Caller
from tests.members import ENTERPRISES, PERSONS, Federation

SOMEONE = next(person for person in PERSONS if person.status == ACTIVE and person.level == 3)
FIRM = next(company for company in ENTERPRISES if company.status == ACTIVE)
HEAD = next(person for person in PERSONS if person.id_number == FIRM.representative)


def firm(**changes: Any) -> dict[str, Any]:
    head = {"name": HEAD.name, "id_number": HEAD.id_number}
    return {"name": FIRM.name, "uscc": FIRM.uscc, "representative": head} | changes


def test_a_match_says_so_with_the_level_and_nothing_else(caller: Caller) -> None:
    answer = caller.person(SOMEONE.name, SOMEONE.id_number)
    assert (answer.status, answer.json_object()) == (200, {"match": True, "level": 3})
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_company_with_its_representative_matches(caller: Caller) -> None:
    answer = caller.ask("/enterprises/verify", firm())
    assert answer.json_object() == {"match": True, "level": HEAD.level}


def test_no_mismatch_tells_which_part_was_wrong(caller: Caller) -> None:
    dead = next(person for person in PERSONS if person.status == DECEASED)
    frozen = next(person for person in PERSONS if person.status == FROZEN)
    answers = [
        caller.person("张三丰", SOMEONE.id_number),
        caller.person(SOMEONE.name, "11010519491231002X"),
        caller.person(SOMEONE.name, "not a number at all"),
        caller.person(dead.name, dead.id_number),
        caller.person(frozen.name, frozen.id_number),
    ]
    assert {answer.body for answer in answers} == {answers[0].body}
    assert answers[0].json_object() == {"match": False}
    gone = next(company for company in ENTERPRISES if company.status == DISSOLVED)
    wrong = [
        firm(name="别的公司"),
        firm(uscc=gone.uscc),
        firm(representative={"name": SOMEONE.name, "id_number": SOMEONE.id_number}),
        firm(representative={"name": SOMEONE.name, "id_number": HEAD.id_number}),
    ]
    assert {caller.ask("/enterprises/verify", body).body for body in wrong} == {answers[0].body}


def test_without_a_token_there_is_a_challenge_and_no_answer(caller: Caller) -> None:
    url = f"{caller.members.national.url}/authority/persons/verify"
    answer = caller.http.send("POST", url, body={"name": SOMEONE.name, "id_number": SOMEONE.id_number})
    assert answer.status == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("token", ["nonsense", "a.b.c"])
def test_a_made_up_token_is_refused(caller: Caller, token: str) -> None:
    assert caller.ask("/persons/verify", {"name": "a", "id_number": "b"}, token=token).status == 401


def test_a_token_of_the_region_is_refused(caller: Caller) -> None:
    """It is signed by another provider, for another audience."""
    members = caller.members
    key = members.region.provider.settings.upstreams[0].private_jwk
    members.region.register("ministry", dict(key), redirect_uris=["http://127.0.0.1:9/cb"], scope="matters.read")
    from clients.kit.client_auth import PrivateKeyJwt
    from clients.kit.login import RelyingPartyConfig
    from clients.kit.relying_party import RelyingParty

    config = RelyingPartyConfig(members.region.url, "ministry", "http://127.0.0.1:9/cb", auth=PrivateKeyJwt(dict(key)))
    token = RelyingParty(config, caller.http).client_credentials("matters.read").access_token
    answer = caller.ask("/persons/verify", {"name": "a", "id_number": "b"}, token=token)
    assert answer.status == 401 and 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_client_without_the_scope_gets_no_token_for_it(members: Federation) -> None:
    from clients.kit.client_auth import PrivateKeyJwt
    from clients.kit.errors import TokenRefused
    from clients.kit.http import HttpClient
    from clients.kit.login import RelyingPartyConfig
    from clients.kit.relying_party import RelyingParty
    from tests.members import client_key

    key = client_key("stranger")
    members.national.register("stranger", key, redirect_uris=["http://127.0.0.1:9/cb"], scope="openid profile")
    config = RelyingPartyConfig(members.national.url, "stranger", "http://127.0.0.1:9/cb", auth=PrivateKeyJwt(key))
    with pytest.raises(TokenRefused) as refused:
        RelyingParty(config, HttpClient()).client_credentials("authority.verify")
    assert refused.value.error == "invalid_scope"


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": "some-person"},
        {"cnf": {"jkt": "x"}},
        {"cnf": {"x5t#S256": "x"}},
        {"cnf": {}},
    ],
    ids=["a person's", "bound to a DPoP key", "bound to a certificate", "bound to we know not what"],
)
def test_a_token_of_another_kind_is_refused(caller: Caller, changes: dict[str, Any]) -> None:
    """RFC 9700 §4.15, RFC 9449 §7.2: signed by the right provider for the right audience, but about a person, or bound
    to a key that nobody showed."""
    from idp.crypto.jose import sign

    provider = caller.members.national.provider
    with caller.members.national.work() as context:
        at = int(context.now.timestamp())
        claims = {
            "iss": caller.members.national.url,
            "sub": "ministry",
            "client_id": "ministry",
            "aud": f"{caller.members.national.url}/authority",
            "scope": "authority.verify",
            "jti": "1",
            "iat": at,
            "exp": at + 60,
        }
        good, bad = (
            sign(context.keys, provider.settings.key_algorithms[0], one, "at+jwt", context.now)
            for one in (claims, claims | changes)
        )
    body = {"name": "a", "id_number": "b"}
    assert caller.ask("/persons/verify", body, token=good).status != 401
    answer = caller.ask("/persons/verify", body, token=bad)
    assert answer.status == 401 and 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": SOMEONE.name},
        {"name": SOMEONE.name, "id_number": 650101},
        {"name": "", "id_number": "x"},
        {"name": "a\x00b", "id_number": "x"},
        {"name": "a" * 300, "id_number": "x"},
        {"name": "a", "id_number": "x", "more": 1},
        ["name", "id_number"],
        "text",
        None,
    ],
)
def test_a_malformed_question_is_refused_and_the_refusal_repeats_nothing_of_it(caller: Caller, body: Any) -> None:
    answer = caller.ask("/persons/verify", body)
    assert answer.status == 400 and answer.json_object()["error"] == "invalid_request"
    assert SOMEONE.name not in answer.body.decode()


@pytest.mark.parametrize(
    ("content", "status"), [(b"{", 400), (b"\xff\xfe", 400), (b'{"name": "' + b"a" * 9000, 413), (b"", 400)]
)
def test_raw_nonsense_is_refused(caller: Caller, content: bytes, status: int) -> None:
    url = f"{caller.members.national.url}/authority/persons/verify"
    headers = {"Authorization": f"Bearer {caller.token()}", "Content-Type": "application/json"}
    answer = httpx.post(url, content=content, headers=headers, trust_env=False)
    assert answer.status_code == status and "error" in answer.json()


def test_reading_is_no_way_to_ask(caller: Caller) -> None:
    url = f"{caller.members.national.url}/authority/persons/verify?name={SOMEONE.name}&id_number={SOMEONE.id_number}"
    answer = caller.http.get(url, headers={"Authorization": f"Bearer {caller.token()}"})
    assert answer.status == 405 and SOMEONE.name not in answer.body.decode()


def test_a_client_that_asks_too_often_is_told_to_wait_and_others_are_not(caller: Caller) -> None:
    part = caller.members.authority.extensions["authority"]
    part.requests_per_minute = 3
    token = caller.token()
    body = {"name": SOMEONE.name, "id_number": SOMEONE.id_number}
    statuses = [caller.ask("/persons/verify", body, token=token).status for _ in range(8)]
    assert 429 in statuses and statuses.count(200) <= 6  # the minute may turn once
    last = caller.ask("/persons/verify", body, token=token)
    if last.status == 429:
        assert 1 <= int(last.headers["Retry-After"]) <= 60
    region = caller.members.region.provider.parts["authority"]
    assert region.verify_person(SOMEONE.name, SOMEONE.id_number).is_match


def test_the_log_names_the_client_and_the_outcome_and_nobody(caller: Caller) -> None:
    with structlog.testing.capture_logs() as lines:
        caller.person(SOMEONE.name, SOMEONE.id_number)
    (line,) = [line for line in lines if line["event"] == "verification"]
    assert (line["client_id"], line["is_match"]) == ("ministry", True)
    assert SOMEONE.name not in str(line) and SOMEONE.id_number not in str(line)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1"])
def test_another_hosts_name_opens_nothing_but_the_health(caller: Caller, host: str) -> None:
    answer = caller.ask("/persons/verify", {"name": SOMEONE.name, "id_number": SOMEONE.id_number}, Host=host)
    assert (answer.status, answer.json_object()["error"]) == (400, "invalid_request")
    health = caller.http.send("GET", f"{caller.members.national.url}/authority/healthz", headers={"Host": host})
    assert health.status == 200


def test_health_is_open_and_tells_how_many_there_are(caller: Caller) -> None:
    answer = caller.http.get(f"{caller.members.national.url}/authority/healthz")
    assert answer.json_object() == {"status": "ok", "persons": len(PERSONS), "enterprises": len(ENTERPRISES)}


def test_a_fault_is_only_ever_the_test_settings(caller: Caller) -> None:
    part = caller.members.authority.extensions["authority"]
    assert part.fault == ""
    part.fault = "unavailable"
    assert caller.person(SOMEONE.name, SOMEONE.id_number).status == 503
