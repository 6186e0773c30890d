"""The authority's verification API: are this name and number one person's, does this person represent this company?

A resource server (RFC 6750, RFC 9068) for clients of the national provider acting for themselves. It answers match or
no match and nothing in between, so that nobody can find out a number from a name or the reverse.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated, TypeVar

import structlog
from flask import Flask, Response, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from clients.kit.access import utc_now
from clients.kit.errors import AccessDenied
from clients.kit.flask_guard import refuse_other_hosts
from clients.kit.flask_resource import answer_refusals, current_token, protected
from clients.kit.http import HttpClient
from clients.kit.provider import Provider
from clients.kit.resource import AccessTokenVerifier
from federation.national.config import AuthoritySettings
from federation.national.registry import Check, Registry

SCOPE = "authority.verify"
MAX_BODY = 8 * 1024
_SLOW_SECONDS = 10.0

log = structlog.get_logger("authority")

# No control characters (NUL among them): neither a name nor a number holds one.
_Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Number = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


class PersonRequest(_Strict):
    name: _Text
    id_number: _Number


class EnterpriseRequest(_Strict):
    name: _Text
    uscc: _Number
    representative: PersonRequest


class TooManyRequests(Exception):
    """This client has used up its minute."""


@dataclass
class Authority:
    """What the API works with. ``fault`` is the test setting of that name and may be changed while it runs."""

    registry: Registry
    requests_per_minute: int
    fault: str = ""

    def admit(self, client_id: str) -> None:
        """Count the request; raises TooManyRequests."""
        if self.registry.count_request(client_id, int(time.time() // 60)) > self.requests_per_minute:
            raise TooManyRequests


def create_app(settings: AuthoritySettings, registry: Registry, http: HttpClient | None = None) -> Flask:
    """The API as a WSGI application, to be mounted at /authority. ``http`` reaches the provider's keys."""
    app = Flask("federation.national.authority", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    verifier = AccessTokenVerifier(Provider(settings.issuer, http or HttpClient()), settings.audience)
    app.extensions["authority"] = Authority(registry, settings.requests_per_minute, settings.test_fault)
    app.add_url_rule("/healthz", view_func=_health)
    for path, view in (("/persons/verify", _verify_person), ("/enterprises/verify", _verify_enterprise)):
        app.add_url_rule(path, view_func=protected(verifier, SCOPE)(view), methods=["POST"])
    refuse_other_hosts(app, settings.issuer)
    app.before_request(_misbehave)
    app.after_request(_forbid_caching)
    answer_refusals(app)
    app.register_error_handler(TooManyRequests, _too_many)
    app.register_error_handler(HTTPException, _refuse)
    app.register_error_handler(SQLAlchemyError, _out_of_order)
    return app


def _verify_person() -> ResponseReturnValue:
    asked = _admitted(PersonRequest)
    check = _authority().registry.verify_person(asked.name, asked.id_number)
    return _answer("person", asked.id_number, check)


def _verify_enterprise() -> ResponseReturnValue:
    asked = _admitted(EnterpriseRequest)
    person = asked.representative
    check = _authority().registry.verify_enterprise(asked.name, asked.uscc, person.name, person.id_number)
    return _answer("enterprise", person.id_number, check)


Asked = TypeVar("Asked", bound=_Strict)


def _admitted(kind: type[Asked]) -> Asked:
    token = current_token()
    if token.is_person:
        # RFC 9700 §4.15: a person's token never passes for a client's.
        raise AccessDenied("invalid_token", "Only a client acting for itself may verify")
    _authority().admit(token.client_id)
    try:
        return kind.model_validate_json(request.get_data())
    except ValidationError as error:
        fields = sorted({".".join(map(str, item["loc"])) or "body" for item in error.errors()})
        raise AccessDenied("invalid_request", f"Malformed: {', '.join(fields)}", status=400) from error


def _answer(kind: str, id_number: str, check: Check) -> ResponseReturnValue:
    client_id = current_token().client_id
    reference = _authority().registry.reference(id_number)
    log.info("verification", kind=kind, client_id=client_id, person=reference, is_match=check.is_match)
    return jsonify({"match": True, "level": check.level} if check.is_match else {"match": False})


def _authority() -> Authority:
    authority: Authority = current_app.extensions["authority"]
    return authority


def _health() -> ResponseReturnValue:
    persons, enterprises = _authority().registry.counts()
    return jsonify(status="ok", persons=persons, enterprises=enterprises)


def _misbehave() -> ResponseReturnValue | None:
    fault = _authority().fault
    if request.path == "/healthz" or not fault:
        return None
    if fault == "slow":
        time.sleep(_SLOW_SECONDS)
    return _error("temporarily_unavailable", "The registry is being maintained", 503)


def _forbid_caching(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _too_many(_error_: TooManyRequests) -> ResponseReturnValue:
    response = _error("temporarily_unavailable", "Too many requests of this client in one minute", 429)
    response.headers["Retry-After"] = str(60 - int(utc_now().timestamp()) % 60)
    return response


def _refuse(error: HTTPException) -> ResponseReturnValue:
    return _error("invalid_request", error.name, error.code or 400)


def _out_of_order(error: SQLAlchemyError) -> ResponseReturnValue:
    log.error("registry_unavailable", cause=type(error).__name__)
    return _error("temporarily_unavailable", "The registry does not answer", 503)


def _error(code: str, description: str, status: int) -> Response:
    response = jsonify(error=code, error_description=description)
    response.status_code = status
    return response
