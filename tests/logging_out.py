"""A relying party that logs a person in for real, over HTTP, and sends them to the end-session endpoint."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.authorizing import REDIRECT_URI, VERIFIER, answer, asking, csrf_token, hidden, location
from tests.conftest import RegisterClient
from tests.token_side import basic

RETURN = "http://127.0.0.1:9009/bye"


@dataclass
class Party:
    """``http`` is the person's browser; ``id_token`` the last one the party got."""

    http: FlaskClient
    client_id: str
    secret: str = field(repr=False)
    id_token: str = ""

    @property
    def claims(self) -> dict[str, Any]:
        payload = self.id_token.split(".")[1]
        return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))

    def log_in(self) -> dict[str, str]:
        """The person is signed in already; the answer of the authorization endpoint."""
        told = answer(self.http.get("/authorize", query_string=asking(self.client_id)))
        form = {
            "grant_type": "authorization_code",
            "code": told["code"],
            "redirect_uri": REDIRECT_URI,
            "code_verifier": VERIFIER,
        }
        tokens = self.http.post("/token", data=form, headers=basic(self.client_id, self.secret))
        assert tokens.status_code == 200, tokens.text
        self.id_token = tokens.json["id_token"]
        return told

    def log_out(self, **changes: Any) -> TestResponse:
        """Hint, registered address and a state; a change to None leaves a parameter out."""
        parameters = {"id_token_hint": self.id_token, "post_logout_redirect_uri": RETURN, "state": "s" * 128} | changes
        query = {name: value for name, value in parameters.items() if value is not None}
        return self.http.get("/logout", query_string=query)

    def silent_error(self) -> str | None:
        """What prompt=none answers; None while the person is signed in."""
        return answer(self.http.get("/authorize", query_string=asking(self.client_id, prompt="none"))).get("error")


def party(http: FlaskClient, register_client: RegisterClient, client_id: str, **metadata: Any) -> Party:
    """Registered as first party, with RETURN to come back to."""
    document = {"is_first_party": True, "post_logout_redirect_uris": [RETURN]} | metadata
    _client, secret = register_client(client_id, **document)
    return Party(http, client_id, secret or "")


def confirm(http: FlaskClient, question: TestResponse) -> TestResponse:
    """Press the button of the confirmation page."""
    assert question.status_code == 200 and 'id="logout-yes"' in question.get_data(as_text=True)
    form = {
        "csrf_token": csrf_token(question),
        "interaction": hidden(question, "interaction"),
        "decision": "logout",
    }
    return http.post("/logout", data=form)


def follow(http: FlaskClient, response: TestResponse) -> TestResponse:
    return http.get(location(response))
