"""Registration of a person over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.context import Provider
from idp.storage import accounts
from idp.storage.accounts import Identifier
from tests.idp.people import ID_NUMBER, NAME, NEW_PASSWORD, PHONE, Outbox, Register, form_token, post


@pytest.fixture
def register() -> Register:
    return Register(people={ID_NUMBER: NAME})


@pytest.fixture
def messages() -> Outbox:
    return Outbox()


@pytest.fixture
def app(make_app: Callable[..., Flask], register: Register, messages: Outbox) -> Flask:
    return make_app(parts={"authority": register, "messages": messages})


def step_of(http: FlaskClient) -> str:
    """Where the registration page stands, told by its form."""
    page = http.get("/register").text
    for step in ("code", "identity", "password"):
        if f'action="/register/{step}"' in page:
            return step
    return "done" if 'id="register-continue"' in page else "phone"


class Registrant:
    def __init__(self, http: FlaskClient, messages: Outbox) -> None:
        self.http, self.messages = http, messages
        self.token = form_token(http)

    def post(self, step: str, **data: Any) -> TestResponse:
        return post(self.http, f"/register/{step}", token=self.token, **data)

    def phone(self, number: str = PHONE) -> TestResponse:
        return self.post("phone", phone=number)

    def code(self, code: str | None = None) -> TestResponse:
        return self.post("code", code=code or self.messages.code_of(PHONE))

    def identity(self, name: str = NAME, number: str = ID_NUMBER) -> TestResponse:
        return self.post("identity", name=name, id_number=number)

    def password(self, password: str = NEW_PASSWORD, repeated: str | None = None, **data: str) -> TestResponse:
        return self.post("password", password=password, repeated=repeated or password, **({"terms": "y"} | data))

    def up_to(self, step: str) -> None:
        for one in ("phone", "code", "identity", "password"):
            if one == step:
                return
            assert getattr(self, one)().status_code == 303


@pytest.fixture
def person(http: FlaskClient, messages: Outbox) -> Registrant:
    return Registrant(http, messages)


def test_a_person_registers_and_is_signed_in(
    person: Registrant, http: FlaskClient, provider: Provider, db: Any
) -> None:
    person.up_to("password")
    answer = person.password()
    assert (answer.status_code, answer.location) == (303, "/account")
    page = http.get("/account").text
    assert NAME in page and ID_NUMBER not in page and PHONE not in page
    account = accounts.find_by_identifier(db, provider.vault, Identifier("id_number", ID_NUMBER))
    assert account is not None
    assert account.level == 2
    assert account.claims["phone_number"] == f"+86{PHONE}" and account.claims["phone_number_verified"] is True
    assert (account.claims["birthdate"], account.claims["gender"]) == ("1990-03-07", "male")
    proofs = {(proof.level, proof.source, proof.method) for proof in accounts.list_proofs(db, account.id)}
    assert proofs == {(1, "local", "phone_code"), (2, "authority", "name_and_id_number")}
