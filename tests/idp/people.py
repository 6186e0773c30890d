"""What tests about people need: an authority, a message sender, valid numbers, form posts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from stdnum.cn import ric, uscc
from werkzeug.test import TestResponse

from idp.accounts.authority import AuthorityUnavailable, EnterpriseCheck, PersonCheck
from idp.accounts.messages import MessageNotSent

NAME, ID_NUMBER, PHONE = "阿依古丽·买买提", "650101199003077219", "13812340001"
NEW_PASSWORD = "骆驼走过 the old bazaar"


def id_number(serial: int) -> str:
    """A valid ID number of its own."""
    body = f"650101198{serial % 10}0101{serial % 1000:03d}"
    return body + ric.calc_check_digit(body + "0")


def credit_code(serial: int) -> str:
    body = f"91650100MA7{serial:06d}"
    return body + uscc.calc_check_digit(body + "0")


@dataclass
class Register:
    """The authority's registers, kept by the test. ``before_answer`` runs while the question is on its way."""

    people: dict[str, str] = field(default_factory=dict)
    enterprises: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    is_down: bool = False
    asked: int = 0
    before_answer: Callable[[], None] = lambda: None

    def verify_person(self, name: str, id_number: str) -> PersonCheck:
        self._ask()
        is_match = self.people.get(id_number) == name
        return PersonCheck(is_match, 3 if is_match else 0)

    def verify_enterprise(
        self, name: str, uscc: str, representative_name: str, representative_id_number: str
    ) -> EnterpriseCheck:
        self._ask()
        is_match = self.enterprises.get(uscc) == (name, representative_name, representative_id_number)
        return EnterpriseCheck(is_match, "active" if is_match else "")

    def _ask(self) -> None:
        self.asked += 1
        self.before_answer()
        if self.is_down:
            raise AuthorityUnavailable("down")


@dataclass
class Outbox:
    """The messages that were sent, by recipient, newest last."""

    sent: list[tuple[str, str]] = field(default_factory=list)
    is_down: bool = False

    def send(self, recipient: str, text: str, *, subject: str = "") -> None:
        if self.is_down:
            raise MessageNotSent("down")
        self.sent.append((recipient, text))

    def code_of(self, recipient: str) -> str:
        found = re.search(r"\b(\d{6})\b", [text for to, text in self.sent if to == recipient][-1])
        assert found is not None
        return found.group(1)


@dataclass
class Registrant:
    """A person in a browser who registers, one step a method."""

    http: FlaskClient
    messages: Outbox
    number: str = PHONE
    identity_: tuple[str, str] = (NAME, ID_NUMBER)
    token: str = ""

    def __post_init__(self) -> None:
        self.token = form_token(self.http)

    def post(self, step: str, **data: Any) -> TestResponse:
        return post(self.http, f"/register/{step}", token=self.token, **data)

    def phone(self, number: str | None = None, **data: Any) -> TestResponse:
        return self.post("phone", phone=number or self.number, **data)

    def code(self, code: str | None = None) -> TestResponse:
        return self.post("code", code=code or self.messages.code_of(self.number))

    def identity(self, name: str | None = None, number: str | None = None) -> TestResponse:
        return self.post("identity", name=name or self.identity_[0], id_number=number or self.identity_[1])

    def password(self, password: str = NEW_PASSWORD, repeated: str | None = None, **data: str) -> TestResponse:
        return self.post("password", password=password, repeated=repeated or password, **({"terms": "y"} | data))

    def up_to(self, step: str) -> None:
        """Take every step before this one."""
        for one in ("phone", "code", "identity", "password"):
            if one == step:
                return
            assert getattr(self, one)().status_code == 303

    @property
    def step(self) -> str:
        """Where the registration page stands, told by its form."""
        page = self.http.get("/register").text
        for step in ("code", "identity", "password"):
            if f'action="/register/{step}"' in page:
                return step
        return "done" if 'id="register-continue"' in page else "phone"


def form_token(http: FlaskClient, path: str = "/login") -> str:
    """The anti-forgery token of this browser."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', http.get(path).text)
    assert found is not None
    return found.group(1)


def post(http: FlaskClient, path: str, *, token: str | None = None, **data: Any) -> TestResponse:
    return http.post(path, data={"csrf_token": token or form_token(http), **data})


def log_in(http: FlaskClient, username: str, password: str, **data: Any) -> TestResponse:
    return post(http, "/login", username=username, password=password, **data)
