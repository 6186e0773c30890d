"""Companies over HTTP: registration by the legal representative, agents with mandates, acting for a company."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from idp.accounts import mandates, notices
from idp.context import Context
from idp.domain.account import Account, Mandate, Role
from idp.storage import accounts, organisations, outbox, tables
from tests.clock import Clock
from tests.conftest import PASSWORD, AddPerson, RegisterClient, SignIn
from tests.idp.people import Outbox, Register, credit_code, form_token, id_number, log_in, post
from tests.idp.web.test_account_centre import give, is_revoked

Work = Callable[[], AbstractContextManager[Context]]
NewHttp = Callable[[Flask], FlaskClient]
CODE, COMPANY = credit_code(1), "新疆天山物流（集团）有限公司"
HEAD, HEAD_ID = "王强", id_number(1)
AGENT, AGENT_ID, AGENT_PHONE = "李四", id_number(2), "13812340002"


@pytest.fixture
def register() -> Register:
    return Register(enterprises={CODE: (COMPANY, HEAD, HEAD_ID)})


@pytest.fixture
def app(make_app: Callable[..., Flask], register: Register) -> Flask:
    return make_app(parts={"authority": register, "messages": Outbox()})


@pytest.fixture
def head(add_person: AddPerson) -> Account:
    return add_person(username="head", name=HEAD, id_number=HEAD_ID, phone="13812340001")


@pytest.fixture
def agent(add_person: AddPerson) -> Account:
    return add_person(username="agent", name=AGENT, id_number=AGENT_ID, phone=AGENT_PHONE)


@pytest.fixture
def agents_http(app: Flask, new_http: NewHttp, agent: Account, sign_in: SignIn) -> FlaskClient:
    http = new_http(app)
    sign_in(agent, http=http)
    return http


def register_company(http: FlaskClient, code: str = CODE, name: str = COMPANY, agree: str = "y") -> TestResponse:
    return post(http, "/register/company", uscc=code, name=name, is_representative=agree)


def mandates_of(work: Work, account: Account) -> list[Mandate]:
    with work() as context:
        return organisations.list_mandates(context.db, account.id)


def number_of_notices(work: Work, account: Account) -> int:
    with work() as context:
        return sum(one.kind == notices.KIND for one in outbox.list_batch(context.db, account.id))


def last_day(clock: Clock, days: int) -> str:
    return (mandates.today(clock.now) + timedelta(days=days)).isoformat()


def appoint(http: FlaskClient, clock: Clock, **changes: str) -> TestResponse:
    data = {
        "number": AGENT_PHONE,
        "name": AGENT,
        "role": "handler",
        "scope": "货车年审",
        "last_day": last_day(clock, 60),
    }
    return post(http, f"/account/organisations/{CODE}/appoint", **(data | changes))


# --- registration ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("both_engines")
def test_the_legal_representative_registers_the_company(
    http: FlaskClient, head: Account, sign_in: SignIn, work: Work
) -> None:
    sign_in(head)
    answer = register_company(http, CODE.lower(), "新疆天山物流(集团)有限公司")
    assert (answer.status_code, answer.location) == (303, f"/account/organisations/{CODE}")
    [mandate] = mandates_of(work, head)
    assert (mandate.uscc, mandate.role, mandate.valid_until) == (CODE, Role.LEGAL_REPRESENTATIVE, None)
    with work() as context:
        company = organisations.find(context.db, CODE)
        assert company is not None and (company.name, company.source) == (COMPANY, "authority")
        assert mandate.is_valid(context.now)


@pytest.mark.parametrize(
    ("code", "name", "agree", "status"),
    [
        (CODE[:-1] + "0", COMPANY, "y", 422),
        ("", COMPANY, "y", 422),
        (CODE, "", "y", 422),
        (CODE, COMPANY, "", 422),
        (CODE, "别的公司", "y", 422),
        (credit_code(9), COMPANY, "y", 422),
    ],
)
def test_what_the_register_does_not_confirm_is_not_registered(
    http: FlaskClient, head: Account, sign_in: SignIn, work: Work, code: str, name: str, agree: str, status: int
) -> None:  # fmt: skip
    sign_in(head)
    assert register_company(http, code, name, agree).status_code == status
    assert mandates_of(work, head) == []


def test_somebody_else_cannot_register_it(http: FlaskClient, agent: Account, sign_in: SignIn, work: Work) -> None:
    sign_in(agent)
    assert register_company(http).status_code == 422
    assert mandates_of(work, agent) == []


def test_a_person_below_level_two_cannot_register_it(
    http: FlaskClient, add_person: AddPerson, sign_in: SignIn, register: Register
) -> None:
    sign_in(add_person(username="weak", name=HEAD, id_number=HEAD_ID, level=1))
    assert 'id="company-submit"' not in http.get("/register/company").text
    assert register_company(http).status_code == 403
    assert register.asked == 0


def test_in_a_login_below_level_two_nobody_acts_for_a_company(
    agents_http: FlaskClient, agent: Account, mandate: Mandate, sign_in: SignIn, register: Register
) -> None:
    """Even a person whose identity another platform has proved better."""
    sign_in(agent, http=agents_http, level=1)
    register.enterprises[CODE] = (COMPANY, AGENT, AGENT_ID)
    assert register_company(agents_http).status_code == 403
    post(agents_http, "/account/organisations/act", mandate=mandate.id)
    assert acting_for(agents_http) is None
    assert 'id="act-level"' in agents_http.get("/account/organisations").text


def test_while_the_register_is_down_nothing_is_made(
    http: FlaskClient, head: Account, sign_in: SignIn, register: Register, work: Work
) -> None:
    sign_in(head)
    register.is_down = True
    assert register_company(http).status_code == 503
    with work() as context:
        assert organisations.find(context.db, CODE) is None
    register.is_down = False
    assert register_company(http).status_code == 303


@pytest.mark.usefixtures("both_engines")
def test_registering_at_once_from_many_windows_makes_one_mandate(
    app: Flask, new_http: NewHttp, head: Account, sign_in: SignIn, work: Work
) -> None:
    browsers = [new_http(app) for _ in range(5)]
    for http in browsers:
        sign_in(head, http=http)
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda http: register_company(http).status_code, browsers))
    assert answers == [303] * 5
    assert len(mandates_of(work, head)) == 1


def test_a_new_representative_ends_what_the_earlier_one_held_and_gave(
    http: FlaskClient, head: Account, agents_http: FlaskClient, agent: Account, sign_in: SignIn, work: Work,
    register: Register, clock: Clock,
) -> None:  # fmt: skip
    sign_in(head)
    register_company(http)
    appoint(http, clock)
    [offered] = mandates_of(work, agent)
    post(agents_http, "/account/organisations/accept", mandate=offered.id)
    register.enterprises[CODE] = (COMPANY, AGENT, AGENT_ID)
    assert register_company(agents_http).status_code == 303
    assert [one.revoked_at is not None for one in mandates_of(work, head)] == [True]
    assert sorted((one.role, one.revoked_at is not None) for one in mandates_of(work, agent)) == [
        (Role.HANDLER, True),
        (Role.LEGAL_REPRESENTATIVE, False),
    ]


# --- agents ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [AGENT_PHONE, AGENT_ID, "+86 138-1234-0002"])
def test_an_agent_is_appointed_accepts_and_may_act(
    http: FlaskClient, head: Account, agents_http: FlaskClient, agent: Account, sign_in: SignIn, work: Work,
    clock: Clock, number: str,
) -> None:  # fmt: skip
    sign_in(head)
    register_company(http)
    assert appoint(http, clock, number=number).status_code == 303
    [offered] = mandates_of(work, agent)
    assert (offered.role, offered.scope, offered.granted_by) == (Role.HANDLER, "货车年审", head.id)
    assert offered.is_open(clock.now) and not offered.is_valid(clock.now)
    assert number_of_notices(work, agent) == 1
    assert COMPANY in agents_http.get("/account/organisations").text
    post(agents_http, "/account/organisations/accept", mandate=offered.id)
    [held] = mandates_of(work, agent)
    assert held.is_valid(clock.now)
    assert held.valid_until == mandates.end_of(mandates.today(clock.now) + timedelta(days=60))
    assert not held.is_valid(held.valid_until)


@pytest.mark.parametrize(
    "changes",
    [
        {"number": "13812349999"},
        {"name": "李五"},
        {"number": "agent"},
        {"number": ""},
        {"last_day": ""},
        {"last_day": "2020-01-01"},
        {"last_day": "9999-12-31"},
        {"last_day": "tomorrow"},
    ],
)
def test_nobody_is_appointed_by_a_wrong_number_name_or_day(
    http: FlaskClient, head: Account, agent: Account, sign_in: SignIn, work: Work, clock: Clock,
    changes: dict[str, str],
) -> None:  # fmt: skip
    sign_in(head)
    register_company(http)
    assert appoint(http, clock, **changes).status_code == 422
    assert mandates_of(work, agent) == []


@pytest.mark.parametrize("role", ["legal_representative", "king"])
def test_no_other_role_can_be_given(
    http: FlaskClient, head: Account, agent: Account, sign_in: SignIn, work: Work, clock: Clock, role: str
) -> None:
    sign_in(head)
    register_company(http)
    assert appoint(http, clock, role=role).status_code == 400
    assert mandates_of(work, agent) == []


def test_an_unknown_number_and_a_wrong_name_are_answered_alike(
    http: FlaskClient, head: Account, agent: Account, sign_in: SignIn, clock: Clock
) -> None:
    sign_in(head)
    register_company(http)
    pages = [
        appoint(http, clock, number=AGENT_PHONE, name="李五").text,
        appoint(http, clock, number="13812349999").text,
    ]
    errors = [re.findall(r'class="field-error"[^>]*>(.*?)</p>', page) for page in pages]
    assert errors[0] == errors[1] and len(errors[0]) == 1


def test_a_person_is_appointed_once(
    http: FlaskClient, head: Account, agent: Account, sign_in: SignIn, work: Work, clock: Clock
) -> None:
    sign_in(head)
    register_company(http)
    assert [appoint(http, clock).status_code for _ in range(2)] == [303, 422]
    assert len(mandates_of(work, agent)) == 1


def test_only_the_representative_sees_and_changes_the_company(
    http: FlaskClient, head: Account, agents_http: FlaskClient, agent: Account, sign_in: SignIn, work: Work,
    clock: Clock,
) -> None:  # fmt: skip
    sign_in(head)
    register_company(http)
    appoint(http, clock)
    [offered] = mandates_of(work, agent)
    post(agents_http, "/account/organisations/accept", mandate=offered.id)
    assert agents_http.get(f"/account/organisations/{CODE}").status_code == 404
    assert appoint(agents_http, clock).status_code == 404
    [headship] = mandates_of(work, head)
    assert post(agents_http, f"/account/organisations/{CODE}/revoke", mandate=headship.id).status_code == 404
    post(agents_http, "/account/organisations/resign", mandate=headship.id)
    post(http, "/account/organisations/resign", mandate=headship.id)
    post(http, f"/account/organisations/{CODE}/revoke", mandate=headship.id)
    assert mandates_of(work, head)[0].revoked_at is None


def test_nobody_accepts_for_another(
    http: FlaskClient, head: Account, agent: Account, sign_in: SignIn, work: Work, clock: Clock
) -> None:
    sign_in(head)
    register_company(http)
    appoint(http, clock)
    [offered] = mandates_of(work, agent)
    post(http, "/account/organisations/accept", mandate=offered.id)
    assert mandates_of(work, agent)[0].accepted_at is None


def test_an_invitation_that_ran_out_cannot_be_accepted(
    http: FlaskClient, head: Account, agents_http: FlaskClient, agent: Account, sign_in: SignIn, work: Work,
    clock: Clock,
) -> None:  # fmt: skip
    sign_in(head)
    register_company(http)
    appoint(http, clock, last_day=last_day(clock, 0))
    [offered] = mandates_of(work, agent)
    clock.advance(timedelta(days=1))
    sign_in(agent, http=agents_http)
    post(agents_http, "/account/organisations/accept", mandate=offered.id)
    assert not mandates_of(work, agent)[0].is_valid(clock.now)


# --- acting ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def mandate(
    http: FlaskClient, head: Account, agents_http: FlaskClient, agent: Account, sign_in: SignIn, work: Work,
    clock: Clock,
) -> Mandate:  # fmt: skip
    """The agent's accepted mandate, twenty days long."""
    sign_in(head)
    register_company(http)
    appoint(http, clock, last_day=last_day(clock, 20))
    [offered] = mandates_of(work, agent)
    post(agents_http, "/account/organisations/accept", mandate=offered.id)
    return mandates_of(work, agent)[0]


def acting_for(http: FlaskClient) -> str | None:
    """For whom the page's head says that the person acts."""
    found = re.search(r'class="person-acting">([^<]*)<', http.get("/account").text)
    return found.group(1) if found else None


def start_interaction(http: FlaskClient, register_client: RegisterClient) -> str:
    """Begin an authorization that asks to sign in; the interaction's handle."""
    register_client("client", is_first_party=True)
    query = {
        "client_id": "client", "response_type": "code", "scope": "openid organisation", "state": "s",
        "redirect_uri": "http://127.0.0.1:9009/callback", "code_challenge": "E" * 43, "code_challenge_method": "S256",
    }  # fmt: skip
    answer = http.get("/authorize", query_string=query)
    while "interaction=" not in answer.location:
        answer = http.get(answer.location)
    return answer.location.partition("interaction=")[2]


def test_after_the_login_the_agent_chooses_for_whom_to_act_and_the_grant_says_so(
    app: Flask, new_http: NewHttp, mandate: Mandate, register_client: RegisterClient, work: Work, agent: Account
) -> None:
    http = new_http(app)
    handle = start_interaction(http, register_client)
    answer = log_in(http, "agent", PASSWORD, interaction=handle)
    while answer.status_code in {302, 303} and "/act-as" not in answer.location:
        answer = http.get(answer.location)
    page = http.get(answer.location).text
    assert COMPANY in page and AGENT in page and CODE in page
    answer = post(http, "/act-as", interaction=handle, act_as=mandate.id)
    answer = http.get(answer.location)
    assert answer.location.startswith("http://127.0.0.1:9009/callback?") and "code=" in answer.location
    assert acting_for(http) is not None
    with work() as context:
        kept = context.db.execute(select(tables.grants.c.act_as)).scalar_one()
    assert kept == {"uscc": CODE, "name": COMPANY, "role": "handler", "mandate_id": mandate.id}


def test_a_choice_that_is_not_the_persons_is_refused(
    app: Flask, new_http: NewHttp, mandate: Mandate, head: Account, register_client: RegisterClient, work: Work
) -> None:
    http = new_http(app)
    handle = start_interaction(http, register_client)
    log_in(http, "agent", PASSWORD, interaction=handle)
    for other in (mandates_of(work, head)[0].id, "", "made up"):
        assert post(http, "/act-as", interaction=handle, act_as=other).status_code == 422
    assert acting_for(http) is None


def test_the_agent_switches_later_without_a_new_login(agents_http: FlaskClient, mandate: Mandate) -> None:
    assert acting_for(agents_http) is None
    post(agents_http, "/account/organisations/act", mandate=mandate.id)
    assert COMPANY in (acting_for(agents_http) or "")
    post(agents_http, "/account/organisations/act", mandate="")
    assert acting_for(agents_http) is None


def test_a_mandate_that_ends_within_thirty_days_is_warned_of(agents_http: FlaskClient, mandate: Mandate) -> None:
    for page in ("/account", "/account/organisations"):
        assert "notice-warning" in agents_http.get(page).text


@pytest.mark.usefixtures("both_engines")
def test_a_revoked_mandate_ends_acting_and_what_was_given_by_it(
    http: FlaskClient, agents_http: FlaskClient, mandate: Mandate, agent: Account, work: Work,
    register_client: RegisterClient,
) -> None:  # fmt: skip
    register_client("client")
    post(agents_http, "/account/organisations/act", mandate=mandate.id)
    by_it = give(work, agent, None, scope=frozenset({"offline_access"}), act_as=mandate.act_as())
    own = give(work, agent, None)
    other = give(work, agent, None, act_as={**mandate.act_as(), "mandate_id": "another"})
    answer = post(http, f"/account/organisations/{CODE}/revoke", mandate=mandate.id)
    assert answer.location == f"/account/organisations/{CODE}"
    assert acting_for(agents_http) is None
    assert is_revoked(work, by_it) and not is_revoked(work, own) and not is_revoked(work, other)
    assert number_of_notices(work, agent) == 2
    post(agents_http, "/account/organisations/act", mandate=mandate.id)
    assert acting_for(agents_http) is None


def test_the_agent_may_give_the_mandate_back(
    agents_http: FlaskClient, mandate: Mandate, agent: Account, work: Work
) -> None:
    post(agents_http, "/account/organisations/act", mandate=mandate.id)
    post(agents_http, "/account/organisations/resign", mandate=mandate.id)
    assert acting_for(agents_http) is None
    assert mandates_of(work, agent)[0].revoked_at is not None


def test_when_the_mandate_runs_out_the_session_acts_for_the_person_again(
    agents_http: FlaskClient, mandate: Mandate, clock: Clock, work: Work, agent: Account
) -> None:
    assert mandate.valid_until is not None
    clock.set(mandate.valid_until - timedelta(minutes=1))
    token = None
    log_in(agents_http, "agent", PASSWORD)
    token = form_token(agents_http)
    post(agents_http, "/account/organisations/act", token=token, mandate=mandate.id)
    assert COMPANY in (acting_for(agents_http) or "")
    clock.advance(timedelta(minutes=1))
    assert acting_for(agents_http) is None
    post(agents_http, "/account/organisations/act", token=token, mandate=mandate.id)
    assert acting_for(agents_http) is None


def test_a_frozen_or_unverified_person_cannot_be_appointed(
    http: FlaskClient, head: Account, add_person: AddPerson, sign_in: SignIn, clock: Clock, work: Work
) -> None:
    add_person(username="weak", name="赵六", phone="13812340006", level=1)
    sign_in(head)
    register_company(http)
    assert appoint(http, clock, number="13812340006", name="赵六").status_code == 422


def test_tries_to_find_people_by_appointing_them_are_limited(
    http: FlaskClient, head: Account, sign_in: SignIn, clock: Clock, agent: Account, work: Work
) -> None:
    sign_in(head)
    register_company(http)
    for number in range(20):
        appoint(http, clock, number=f"1381234{number:04}", name="某某")
    appoint(http, clock)
    assert mandates_of(work, agent) == []


def test_the_account_that_acts_is_the_one_signed_in(work: Work, agent: Account, mandate: Mandate) -> None:
    with work() as context:
        found = accounts.find(context.db, context.vault, mandate.account_id)
    assert found is not None and found.id == agent.id
