"""The HTTP API of the middle platform: the guide to every matter, filing a case, following one's cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from flask import Blueprint, Response, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from clients.kit.access import utc_now
from clients.kit.assurance import LEVELS
from clients.kit.errors import AccessDenied
from clients.kit.flask_resource import current_token, protected
from clients.kit.resource import AccessTokenVerifier, bearer_token
from clients.matters.applicant import Applicant, is_act_as
from clients.matters.case import Case
from clients.matters.case_numbers import CHANNELS, is_case_number
from clients.matters.cases import Cases
from clients.matters.catalogue import Catalogue
from clients.matters.clerk import Clerk, Filing
from clients.matters.person import People
from clients.matters.schema import Matter
from clients.matters.submission import public_questions, questions
from clients.matters.web.case_json import case_of, row_of
from clients.matters.web.json_input import InputRefused, is_readable, read_json_object
from clients.matters.web.language import language
from clients.matters.web.matter_json import guide_of, summary_of
from clients.matters.web.refusals import NotFound

PAGE = 50
READ, SUBMIT = "matters.read", "matters.submit"
T = TypeVar("T")


@dataclass(frozen=True)
class Api:
    """The views with the parts they need; `blueprint` mounts them under /api."""

    issuer: str
    verifier: AccessTokenVerifier
    people: People
    catalogue: Catalogue
    cases: Cases
    clerk: Clerk
    clock: Callable[[], datetime]

    def blueprint(self) -> Blueprint:
        blueprint = Blueprint("api", __name__, url_prefix="/api")
        # The guide 办事指南 is public; whoever shows a token gets it as it applies to them.
        blueprint.add_url_rule("/matters", "list_matters", self.list_matters)
        blueprint.add_url_rule("/matters/<matter_id>", "show_matter", self.show_matter)
        for rule, method, scope, view in (
            ("/matters/<matter_id>/cases", "POST", SUBMIT, self.submit_case),
            ("/cases", "GET", READ, self.list_cases),
            ("/cases/<number>", "GET", READ, self.show_case),
            ("/cases/<number>/corrections", "POST", SUBMIT, self.correct_case),
            ("/cases/<number>/withdrawal", "POST", SUBMIT, self.withdraw_case),
        ):
            guarded = protected(self.verifier, scope)(view)
            blueprint.add_url_rule(rule, view.__name__, guarded, methods=[method])
        return blueprint

    def list_matters(self) -> Response:
        portal = _parameter("portal")
        return jsonify([summary_of(m, language()) for m in self.catalogue.matters if portal in (None, m.portal)])

    def show_matter(self, matter_id: str) -> ResponseReturnValue:
        matter = self.catalogue.get(matter_id)
        if "Authorization" in request.headers:
            return protected(self.verifier, READ)(self._show_form)(matter)
        return self._show_guide(matter)

    def _show_form(self, matter: Matter) -> Response:
        if not current_token().is_person:
            return self._show_guide(matter)
        return jsonify(guide_of(matter, questions(matter, self._applicant()), language()))

    @staticmethod
    def _show_guide(matter: Matter) -> Response:
        return jsonify(guide_of(matter, public_questions(matter), language()))

    def submit_case(self, matter_id: str) -> tuple[Response, int, dict[str, str]]:
        matter = self.catalogue.get(matter_id)
        applicant = self._applicant_for(matter)
        body = read_json_object(request)
        channel = _member(body, "channel", int, default=1)
        if channel not in CHANNELS:
            raise InputRefused("channel must be one of the known channels")
        filing = Filing(_values(body), channel, _idempotency_key(body))
        case = self.clerk.submit(matter, applicant, filing, self.clock())
        location = url_for("api.show_case", number=case.number)
        return self._answer(case, matter), 201, {"Location": location}

    def list_cases(self) -> Response:
        page = _page_number(_parameter("page"))
        owner = self.clerk.owner_of(self._filer())
        found = self.cases.cases_of(owner, PAGE + 1, (page - 1) * PAGE)
        now = self.clock()
        settled = [self.clerk.settle(case, now) for case in found[:PAGE]]
        response = jsonify([row_of(case, self.catalogue.get(case.matter), language()) for case in settled])
        if len(found) > PAGE:
            response.headers["Link"] = f'<{url_for("api.list_cases", page=page + 1)}>; rel="next"'
        return response

    def show_case(self, number: str) -> Response:
        case = self._case(number)
        return self._answer(case, self.catalogue.get(case.matter))

    def correct_case(self, number: str) -> Response:
        case = self._case(number)
        matter = self.catalogue.get(case.matter)
        applicant = self._applicant_for(matter)
        values = _values(read_json_object(request))
        return self._answer(self.clerk.correct(case, applicant, values, self.clock()), matter)

    def withdraw_case(self, number: str) -> Response:
        case = self._case(number)
        matter = self.catalogue.get(case.matter)
        self._check_level(matter)
        return self._answer(self.clerk.withdraw(case, self._filer(), self.clock()), matter)

    def _case(self, number: str) -> Case:
        owner = self.clerk.owner_of(self._filer())
        case = self.cases.find_case(number, owner) if is_case_number(number) else None
        if case is None:
            raise NotFound("There is no such case of yours")
        return self.clerk.settle(case, self.clock())

    def _answer(self, case: Case, matter: Matter) -> Response:
        shown = case_of(case, matter, self.cases.history_of(case), language())
        return jsonify({**shown, "due_dates_provisional": self.clerk.is_provisional(case)})

    def _applicant_for(self, matter: Matter) -> Applicant:
        """The applicant at the level the matter needs; before that, nothing is asked of the provider."""
        self._check_level(matter)
        return self._applicant()

    def _check_level(self, matter: Matter) -> None:
        self.verifier.check_acr(current_token(), LEVELS[matter.minimum_level.value])

    def _applicant(self) -> Applicant:
        """Who files, with everything that the provider vouches for."""
        filer = self._filer()
        raw_token = bearer_token(request.headers.get("Authorization"))
        # By the clock that judged the token, whatever day the office keeps.
        return replace(filer, person=self.people.claims_of(current_token(), raw_token, utc_now()))

    def _filer(self) -> Applicant:
        """Whose cases these are: all that the token itself tells, and enough to find them."""
        token = current_token()
        if not token.is_person:
            raise AccessDenied("insufficient_scope", "Only people have cases; this token is a client's", status=403)
        act_as = token.claims.get("act_as")
        if act_as is not None and not is_act_as(act_as):
            raise AccessDenied("invalid_token", "The company acted for is not readable")
        return Applicant(self.issuer, token.subject, token.client_id, {}, act_as)


def _parameter(name: str) -> str | None:
    """The query parameter; given twice, or not as UTF-8, it means nothing."""
    given = request.args.getlist(name)
    if len(given) > 1:
        raise InputRefused(f"{name} is given more than once")
    # Flask leaves what it cannot decode percent-encoded.
    if not is_readable(unquote_to_bytes(request.query_string)):
        raise InputRefused("The query is not readable text")
    return given[0] if given else None


def _values(body: dict[str, Any]) -> dict[str, object]:
    return _member(body, "values", dict)


def _idempotency_key(body: dict[str, Any]) -> str:
    key = _member(body, "idempotency_key", str)
    if not 8 <= len(key) <= 200:
        raise InputRefused("idempotency_key must have 8 to 200 characters")
    return key


def _member(body: dict[str, Any], name: str, kind: type[T], default: T | None = None) -> T:
    value = body.get(name, default)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InputRefused(f"{name} is missing or of the wrong type")
    return value


def _page_number(text: str | None) -> int:
    if text is None:
        return 1
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 6 and int(text) > 0):
        raise InputRefused("page must be a number from 1")
    return int(text)
