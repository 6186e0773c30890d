"""Verifying one's identity in the account centre."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.context import Context
from idp.domain.account import Account
from idp.storage import accounts
from tests.conftest import PASSWORD, AddPerson, SignIn
from tests.idp.people import ID_NUMBER, NAME, Outbox, Register, id_number, log_in, post

Work = Callable[[], AbstractContextManager[Context]]


@pytest.fixture
def register() -> Register:
    return Register(people={ID_NUMBER: NAME, id_number(7): "王强"})


@pytest.fixture
def app(make_app: Callable[..., Flask], register: Register) -> Flask:
    return make_app(parts={"authority": register, "messages": Outbox()})


@pytest.fixture
def account(add_person: AddPerson, sign_in: SignIn) -> Account:
    """Somebody with an account that nobody has verified, signed in."""
    account = add_person(username="zhang", level=0, name="zhang")
    sign_in(account)
    return account


def verify(http: FlaskClient, name: str = NAME, number: str = ID_NUMBER) -> TestResponse:
    return post(http, "/account/verify", name=name, id_number=number)


def stored(work: Work, account: Account) -> Account:
    with work() as context:
        found = accounts.find(context.db, context.vault, account.id)
    assert found is not None
    return found


@pytest.mark.usefixtures("both_engines")
def test_a_confirmed_identity_raises_account_and_session_to_level_two(
    http: FlaskClient, account: Account, work: Work
) -> None:
    assert 'id="verify"' in http.get("/account").text
    assert verify(http).location == "/account"
    now = stored(work, account)
    assert (now.level, now.claims["name"], now.claims["id_number"]) == (2, NAME, ID_NUMBER)
    assert 'id="verify"' not in http.get("/account").text
    assert log_in(http, ID_NUMBER, PASSWORD).status_code == 303


def test_what_the_authority_does_not_confirm_changes_nothing(http: FlaskClient, account: Account, work: Work) -> None:
    assert verify(http, "李四").status_code == 422
    assert verify(http, NAME, ID_NUMBER[:-1] + "0").status_code == 422
    assert stored(work, account).level == 0


def test_tries_are_limited_by_the_day(http: FlaskClient, account: Account, register: Register) -> None:
    assert [verify(http, "李四").status_code for _ in range(6)] == [422] * 5 + [429]
    assert register.asked == 5


def test_while_the_authority_is_down_the_page_says_so(http: FlaskClient, account: Account, register: Register) -> None:
    register.is_down = True
    assert verify(http).status_code == 503
    register.is_down = False
    assert verify(http).status_code == 303


def test_an_identity_that_another_account_has_is_not_taken_over(
    http: FlaskClient, account: Account, add_person: AddPerson, work: Work
) -> None:
    add_person(id_number=ID_NUMBER)
    assert verify(http).status_code == 422
    assert stored(work, account).level == 0


def test_an_account_never_changes_to_another_persons_identity(
    http: FlaskClient, add_person: AddPerson, sign_in: SignIn, work: Work, register: Register
) -> None:
    account = add_person(username="federated", level=0, name=NAME, id_number=ID_NUMBER)
    sign_in(account)
    assert 'name="id_number"' not in http.get("/account/verify").text
    assert verify(http, "王强", id_number(7)).location == "/account"
    assert stored(work, account).claims["id_number"] == ID_NUMBER
    register.people[ID_NUMBER] = "another name"
    assert verify(http).status_code == 422
