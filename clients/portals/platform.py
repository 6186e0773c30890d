"""The middle platform's HTTP API as a portal uses it, on behalf of the person who is logged in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from clients.kit.errors import ServiceUnavailable
from clients.kit.http import Answer, HttpClient

_NEXT_PAGE = re.compile(r"""<([^>]*)>\s*;\s*rel="?next"?""")
_CHALLENGE_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
WEB_CHANNEL = 1


class PlatformUnavailable(ServiceUnavailable):
    """The middle platform does not answer, or answers with something that is no answer."""


class PlatformRefusal(Exception):
    """The middle platform answered with an error; `code` and `description` are its words."""

    def __init__(self, status: int, code: str, description: str = "") -> None:
        super().__init__(f"the middle platform refused: {status} {code}")
        self.status = status
        self.code = code
        self.description = description


class NotFound(PlatformRefusal):
    """No such matter or case, or none that this person may see."""


class TokenNotAccepted(PlatformRefusal):
    """The access token is not good (any more): log in again."""


class LevelTooLow(PlatformRefusal):
    """RFC 9470: the person's level is below `required` (an acr value)."""

    def __init__(self, required: str) -> None:
        super().__init__(401, "insufficient_user_authentication")
        self.required = required


class ApplicantNotAllowed(PlatformRefusal):
    """The matter is for companies and the person acts for none, or the other way round."""


class IdentityIncomplete(PlatformRefusal):
    """The verified identity lacks something that the matter needs."""


class AlreadySubmitted(PlatformRefusal):
    """This very form was sent before, with other values; `number` is the case it became."""

    def __init__(self, number: str) -> None:
        super().__init__(409, "already_submitted")
        self.number = number


class ValuesRefused(PlatformRefusal):
    """Some values cannot be accepted; `errors` maps field names to sentences in the person's language."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(422, "invalid_values")
        self.errors = dict(errors)


BY_CODE = {"applicant_not_allowed": ApplicantNotAllowed, "identity_incomplete": IdentityIncomplete}
BY_STATUS = {401: TokenNotAccepted, 404: NotFound}


@dataclass(frozen=True)
class CasePage:
    """One page of a person's cases; `next_page` is its successor's number, or None on the last."""

    cases: list[dict[str, Any]]
    next_page: int | None


@dataclass(frozen=True)
class Platform:
    """The API for one request: with one person's access token (None: what anybody may read) and one language."""

    http: HttpClient
    url: str
    language: str
    token: str | None = field(default=None, repr=False)

    def matters(self, portal: str) -> list[dict[str, Any]]:
        """The matters offered in a portal: id, number, title, summary, minimum_level, applicants, …"""
        return _objects(self._get(f"/api/matters?portal={quote(portal)}"), "matters")

    def matter(self, matter_id: str) -> dict[str, Any]:
        """One matter with its fields, materials, basis and checks. Raises NotFound."""
        return _object(self._get(f"/api/matters/{_segment(matter_id)}"))

    def cases(self, page: int = 1) -> CasePage:
        answer = self._get(f"/api/cases?page={page}")
        return CasePage(_objects(answer, "cases"), _next_page(answer))

    def case(self, number: str) -> dict[str, Any]:
        return _object(self._get(f"/api/cases/{_segment(number)}"))

    def submit(self, matter_id: str, values: Mapping[str, Any], idempotency_key: str) -> dict[str, Any]:
        """Submit a case; the same key gives the same case. Raises ValuesRefused, LevelTooLow, AlreadySubmitted."""
        body = {"values": dict(values), "channel": WEB_CHANNEL, "idempotency_key": idempotency_key}
        return _object(self._post(f"/api/matters/{_segment(matter_id)}/cases", body))

    def correct(self, number: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return _object(self._post(f"/api/cases/{_segment(number)}/corrections", {"values": dict(values)}))

    def withdraw(self, number: str) -> dict[str, Any]:
        return _object(self._post(f"/api/cases/{_segment(number)}/withdrawal", {}))

    def _get(self, path: str) -> Answer:
        return _accepted(self.http.get(self.url + path, headers=self._headers()))

    def _post(self, path: str, body: Any) -> Answer:
        return _accepted(self.http.send("POST", self.url + path, headers=self._headers(), body=body))

    def _headers(self) -> dict[str, str]:
        headers = {"Accept-Language": self.language}
        return headers | {"Authorization": f"Bearer {self.token}"} if self.token else headers


def _segment(text: str) -> str:
    """One segment of a path. Raises NotFound for the two that every HTTP client resolves (RFC 3986 §5.2.4)."""
    if text in {".", ".."}:
        raise NotFound(404, "not_found")
    return quote(text, safe="")


def _accepted(answer: Answer) -> Answer:
    """`answer` if it is a success; otherwise the exception it stands for."""
    if answer.status in {200, 201}:
        return answer
    if answer.status >= 500:
        raise PlatformUnavailable(f"the middle platform answered with status {answer.status}")
    raise _refusal(answer.status, _error_body(answer), answer.headers.get("WWW-Authenticate", ""))


def _error_body(answer: Answer) -> dict[str, Any]:
    try:
        return answer.json_object()
    except ValueError:
        return {}


def _refusal(status: int, body: Mapping[str, Any], challenge: str) -> PlatformRefusal:
    code, description = str(body.get("error", "")), str(body.get("error_description", ""))
    parameters = dict(_CHALLENGE_PARAMETER.findall(challenge))
    if parameters.get("error") == "insufficient_user_authentication" and "acr_values" in parameters:
        return LevelTooLow(parameters["acr_values"])
    if code == "already_submitted" and body.get("number"):
        return AlreadySubmitted(str(body["number"]))
    if status == 422 and isinstance(body.get("errors"), dict):
        return ValuesRefused({str(name): str(text) for name, text in body["errors"].items()})
    kind = BY_CODE.get(code) or BY_STATUS.get(status) or PlatformRefusal
    return kind(status, code, description)


def _object(answer: Answer) -> dict[str, Any]:
    try:
        return answer.json_object()
    except ValueError as error:
        raise PlatformUnavailable("the middle platform's answer is no JSON object") from error


def _objects(answer: Answer, name: str) -> list[dict[str, Any]]:
    """A list of objects, which the answer is or holds under `name`."""
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise PlatformUnavailable("the middle platform's answer is not JSON") from error
    items = content.get(name) if isinstance(content, dict) else content
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise PlatformUnavailable("the middle platform's answer is no list")
    return items


def _next_page(answer: Answer) -> int | None:
    match = _NEXT_PAGE.search(answer.headers.get("Link", ""))
    if match is None:
        return None
    page = parse_qs(urlsplit(match[1]).query).get("page", [""])[0]
    return int(page) if page.isdecimal() and len(page) < 7 else None
