"""Signing in by password over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.authn.throttle import MEMORY
from idp.context import Context, Provider
from idp.crypto.passwords import PasswordHasher, PasswordsBusy
from idp.domain.account import Account, AccountStatus
from idp.domain.assurance import Proof
from idp.storage import accounts, sessions
from idp.web.browser import cookie_name
from tests.clock import Clock
from tests.conftest import PASSWORD, AddPerson, SignIn
from tests.idp.people import form_token, log_in, post
from tests.statements import Statements

DOMAIN = "127.0.0.1"
PHONE, ID_NUMBER = "13812340001", "650101199003077219"
Work = Callable[[], AbstractContextManager[Context]]
Counting = Callable[..., AbstractContextManager[Statements]]
NewHttp = Callable[[Flask], FlaskClient]


def failures_of(work: Work, account: Account) -> int:
    with work() as context:
        counted = accounts.find_failures(context.db, account.id, context.now, MEMORY)
    return counted[0] if counted else 0


def is_signed_in(http: FlaskClient) -> bool:
    return http.get("/account").status_code == 200


def without_tokens(page: str) -> str:
    return re.sub(r'value="[^"]*"', "", page)


@pytest.mark.parametrize(
    "spelling", [PHONE, "+86 138 1234 0001", ID_NUMBER, "zhang.wei", " Zhang.Wei ", "１３８１２３４０００１"]
)
def test_a_person_signs_in_by_phone_id_number_or_username(
    http: FlaskClient, add_person: AddPerson, spelling: str
) -> None:
    add_person(username="zhang.wei", phone=PHONE, id_number=ID_NUMBER)
    answer = log_in(http, spelling, PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/account")
    assert is_signed_in(http)


def test_the_password_counts_as_typed(http: FlaskClient, add_person: AddPerson) -> None:
    add_person(username="zhang")
    assert log_in(http, "zhang", PASSWORD + " ").status_code == 200
    assert log_in(http, "zhang", PASSWORD.upper()).status_code == 200
    assert not is_signed_in(http)


def test_the_page_keeps_its_contract_with_scripts(http: FlaskClient) -> None:
    page = http.get("/login", headers={"Accept-Language": "en"}).text
    assert re.search(r'<input[^>]*\bid="username"[^>]*\bname="username"', page)
    assert re.search(r'<input[^>]*\bid="password"[^>]*\bname="password"', page)
    assert re.search(r'<button[^>]*\bid="login-submit"[^>]*>Sign in</button>', page)


def test_the_page_costs_no_statement_and_a_login_three(
    http: FlaskClient, add_person: AddPerson, statements: Counting, both_engines: str
) -> None:
    add_person(username="zhang")
    with statements() as seen:
        token = form_token(http)
    assert len(seen) == 0, seen
    with statements() as seen:
        assert log_in(http, "zhang", PASSWORD, token=token).status_code == 303
    assert len(seen) == 3, seen


def test_a_login_gives_a_new_secret_and_keeps_the_same_persons_session(
    http: FlaskClient, add_person: AddPerson, sign_in: SignIn, provider: Provider, work: Work, clock: Clock
) -> None:
    account = add_person(username="zhang")
    before = sign_in(account)
    name = cookie_name(provider.settings, "session")
    old_secret = http.get_cookie(name, DOMAIN)
    clock.advance(60)
    assert log_in(http, "zhang", PASSWORD).status_code == 303
    secret = http.get_cookie(name, DOMAIN)
    assert secret is not None and old_secret is not None and secret.value != old_secret.value
    with work() as context:
        after = sessions.find_signed_in(context.db, context.vault, secret.value)
        assert sessions.find_signed_in(context.db, context.vault, old_secret.value) is None
    assert after is not None
    assert (after.session.id, after.session.sid) == (before.id, before.sid)
    assert after.session.auth_time == clock.now


def test_another_person_in_the_same_browser_ends_the_first_ones_session(
    http: FlaskClient, add_person: AddPerson, sign_in: SignIn, work: Work
) -> None:
    before = sign_in(add_person(username="first"))
    add_person(username="second", name="李四")
    assert log_in(http, "second", PASSWORD).status_code == 303
    with work() as context:
        ended = sessions.find(context.db, before.id)
    assert ended is not None and ended.ended_at is not None
    assert "李四" in http.get("/account").text


@pytest.mark.usefixtures("both_engines")
def test_a_password_login_is_worth_what_was_proved_here(
    http: FlaskClient, add_person: AddPerson, provider: Provider, work: Work
) -> None:
    """What another platform vouches for says nothing of who holds the password."""
    account = add_person(username="zhang", level=1)
    with work() as context:
        upstream = Proof(3, "https://national.example", "upstream", context.now)
        gone = Proof(4, "local", "counter", context.now - timedelta(days=9), context.now - timedelta(days=1))
        for proof in (upstream, gone):
            accounts.add_proof(context.db, account.id, proof, context.now)
    log_in(http, "zhang", PASSWORD)
    secret = http.get_cookie(cookie_name(provider.settings, "session"), DOMAIN)
    assert secret is not None
    with work() as context:
        signed_in = sessions.find_signed_in(context.db, context.vault, secret.value)
    assert signed_in is not None
    assert (signed_in.session.level, signed_in.account.level) == (1, 3)


def test_a_frozen_account_is_told_so_only_to_who_knows_the_password(
    http: FlaskClient, add_person: AddPerson, work: Work
) -> None:
    account = add_person(username="zhang")
    with work() as context:
        accounts.set_status(context.db, account.id, AccountStatus.FROZEN, context.now)
    assert log_in(http, "zhang", "not the password").status_code == 200
    assert log_in(http, "zhang", PASSWORD).status_code == 403
    assert not is_signed_in(http)


def test_an_oversized_password_is_refused_before_it_is_hashed(
    http: FlaskClient, add_person: AddPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_person(username="zhang")
    monkeypatch.setattr(PasswordHasher, "verify", lambda *_: pytest.fail("hashed"))
    assert log_in(http, "zhang", "x" * 4097).status_code == 400


def test_a_login_without_the_forms_token_is_refused(http: FlaskClient, add_person: AddPerson) -> None:
    add_person(username="zhang")
    form_token(http)
    answer = http.post("/login", data={"username": "zhang", "password": PASSWORD})
    assert answer.status_code == 400
    assert not is_signed_in(http)


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil", "/authorize?x=1", "/account@x"]
)
def test_a_login_leads_only_to_our_own_pages(http: FlaskClient, add_person: AddPerson, target: str) -> None:
    add_person(username="zhang")
    assert log_in(http, "zhang", PASSWORD, next=target).location == "/account"


def test_a_login_leads_back_to_the_account_page_that_asked_for_it(http: FlaskClient, add_person: AddPerson) -> None:
    add_person(username="zhang")
    asked = http.get("/account/security")
    assert (asked.status_code, asked.location) == (303, "/login?next=%2Faccount%2Fsecurity")
    token = form_token(http, asked.location)
    answer = http.post(asked.location, data={"csrf_token": token, "username": "zhang", "password": PASSWORD})
    assert answer.location == "/account/security"


def test_while_the_pool_is_full_the_answer_is_503_and_nothing_is_counted(
    http: FlaskClient, add_person: AddPerson, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = add_person(username="zhang")

    def full(*_: object) -> bool:
        raise PasswordsBusy

    with monkeypatch.context() as patch:
        patch.setattr(PasswordHasher, "verify", full)
        answer = log_in(http, "zhang", "wrong")
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
    assert failures_of(work, account) == 0
    assert log_in(http, "zhang", PASSWORD).status_code == 303


def test_a_password_is_rehashed_when_the_parameters_rise(
    make_app: Callable[..., Flask], new_http: NewHttp, add_person: AddPerson, work: Work
) -> None:
    account = add_person(username="zhang")
    with work() as context:
        before = accounts.find_password_hash(context.db, account.id)
    stronger = make_app(argon2_time_cost=2)
    assert log_in(new_http(stronger), "zhang", PASSWORD).status_code == 303
    with work() as context:
        after = accounts.find_password_hash(context.db, account.id)
    assert before is not None and after is not None
    assert "t=1" in before and "t=2" in after
    assert log_in(new_http(stronger), "zhang", PASSWORD).status_code == 303


# --- nobody learns who has an account --------------------------------------------------------------------------------


def refused(http: FlaskClient, name: str) -> TestResponse:
    return log_in(http, name, "wrong password 1", token=form_token(http))


def test_known_and_unknown_people_get_the_same_answer_for_the_same_work(
    app: Flask, new_http: NewHttp, add_person: AddPerson, statements: Counting, both_engines: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    add_person(username="zhang")
    add_person(phone=PHONE)
    add_person(username="nopassword", password=None)
    hashed: list[str | None] = []
    verify = PasswordHasher.verify

    def noting(self: PasswordHasher, stored: str | None, password: str) -> bool:
        hashed.append(stored)
        return verify(self, stored, password)

    monkeypatch.setattr(PasswordHasher, "verify", noting)
    seen = {}
    for name in ("zhang", "nobody", "nopassword", PHONE, "13999999999", ID_NUMBER, "不是名字", ""):
        http = new_http(app)
        token = form_token(http)
        answers, counts = [], []
        for _ in range(4):  # the fourth is throttled
            with statements() as work:
                answer = log_in(http, name, "wrong password 1", token=token)
            headers = {key for key, _ in answer.headers}
            page = without_tokens(answer.text)
            answers.append((answer.status_code, page, headers, answer.headers.get("Retry-After")))
            counts.append([re.sub(r"\bIN \(.*?\)", "", text.split(" FROM ")[0])[:20] for text in work.texts])
        seen[name] = (answers, counts)
    first = seen.pop("zhang")
    assert [answer[0] for answer in first[0]] == [200, 200, 429, 429]
    for name, other in seen.items():
        assert other == first, name
    assert len(hashed) == 2 * 8


def test_the_failure_page_does_not_repeat_the_password(http: FlaskClient) -> None:
    assert "wrong password 1" not in refused(http, "nobody").text


# --- throttling ------------------------------------------------------------------------------------------------------


def test_one_person_is_one_counter_whatever_is_typed(http: FlaskClient, add_person: AddPerson) -> None:
    add_person(username="zhang", phone=PHONE, id_number=ID_NUMBER)
    assert [refused(http, name).status_code for name in ("zhang", PHONE, ID_NUMBER)] == [200, 200, 429]


def test_who_waits_is_told_how_long_and_then_gets_in(http: FlaskClient, add_person: AddPerson, clock: Clock) -> None:
    add_person(username="zhang")
    for _ in range(2):
        refused(http, "zhang")
    answer = log_in(http, "zhang", PASSWORD)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert not is_signed_in(http)
    clock.advance(1)
    assert log_in(http, "zhang", PASSWORD).status_code == 303


def test_right_passwords_are_never_slowed_down(app: Flask, new_http: NewHttp, add_person: AddPerson) -> None:
    for number in range(4):
        add_person(username=f"person.{number}")
    http = new_http(app)
    token = form_token(http)
    answers = [log_in(http, f"person.{number % 4}", PASSWORD, token=token).status_code for number in range(100)]
    assert answers == [303] * 100


def test_a_browser_known_to_the_person_gets_in_while_strangers_guess(
    app: Flask, new_http: NewHttp, add_person: AddPerson, http: FlaskClient, clock: Clock
) -> None:
    add_person(username="zhang")
    assert log_in(http, "zhang", PASSWORD).status_code == 303
    http.delete_cookie(cookie_name(app.extensions["tongxing"].settings, "session"), domain=DOMAIN)
    stranger = new_http(app)
    for _ in range(40):
        if refused(stranger, "zhang").status_code == 429:
            clock.advance(3)
    for _ in range(3):
        last = refused(stranger, "zhang")
    assert last.status_code == 429
    assert log_in(new_http(app), "zhang", PASSWORD).status_code == 429
    assert log_in(http, "zhang", PASSWORD).status_code == 303


def test_a_device_cookie_cannot_be_made_up(http: FlaskClient, add_person: AddPerson, provider: Provider) -> None:
    add_person(username="zhang")
    for _ in range(2):
        refused(http, "zhang")
    http.set_cookie(cookie_name(provider.settings, "device"), "x" * 80, domain=DOMAIN)
    assert refused(http, "zhang").status_code == 429


@pytest.mark.usefixtures("both_engines")
def test_parallel_wrong_passwords_all_count(app: Flask, new_http: NewHttp, add_person: AddPerson, work: Work) -> None:
    account = add_person(username="zhang")
    browsers = [(http := new_http(app), form_token(http)) for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(
            pool.map(lambda one: log_in(one[0], "zhang", "wrong password 1", token=one[1]).status_code, browsers)
        )
    assert failures_of(work, account) == answers.count(200)
    assert answers.count(200) + answers.count(429) == 12
    assert refused(new_http(app), "zhang").status_code == 429


def test_the_person_sees_that_wrong_passwords_were_given(
    app: Flask, new_http: NewHttp, http: FlaskClient, add_person: AddPerson, sign_in: SignIn
) -> None:
    account = add_person(username="zhang")
    refused(new_http(app), "zhang")
    sign_in(account)
    assert 'id="account-failures"' in http.get("/account/security").text


def test_signing_in_without_an_interaction_ignores_a_stray_cancel(http: FlaskClient) -> None:
    assert post(http, "/authorize/cancel", interaction="made up").status_code == 400
