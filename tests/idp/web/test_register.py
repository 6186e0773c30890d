"""Registration of a person over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from idp.context import Context, Provider
from idp.domain.account import Account
from idp.storage import accounts, tables
from idp.storage.accounts import Identifier
from idp.web.browser import cookie_name
from tests.clock import Clock
from tests.conftest import AddPerson
from tests.idp.people import (
    ID_NUMBER,
    NAME,
    NEW_PASSWORD,
    PHONE,
    Outbox,
    Register,
    Registrant,
    id_number,
    log_in,
)
from tests.statements import Statements

Work = Callable[[], AbstractContextManager[Context]]
Counting = Callable[..., AbstractContextManager[Statements]]
NewHttp = Callable[[Flask], FlaskClient]


@pytest.fixture
def register() -> Register:
    return Register(people={ID_NUMBER: NAME})


@pytest.fixture
def messages() -> Outbox:
    return Outbox()


@pytest.fixture
def app(make_app: Callable[..., Flask], register: Register, messages: Outbox) -> Flask:
    return make_app(parts={"authority": register, "messages": messages})


@pytest.fixture
def person(http: FlaskClient, messages: Outbox) -> Registrant:
    return Registrant(http, messages)


def account_of(work: Work, number: str = ID_NUMBER) -> Account | None:
    with work() as context:
        return accounts.find_by_identifier(context.db, context.vault, Identifier("id_number", number))


def number_of_accounts(work: Work) -> int:
    with work() as context:
        return int(context.db.execute(select(func.count()).select_from(tables.accounts)).scalar_one())


def is_signed_in(http: FlaskClient) -> bool:
    return http.get("/account").status_code == 200


@pytest.mark.usefixtures("both_engines", "ephemeral_store")
def test_a_person_registers_and_is_signed_in(person: Registrant, http: FlaskClient, work: Work) -> None:
    person.up_to("password")
    answer = person.password()
    assert (answer.status_code, answer.location) == (303, "/account")
    page = http.get("/account").text
    assert NAME in page and ID_NUMBER not in page and PHONE not in page
    account = account_of(work)
    assert account is not None
    assert account.level == 2
    assert account.claims["phone_number"] == f"+86{PHONE}" and account.claims["phone_number_verified"] is True
    assert (account.claims["birthdate"], account.claims["gender"]) == ("1990-03-07", "male")
    with work() as context:
        listed = accounts.list_proofs(context.db, account.id)
    proofs = {(proof.level, proof.source, proof.method) for proof in listed}
    assert proofs == {(1, "local", "phone_code"), (2, "authority", "name_and_id_number")}


@pytest.mark.parametrize("name", [PHONE, ID_NUMBER])
def test_the_new_account_signs_in_by_phone_and_by_id_number(
    person: Registrant, app: Flask, new_http: NewHttp, name: str
) -> None:
    person.up_to("done")
    assert log_in(new_http(app), name, NEW_PASSWORD).status_code == 303


def test_a_visit_stores_nothing(http: FlaskClient, statements: Counting) -> None:
    with statements() as seen:
        assert http.get("/register").status_code == 200
    assert len(seen) == 0, seen


# --- every step says what is wrong -----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["", "123", "23812340001", "138123400012", "0991-2345678", "a" * 5000])
def test_what_is_no_mobile_number_sends_and_stores_nothing(
    person: Registrant, messages: Outbox, number: str, work: Work
) -> None:
    assert person.phone(number or " ").status_code == 422
    assert messages.sent == []
    with work() as context:
        assert context.db.execute(select(func.count()).select_from(tables.registrations)).scalar_one() == 0


def test_a_wrong_code_is_refused_and_the_right_one_still_works(person: Registrant) -> None:
    person.phone()
    right = person.messages.code_of(PHONE)
    assert person.code("000000" if right != "000000" else "111111").status_code == 422
    assert person.step == "code"
    assert person.code(f" {right} ").status_code == 303
    assert person.step == "identity"


def test_after_five_wrong_codes_only_a_new_one_helps(person: Registrant) -> None:
    person.phone()
    right = person.messages.code_of(PHONE)
    for _ in range(5):
        person.code("000000" if right != "000000" else "111111")
    assert person.code(right).status_code == 422
    person.phone()
    assert person.code().status_code == 303


def test_three_messages_an_hour(person: Registrant, clock: Clock) -> None:
    assert [person.phone().status_code for _ in range(4)] == [303, 303, 303, 429]
    assert len(person.messages.sent) == 3
    assert person.code().status_code == 303  # the last one sent still counts
    clock.advance(timedelta(hours=1))


def test_another_number_voids_the_code_of_the_first(person: Registrant) -> None:
    person.phone()
    first = person.messages.code_of(PHONE)
    person.phone("13812340002")
    second = person.messages.code_of("13812340002")
    assert person.code(first).status_code == (303 if first == second else 422)


def test_a_message_that_cannot_be_sent_is_said_and_does_not_count(person: Registrant, messages: Outbox) -> None:
    messages.is_down = True
    assert [person.phone().status_code for _ in range(4)] == [503] * 4
    messages.is_down = False
    assert person.phone().status_code == 303
    assert person.code().status_code == 303


@pytest.mark.parametrize(
    ("name", "number"),
    [
        (NAME, "650101199003077218"),
        (NAME, "650101199002307211"),
        (NAME, "650101209901010012"),
        (NAME, "110105491231002"),
        (NAME, "'; drop table accounts; --"),
        ("", ID_NUMBER),
        ("x" * 60, ID_NUMBER),
        ("<b>阿</b>", ID_NUMBER),
    ],
)
def test_what_cannot_be_an_identity_is_refused_without_asking(
    person: Registrant, register: Register, name: str, number: str
) -> None:
    person.up_to("identity")
    assert person.post("identity", name=name, id_number=number).status_code == 422
    assert register.asked == 0


@pytest.mark.parametrize("name", ["阿依古丽•买买提", " 阿依古丽 · 买买提 ", "阿依古丽・买买提"])
def test_a_name_may_be_typed_in_its_usual_spellings(person: Registrant, name: str) -> None:
    person.up_to("identity")
    assert person.identity(name, ID_NUMBER.lower()).status_code == 303


def test_five_wrong_identities_end_the_tries(person: Registrant, register: Register) -> None:
    person.up_to("identity")
    assert [person.identity("王强").status_code for _ in range(7)] == [422] * 4 + [429] * 3
    assert register.asked == 5
    assert person.identity().status_code == 429
    person.phone()
    person.code()
    assert person.identity().status_code == 429, "the tries go with the registration, not with the number"


@pytest.mark.parametrize(
    "change",
    [
        {"repeated": "骆驼走过 the new bazaar"},
        {"terms": ""},
        {"password": "password1234", "repeated": "password1234"},
        {"password": f"{NAME}{NAME}1", "repeated": f"{NAME}{NAME}1"},
    ],
)
def test_without_a_good_password_and_agreement_there_is_no_account(
    person: Registrant, work: Work, change: dict[str, str]
) -> None:
    person.up_to("password")
    data = {"password": NEW_PASSWORD, "repeated": NEW_PASSWORD, "terms": "y"} | change
    assert person.post("password", **data).status_code == 422
    assert account_of(work) is None
    assert person.step == "password"


@pytest.mark.parametrize("step", ["code", "identity", "password"])
def test_no_step_can_be_jumped(person: Registrant, work: Work, step: str) -> None:
    order = ("code", "identity", "password")
    person.up_to(step)
    for later in order[order.index(step) + 1 :]:
        assert getattr(person, later)().location == "/register"
        assert person.step == step
    assert account_of(work) is None


# --- interruptions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["code", "identity", "password"])
def test_a_registration_is_taken_up_where_it_was_left(
    make_app: Callable[..., Flask], register: Register, messages: Outbox, app: Flask, person: Registrant,
    new_http: NewHttp, clock: Clock, step: str,
) -> None:  # fmt: skip
    person.up_to(step)
    kept = person.http.get_cookie(cookie_name(app.extensions["tongxing"].settings, "registration"), "127.0.0.1")
    assert kept is not None
    clock.advance(timedelta(hours=23))
    later = new_http(make_app(parts={"authority": register, "messages": messages}))  # the service was restarted
    later.set_cookie(kept.key, kept.value, domain="127.0.0.1")
    again = Registrant(later, messages)
    assert again.step == step
    if step == "code":
        again.phone()  # the first code has run out
        again.code()
    if step != "password":
        again.identity()
    assert again.password().status_code == 303
    assert is_signed_in(later)


def test_after_a_day_it_is_forgotten(person: Registrant, clock: Clock) -> None:
    person.up_to("password")
    clock.advance(timedelta(hours=24))
    assert person.step == "phone"
    assert person.password().location == "/register"


def test_while_the_authority_is_down_nothing_is_lost_and_no_try_counts(
    person: Registrant, register: Register, work: Work
) -> None:
    person.up_to("identity")
    register.is_down = True
    answers = [person.identity() for _ in range(7)]
    assert [answer.status_code for answer in answers] == [503] * 7
    assert NAME in answers[0].text, "what was typed stays in the form"
    assert account_of(work) is None
    register.is_down = False
    assert person.step == "identity"
    assert person.identity().status_code == 303


def test_the_person_comes_back_to_the_service_they_came_from(
    person: Registrant, register_client: Callable[..., object]
) -> None:
    register_client("client", is_first_party=True)
    query = {
        "client_id": "client", "response_type": "code", "scope": "openid", "state": "s", "prompt": "create",
        "redirect_uri": "http://127.0.0.1:9009/callback", "code_challenge": "E" * 43, "code_challenge_method": "S256",
    }  # fmt: skip
    answer = person.http.get("/authorize", query_string=query)
    while answer.status_code in {302, 303} and "/register" not in answer.location:
        answer = person.http.get(answer.location)
    assert answer.location.startswith("/register?interaction=")
    handle = answer.location.partition("interaction=")[2]
    page = person.http.get(answer.location).text
    assert f'name="interaction" value="{handle}"' in page
    person.phone(interaction=handle)
    person.code()
    person.identity()
    answer = person.password()
    assert answer.location == f"/authorize?interaction={handle}"
    answer = person.http.get(answer.location)
    assert answer.location.startswith("http://127.0.0.1:9009/callback?") and "code=" in answer.location


# --- once ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("both_engines")
def test_a_hasty_finger_makes_one_account(person: Registrant, app: Flask, new_http: NewHttp, work: Work) -> None:
    person.up_to("password")
    browsers = []
    for _ in range(6):  # the same browser's cookies in six connections
        http = new_http(app)
        for cookie in person.http._cookies.values():  # type: ignore[union-attr]
            http.set_cookie(cookie.key, cookie.value, domain="127.0.0.1")
        browsers.append(Registrant(http, person.messages))
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda one: one.password(), browsers))
    assert sorted(answer.location for answer in answers) == ["/account"] + ["/register"] * 5
    assert number_of_accounts(work) == 1
    assert person.step == "done"


@pytest.mark.usefixtures("both_engines")
def test_two_registrations_of_one_person_make_one_account(
    app: Flask, new_http: NewHttp, messages: Outbox, work: Work
) -> None:
    people = [Registrant(new_http(app), messages, number=f"1381234000{number}") for number in range(1, 5)]
    for one in people:
        one.up_to("password")
    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(lambda one: one.password().status_code, people))
    assert answers == [303, 409, 409, 409]
    assert number_of_accounts(work) == 1


@pytest.mark.usefixtures("both_engines")
def test_two_registrations_of_one_number_make_one_account(
    app: Flask, new_http: NewHttp, messages: Outbox, register: Register, work: Work
) -> None:
    others = {id_number(serial): f"张{'一二三'[serial]}" for serial in range(3)}
    register.people |= others
    people = [Registrant(new_http(app), messages, identity_=(name, number)) for number, name in others.items()]
    for one in people:
        one.up_to("password")
    with ThreadPoolExecutor(3) as pool:
        answers = sorted(pool.map(lambda one: one.password().status_code, people))
    assert answers == [303, 409, 409]
    assert number_of_accounts(work) == 1


def test_the_secret_of_a_finished_registration_opens_nothing(
    person: Registrant, app: Flask, new_http: NewHttp, provider: Provider
) -> None:
    person.up_to("password")
    kept = person.http.get_cookie(cookie_name(provider.settings, "registration"), "127.0.0.1")
    person.password()
    assert kept is not None
    thief = new_http(app)
    thief.set_cookie(kept.key, kept.value, domain="127.0.0.1")
    page = thief.get("/register").text
    assert NAME not in page and PHONE[-4:] not in page
    assert Registrant(thief, person.messages).password().location == "/register"
    assert not is_signed_in(thief)


# --- nobody learns who has an account --------------------------------------------------------------------------------


@pytest.mark.usefixtures("both_engines")
def test_a_number_with_an_account_is_answered_like_one_without(
    app: Flask, new_http: NewHttp, messages: Outbox, add_person: AddPerson, statements: Counting
) -> None:
    add_person(phone=PHONE)
    seen = {}
    for number in (PHONE, "13812340009"):
        one = Registrant(new_http(app), messages, number=number)
        pages, counts = [], []
        for step in (one.phone, lambda one=one: one.code("123456x"), lambda one=one: one.http.get("/register")):
            with statements() as work:
                answer = step()
            pages.append((answer.status_code, answer.location, blank(answer.text)))
            counts.append([text.split(" ")[:3] for text in work.texts])
        seen[number] = (pages, counts)
    assert seen[PHONE] == seen["13812340009"]


def test_the_number_itself_hears_that_it_has_an_account(
    person: Registrant, add_person: AddPerson, messages: Outbox
) -> None:
    add_person(phone=PHONE)
    person.phone()
    [(recipient, text)] = messages.sent
    assert recipient == PHONE and re.search(r"\d{6}", text) is None


def test_an_id_number_with_an_account_is_told_only_to_who_proves_it(
    person: Registrant, add_person: AddPerson, work: Work
) -> None:
    add_person(id_number=ID_NUMBER)
    person.up_to("identity")
    stranger = person.identity("王强")
    assert stranger.status_code == 422 and 'id="register-sign-in"' not in stranger.text
    owner = person.identity()
    assert owner.status_code == 409 and 'id="register-sign-in"' in owner.text
    assert number_of_accounts(work) == 1


def test_what_was_given_is_not_readable_at_rest(person: Registrant, work: Work) -> None:
    person.up_to("password")
    with work() as context:
        row = context.db.execute(select(tables.registrations)).one()
        kept = context.db.execute(select(tables.ephemeral)).all()
    for secret in (NAME.encode(), ID_NUMBER.encode(), PHONE.encode()):
        assert secret not in bytes(row.state_sealed)
        assert secret.decode() not in str(kept)


def blank(page: str) -> str:
    """The page without tokens and without the number it was asked about."""
    return re.sub(r"1\d{2}\*{4}\d{4}", "", re.sub(r'value="[^"]*"', "", page))


def test_where_no_authority_can_be_asked_registration_is_closed(
    make_app: Callable[..., Flask], new_http: NewHttp
) -> None:
    http = new_http(make_app())
    assert 'name="phone"' not in http.get("/register").text
    assert 'id="login-register"' not in http.get("/login").text
