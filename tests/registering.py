"""A client that registers itself over HTTP, and looks after its registration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.token_side import bearer

REDIRECT_URI = "https://rp.example/callback"
GOOD: dict[str, Any] = {"client_name": "A service", "redirect_uris": [REDIRECT_URI]}


def post(http: FlaskClient, document: Any, *, token: str | None = None, **options: Any) -> TestResponse:
    """Register; a text goes as it is, anything else as JSON."""
    text = document if isinstance(document, str | bytes) else json.dumps(document)
    headers = bearer(token) if token else {}
    return http.post("/clients", data=text, content_type="application/json", headers=headers, **options)


def error_of(response: TestResponse, status: int = 400) -> str:
    """The error's code; its answer is as RFC 7591 §3.2.2 wants it."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert set(response.json) <= {"error", "error_description"}
    return str(response.json["error"])


@dataclass
class Registered:
    """A client that has been registered, as it sees itself."""

    http: FlaskClient
    information: dict[str, Any] = field(repr=False)

    @property
    def id(self) -> str:
        return str(self.information["client_id"])

    @property
    def token(self) -> str:
        return str(self.information["registration_access_token"])

    @property
    def path(self) -> str:
        return urlsplit(self.information["registration_client_uri"]).path

    def metadata(self, **changes: Any) -> dict[str, Any]:
        """What an update sends: everything it was told, without what is not for it to say (RFC 7592 §2.2)."""
        ours = {"registration_access_token", "registration_client_uri", "client_secret_expires_at"}
        kept = {name: value for name, value in self.information.items() if name not in ours | {"client_id_issued_at"}}
        return {name: value for name, value in (kept | changes).items() if value is not None}

    def read(self, **headers: str) -> TestResponse:
        return self.http.get(self.path, headers=headers or bearer(self.token))

    def put(self, document: Any, **headers: str) -> TestResponse:
        text = document if isinstance(document, str | bytes) else json.dumps(document)
        return self.http.put(
            self.path, data=text, content_type="application/json", headers=headers or bearer(self.token)
        )

    def update(self, **changes: Any) -> TestResponse:
        return self.put(self.metadata(**changes))

    def delete(self, **headers: str) -> TestResponse:
        return self.http.delete(self.path, headers=headers or bearer(self.token))


def registered(http: FlaskClient, document: Mapping[str, Any] | None = None, *, token: str | None = None) -> Registered:
    """A registration that succeeds."""
    response = post(http, {**GOOD, **(document or {})}, token=token)
    assert response.status_code == 201, response.text
    return Registered(http, dict(response.json))
