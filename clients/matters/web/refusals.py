"""Every refusal of the API as JSON: `error` for a program, `error_description` in the reader's language."""

from __future__ import annotations

from flask import Flask, Response, current_app, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from clients.kit.flask_resource import answer_refusals
from clients.matters.cases import CaseChanged
from clients.matters.catalogue import UnknownMatter
from clients.matters.clerk import AlreadySubmitted
from clients.matters.submission import ApplicantNotAllowed, IdentityIncomplete, InvalidValues
from clients.matters.web.json_input import InputRefused
from clients.matters.web.sentences import sentence
from clients.matters.workflow import MoveNotPossible


class NotFound(Exception):
    """What was asked for does not exist, or is not the asker's: the answer is the same."""


def register_refusals(app: Flask) -> None:
    """Let every error of this service become its answer."""
    answer_refusals(app)
    app.register_error_handler(InvalidValues, _invalid_values)
    app.register_error_handler(AlreadySubmitted, _already_submitted)
    app.register_error_handler(InputRefused, lambda error: _refusal(error.status, "invalid_request", error.description))
    app.register_error_handler(UnknownMatter, lambda _error: _refusal(404, "not_found", _("There is no such matter.")))
    app.register_error_handler(
        NotFound, lambda _error: _refusal(404, "not_found", _("There is no such case of yours."))
    )
    app.register_error_handler(ApplicantNotAllowed, _applicant_not_allowed)
    app.register_error_handler(IdentityIncomplete, _identity_incomplete)
    app.register_error_handler(MoveNotPossible, _not_possible_now)
    app.register_error_handler(CaseChanged, _not_possible_now)
    app.register_error_handler(OperationalError, _database_away)
    app.register_error_handler(HTTPException, _http_error)


def _refusal(status: int, error: str, description: str, **more: object) -> tuple[Response, int]:
    return jsonify({"error": error, "error_description": description, **more}), status


def _invalid_values(error: InvalidValues) -> tuple[Response, int]:
    errors = {name: sentence(reason) for name, reason in error.errors.items()}
    return _refusal(422, "invalid_values", _("Some answers cannot be taken."), errors=errors)


def _already_submitted(error: AlreadySubmitted) -> tuple[Response, int]:
    description = _("This form was submitted before, with other answers.")
    return _refusal(409, "already_submitted", description, number=error.number)


def _applicant_not_allowed(_error: ApplicantNotAllowed) -> tuple[Response, int]:
    description = _("Choose for whom you act: this matter is for others than the one you act for now.")
    return _refusal(403, "applicant_not_allowed", description)


def _identity_incomplete(_error: IdentityIncomplete) -> tuple[Response, int]:
    description = _("Your verified identity does not tell enough. Complete the verification in your account.")
    return _refusal(403, "identity_incomplete", description)


def _not_possible_now(_error: Exception) -> tuple[Response, int]:
    return _refusal(409, "not_possible_now", _("This cannot be done with the case as it stands now."))


def _database_away(error: OperationalError) -> ResponseReturnValue:
    current_app.logger.error("database unavailable: %s", type(error.orig).__name__)
    response, _status = _refusal(503, "temporarily_unavailable", _("Please try again in a moment."))
    response.headers["Retry-After"] = "5"
    return response, 503


def _http_error(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if request.path.startswith("/api/"):
        names = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
        fallback = "server_error" if status >= 500 else "invalid_request"
        answer, _status = _refusal(status, names.get(status, fallback), error.description or "")
        if status == 405 and (allowed := getattr(error, "valid_methods", None)):
            answer.headers["Allow"] = ", ".join(sorted(allowed))
        return answer, status
    return render_template("errors/http.html", status=status), status
