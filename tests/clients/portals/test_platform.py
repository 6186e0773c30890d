"""Reading the middle platform's answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response, request

from clients.kit.http import HttpClient
from clients.portals import platform as api
from clients.portals.platform import Platform, PlatformRefusal, PlatformUnavailable
from tests.clients.serving import serving


@pytest.fixture
def answers() -> list[Any]:
    """What the next request is answered with, and afterwards the request."""
    return []


@pytest.fixture
def middle(kit_http: HttpClient, answers: list[Any]) -> Iterator[Platform]:
    app = Flask("middle")

    @app.route("/<path:path>", methods=["GET", "POST"])
    def anything(path: str) -> Any:
        answer = answers.pop()
        answers.append((request.method, request.full_path, dict(request.headers), request.get_data()))
        return answer

    kit_http.unavailable = PlatformUnavailable
    with serving(app) as url:
        yield Platform(kit_http, url, "en", "token-1")


def test_request_carries_token_and_language(middle: Platform, answers: list[Any]) -> None:
    answers.append(("[]", 200))
    assert middle.matters("drivers") == []
    method, path, headers, _ = answers[0]
    assert (method, path) == ("GET", "/api/matters?portal=drivers")
    assert (headers["Authorization"], headers["Accept-Language"]) == ("Bearer token-1", "en")


def test_request_for_nobody_carries_no_token(middle: Platform, answers: list[Any]) -> None:
    answers.append(("[]", 200))
    Platform(middle.http, middle.url, "zh").matters("drivers")
    assert "Authorization" not in answers[0][2]


@pytest.mark.parametrize("name", ["../../admin", "a/b", "a?b=c", "x#y", "é"])
def test_names_cannot_leave_their_place_in_the_address(middle: Platform, answers: list[Any], name: str) -> None:
    answers.append(("{}", 200))
    middle.case(name)
    path = answers[0][1]
    assert path.startswith("/api/cases/") and path.endswith("?")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, "{}", api.TokenNotAccepted),
        (403, '{"error":"applicant_not_allowed"}', api.ApplicantNotAllowed),
        (403, '{"error":"identity_incomplete"}', api.IdentityIncomplete),
        (404, "", api.NotFound),
        (409, '{"error":"already_submitted","number":"1"}', api.AlreadySubmitted),
        (422, '{"errors":{"a":"b"}}', api.ValuesRefused),
        (422, '{"errors":[]}', PlatformRefusal),
        (400, "[]", PlatformRefusal),
        (302, "", PlatformRefusal),
        (500, "", PlatformUnavailable),
        (503, "{}", PlatformUnavailable),
    ],
)
def test_each_refusal_is_its_own_kind(
    middle: Platform, answers: list[Any], status: int, body: str, kind: type[Exception]
) -> None:
    answers.append((body, status))
    with pytest.raises(kind) as refused:
        middle.case("1")
    assert type(refused.value) is kind


def test_challenge_for_a_higher_level_names_it(middle: Platform, answers: list[Any]) -> None:
    challenge = 'Bearer realm="x", error="insufficient_user_authentication", acr_values="urn:tongxing:loa:3"'
    answers.append(("{}", 401, {"WWW-Authenticate": challenge}))
    with pytest.raises(api.LevelTooLow) as refused:
        middle.submit("m", {}, "k")
    assert refused.value.required == "urn:tongxing:loa:3"


@pytest.mark.parametrize("body", ["", "{", "7", "[1]", '{"matters":7}', "[" * 5000])
def test_list_that_is_none_is_unavailability(middle: Platform, answers: list[Any], body: str) -> None:
    answers.append((body, 200))
    with pytest.raises(PlatformUnavailable):
        middle.matters("drivers")


@pytest.mark.parametrize(
    ("link", "page"),
    [
        ('<http://x/api/cases?page=3>; rel="next"', 3),
        ("</api/cases?page=3>; rel=next", 3),
        ('<http://x/?page=1>; rel="prev", <http://x/?page=4>; rel="next"', 4),
        ('<http://x/?page=1>; rel="prev"', None),
        ('<http://x/?page=x>; rel="next"', None),
        ('<http://x/>; rel="next"', None),
        ("nonsense", None),
    ],
)
def test_next_page_is_read_from_the_link_header(middle: Platform, answers: list[Any], link: str, page: int) -> None:
    answers.append(Response("[]", headers={"Link": link}))
    assert middle.cases().next_page == page
