"""The pages of an authorization in progress, from /authorize and back: login, consent, accounts, cancelling."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp.context import Context
from idp.storage import accounts, consents, sessions
from idp.storage.accounts import AccountStatus
from tests.authorizing import answer, asking, csrf_token, grant_of, hidden, location, page, text_of
from tests.clock import Clock
from tests.conftest import ISSUER, PASSWORD, AddPerson, RegisterClient, SignIn
from tests.statements import Statements

Work = Callable[[], AbstractContextManager[Context]]
Count = Callable[..., AbstractContextManager[Statements]]


def press(http: FlaskClient, shown: Any, path: str, **fields: str) -> Any:
    """Submit a page's form with one of its buttons."""
    form = {"csrf_token": csrf_token(shown), "interaction": hidden(shown, "interaction"), **fields}
    return http.post(path, data=form)


def follow(http: FlaskClient, response: Any) -> Any:
    return http.get(location(response))


def log_in(http: FlaskClient, response: Any, username: str) -> Any:
    """From the redirect to /login to the redirect back to /authorize."""
    shown = follow(http, response)
    return press(http, shown, location(response), username=username, password=PASSWORD)


@pytest.mark.usefixtures("both_engines")
def test_whole_way_by_password_and_consent_and_its_cost(
    http: FlaskClient, register_client: RegisterClient, add_person: AddPerson, work: Work, statements: Count
) -> None:
    register_client()
    add_person(username="zhangwei")
    http.get("/authorize", query_string=asking(prompt="none"))  # the client is in the process's copy
    with statements() as seen:
        to_login = http.get("/authorize", query_string=asking(scope="openid profile", ui_locales="en"))
        assert page(to_login)[0] == "/login"
        back = log_in(http, to_login, "zhangwei")
        assert page(back)[0] == "/authorize"
    assert len(seen) <= 4, seen
    to_consent = follow(http, back)
    assert page(to_consent)[0] == "/consent"
    shown = follow(http, to_consent)
    text = shown.get_data(as_text=True)
    assert "client (test)" in text and "Your profile" in text and "until you withdraw" in text and "张伟" in text
    told = answer(follow(http, press(http, shown, "/consent", decision="allow")))
    assert told["state"] == asking()["state"] and told["iss"] == ISSUER
    assert grant_of(work, told["code"]).scope == {"openid", "profile"}
    again = answer(http.get("/authorize", query_string=asking(scope="openid profile", prompt="none")))
    assert "code" in again, "the consent is remembered"
    more = answer(http.get("/authorize", query_string=asking(scope="openid phone", prompt="none")))
    assert more["error"] == "consent_required", "and covers no more than was agreed"


def test_whole_login_at_a_first_party_service_costs_seven_statements_before_the_token(
    http: FlaskClient, register_client: RegisterClient, add_person: AddPerson, statements: Count
) -> None:
    register_client(is_first_party=True)
    add_person(username="zhangwei")
    http.get("/authorize", query_string=asking(prompt="none"))
    with statements() as seen:
        back = log_in(http, http.get("/authorize", query_string=asking()), "zhangwei")
        assert "code" in answer(follow(http, back))
    assert len(seen) <= 7, seen


def test_consent_denied_tells_the_client(
    http: FlaskClient, register_client: RegisterClient, add_person: AddPerson, sign_in: SignIn, work: Work
) -> None:
    register_client()
    person = add_person(password=None)
    sign_in(person)
    shown = follow(http, http.get("/authorize", query_string=asking()))
    told = answer(follow(http, press(http, shown, "/consent", decision="deny")))
    assert told["error"] == "access_denied" and told["state"] == asking()["state"]
    with work() as context:
        assert consents.find(context.db, person.id, "client") is None


def test_consent_names_single_claims_and_rights_and_remembers_them(
    http: FlaskClient, register_client: RegisterClient, add_person: AddPerson, sign_in: SignIn, work: Work
) -> None:
    register_client()
    person = add_person(password=None)
    session = sign_in(person)
    with work() as context:
        company = {"uscc": "u", "name": "新疆货运有限公司", "role": "handler", "mandate_id": "m"}
        sessions.choose(context.db, session.id, "m", company)
    asked = asking(
        scope="openid organisation offline_access matters.read",
        claims='{"userinfo":{"email":null,"id_number":{"essential":true}}}',
        ui_locales="en",
    )
    shown = follow(http, http.get("/authorize", query_string=asked))
    text = shown.get_data(as_text=True)
    for words in (
        "新疆货运有限公司",
        "matters.read",
        "14 days after its last visit",
        "http://127.0.0.1:8300",
        "e-mail address, number of the identity document",
    ):
        assert words in text, words
    assert "code" in answer(follow(http, press(http, shown, "/consent", decision="allow")))
    with work() as context:
        consent = consents.find(context.db, person.id, "client")
    assert consent is not None
    assert consent.claims == {"email", "id_number"}
    assert consent.scope == {"openid", "organisation", "offline_access", "matters.read"}


def test_prompt_consent_asks_again_even_a_first_party(
    http: FlaskClient,
    register_client: RegisterClient,
    add_person: AddPerson,
    sign_in: SignIn,
    clock: Clock,
) -> None:
    register_client(is_first_party=True)
    sign_in(add_person(password=None))
    for _ in range(2):
        clock.advance(10)
        to_consent = http.get("/authorize", query_string=asking(prompt="consent"))
        assert page(to_consent)[0] == "/consent"
        pressed = press(http, follow(http, to_consent), "/consent", decision="allow")
        assert "code" in answer(follow(http, pressed))


def test_select_account_goes_on_or_lets_somebody_else_in(
    http: FlaskClient,
    register_client: RegisterClient,
    add_person: AddPerson,
    sign_in: SignIn,
    clock: Clock,
    work: Work,
) -> None:
    register_client(is_first_party=True)
    first = add_person(password=None, id_number="110101199003070418")
    second = add_person(username="lina")
    sign_in(first)
    clock.advance(10)
    shown = follow(http, http.get("/authorize", query_string=asking(prompt="select_account")))
    text = shown.get_data(as_text=True)
    assert "110101**********18" in text and "110101199003070418" not in text
    told = answer(follow(http, press(http, shown, "/select-account", decision="continue")))
    assert grant_of(work, told["code"]).account_id == first.id

    shown = follow(http, http.get("/authorize", query_string=asking(prompt="select_account")))
    to_login = follow(http, press(http, shown, "/select-account", decision="other"))
    assert page(to_login)[0] == "/login"
    clock.advance(10)
    told = answer(follow(http, log_in(http, to_login, "lina")))
    assert grant_of(work, told["code"]).account_id == second.id


@pytest.mark.parametrize(("path", "prompt"), [("/consent", "consent"), ("/select-account", "select_account")])
def test_page_without_a_valid_answer_or_person_decides_nothing(
    http: FlaskClient,
    register_client: RegisterClient,
    add_person: AddPerson,
    sign_in: SignIn,
    clock: Clock,
    path: str,
    prompt: str,
) -> None:
    register_client(is_first_party=True)
    sign_in(add_person(password=None))
    clock.advance(10)
    shown = follow(http, http.get("/authorize", query_string=asking(prompt=prompt)))
    assert press(http, shown, path, decision="perhaps").status_code == 400
    assert http.post(path, data={"interaction": hidden(shown, "interaction")}).status_code == 400
    handle = hidden(shown, "interaction")
    http.delete_cookie("tx_session", domain="127.0.0.1")
    assert page(http.get(path, query_string={"interaction": handle}))[0] == "/authorize"
    accept = press(http, shown, path, decision="allow" if path == "/consent" else "continue")
    assert page(follow(http, accept))[0] == "/login"


def test_answer_given_in_the_name_of_somebody_else_does_not_count(
    http: FlaskClient,
    register_client: RegisterClient,
    add_person: AddPerson,
    sign_in: SignIn,
    work: Work,
    clock: Clock,
) -> None:
    """One window shows a page to the first person while a second one signs in in another window of the same browser."""
    register_client()
    first, second = add_person(password=None, name="甲"), add_person(password=None, name="乙")
    sign_in(first)
    clock.advance(10)
    to_consent = http.get("/authorize", query_string=asking())
    shown = follow(http, to_consent)
    select = follow(http, http.get("/authorize", query_string=asking(prompt="select_account")))
    sign_in(second)
    clock.advance(10)
    again = follow(http, press(http, shown, "/consent", decision="allow"))
    assert page(again)[0] == "/consent" and "乙" in follow(http, again).get_data(as_text=True)
    with work() as context:
        assert consents.find(context.db, second.id, "client") is None
    asked_again = press(http, select, "/select-account", decision="continue")
    assert page(asked_again)[0] == "/select-account"
    assert "乙" in follow(http, asked_again).get_data(as_text=True)


def test_page_of_a_request_that_is_no_longer_good_says_so(
    http: FlaskClient, register_client: RegisterClient, add_person: AddPerson, sign_in: SignIn
) -> None:
    register_client()
    sign_in(add_person(password=None))
    to_consent = location(http.get("/authorize", query_string=asking()))
    register_client(redirect_uris=["https://moved.example/callback"])
    response = http.get(to_consent)
    assert response.status_code == 400 and text_of(response, "error-parameter") == "redirect_uri"


def test_cancelling_at_the_login_page_tells_the_client(http: FlaskClient, register_client: RegisterClient) -> None:
    register_client()
    shown = follow(http, http.get("/authorize", query_string=asking()))
    told = answer(follow(http, press(http, shown, "/authorize/cancel", decision="deny")))
    assert told["error"] == "access_denied"
    form = {"interaction": hidden(shown, "interaction")}
    assert http.post("/authorize/cancel", data=form).status_code == 400, "only from our own page"


def test_prompt_login_and_max_age_give_a_new_auth_time_in_the_same_session(
    http: FlaskClient,
    register_client: RegisterClient,
    add_person: AddPerson,
    clock: Clock,
    work: Work,
) -> None:
    """OpenID Connect Core §3.1.2.1, as certification checks it."""
    register_client(is_first_party=True)
    add_person(username="zhangwei")
    told = answer(follow(http, log_in(http, http.get("/authorize", query_string=asking()), "zhangwei")))
    first = grant_of(work, told["code"])
    for changes in {"prompt": "login"}, {"max_age": "1"}, {"max_age": "0"}:
        clock.advance(5)
        to_login = http.get("/authorize", query_string=asking(**changes))
        assert page(to_login)[0] == "/login"
        told = answer(follow(http, log_in(http, to_login, "zhangwei")))
        again = grant_of(work, told["code"])
        assert again.auth_time > first.auth_time and again.sid == first.sid and again.subject == first.subject
        first = again
    clock.advance(5)
    kept = grant_of(work, answer(http.get("/authorize", query_string=asking(max_age="10000")))["code"])
    assert kept.auth_time == first.auth_time


def test_id_token_hint_of_the_person_passes_and_of_another_does_not(
    http: FlaskClient, register_client: RegisterClient, add_person: AddPerson, sign_in: SignIn, work: Work
) -> None:
    from idp.crypto.jose import sign

    register_client(is_first_party=True)
    person = add_person(password=None)
    sign_in(person)
    for subject, aud, expected in (
        (person.subject, "client", "code"),
        ("another", "client", "login_required"),
        (person.subject, "other-client", "invalid_request"),
    ):
        with work() as context:
            hint = sign(
                context.keys, "ES256", {"iss": ISSUER, "sub": subject, "aud": aud, "exp": 1}, "JWT", context.now
            )
        told = answer(http.get("/authorize", query_string=asking(prompt="none", id_token_hint=hint)))
        assert told.get("error", "code") == expected


def test_posted_request_is_sent_round_to_fetch_the_cookies(
    http: FlaskClient, register_client: RegisterClient, add_person: AddPerson, sign_in: SignIn, statements: Count
) -> None:
    """SameSite=Lax: a POST by another site comes without them (conformance: authorization by POST)."""
    register_client(is_first_party=True)
    sign_in(add_person(password=None))
    stranger = http.application.test_client()
    http.get("/authorize", query_string=asking(prompt="none"))
    with statements() as seen:
        response = stranger.post("/authorize", data=asking(), base_url=ISSUER)
    assert response.status_code == 303 and len(seen) <= 1
    assert "tx_browser" not in str(response.headers.getlist("Set-Cookie")), "other sign-ins under way stay valid"
    round_trip = location(response)
    assert "state" not in round_trip
    assert "code" in answer(http.get(round_trip))
    assert page(stranger.get(round_trip, base_url=ISSUER))[0] == "/login"


def test_interaction_belongs_to_its_browser_and_ends(
    http: FlaskClient,
    app: Flask,
    new_http: Callable[[Flask], FlaskClient],
    register_client: RegisterClient,
    clock: Clock,
    work: Work,
) -> None:
    register_client()
    handle = page(http.get("/authorize", query_string=asking()))[1]
    path = "/authorize?" + urlencode({"interaction": handle})
    assert page(http.get(path))[0] == "/login"
    for lost in (
        new_http(app).get(path),
        http.get("/authorize?interaction=made-up"),
        http.get("/consent?interaction=made-up"),
        http.get("/consent"),
        http.get(path[:-6] + "AAAAAA"),
    ):
        assert lost.status_code == 400
        assert text_of(lost, "error-parameter") == "interaction"
    clock.advance(timedelta(minutes=15))
    assert http.get(path).status_code == 400


def test_parked_request_ends_too(http: FlaskClient, register_client: RegisterClient, clock: Clock) -> None:
    register_client()
    round_trip = location(http.post("/authorize", data=asking()))
    clock.advance(timedelta(minutes=15))
    assert text_of(http.get(round_trip), "error-parameter") == "interaction"


def test_handle_tells_a_stranger_nothing(http: FlaskClient, register_client: RegisterClient) -> None:
    register_client()
    handle = page(http.get("/authorize", query_string=asking(login_hint="zhangwei")))[1]
    assert "zhangwei" not in handle and "client" not in handle and len(handle) < 1000


def test_client_changed_meanwhile_is_checked_again(http: FlaskClient, register_client: RegisterClient) -> None:
    """The checks run at every step: what is no longer registered is no longer answered."""
    register_client()
    handle = page(http.get("/authorize", query_string=asking()))[1]
    register_client(redirect_uris=["https://moved.example/callback"])
    response = http.get("/authorize", query_string={"interaction": handle})
    assert response.status_code == 400 and text_of(response, "error-parameter") == "redirect_uri"


@pytest.mark.parametrize("status", [AccountStatus.FROZEN, AccountStatus.CLOSED])
def test_person_who_may_no_longer_sign_in_gets_no_code(
    http: FlaskClient,
    register_client: RegisterClient,
    add_person: AddPerson,
    sign_in: SignIn,
    work: Work,
    status: AccountStatus,
) -> None:
    register_client(is_first_party=True)
    person = add_person(password=None)
    sign_in(person)
    with work() as context:
        accounts.set_status(context.db, person.id, status, context.now)
    assert answer(http.get("/authorize", query_string=asking(prompt="none")))["error"] == "login_required"


def test_session_ends_by_idleness_and_by_age(
    http: FlaskClient, register_client: RegisterClient, add_person: AddPerson, sign_in: SignIn, clock: Clock
) -> None:
    register_client(is_first_party=True)
    person = add_person(password=None)
    silent = {"query_string": asking(prompt="none")}
    sign_in(person)
    clock.advance(timedelta(minutes=61))
    assert answer(http.get("/authorize", **silent))["error"] == "login_required"
    sign_in(person)
    for _ in range(15):
        clock.advance(timedelta(minutes=50))
        told = answer(http.get("/authorize", **silent))
    assert told["error"] == "login_required"


def test_what_the_login_page_is_told(http: FlaskClient, register_client: RegisterClient, work: Work) -> None:
    from idp.web import interactions

    register_client(minimum_level=3)
    handle = page(http.get("/authorize", query_string=asking(login_hint="zhangwei", ui_locales="fr en")))[1]
    with work() as context:
        told = interactions.read(context.vault, handle)
    assert (told.client_id, told.login_hint, told.locale, told.level) == ("client", "zhangwei", "en", 3)


def test_prompt_create_and_acting_for_a_company_have_their_pages(
    http: FlaskClient, register_client: RegisterClient, add_person: AddPerson, sign_in: SignIn
) -> None:
    register_client(is_first_party=True)
    assert page(http.get("/authorize", query_string=asking(prompt="create")))[0] == "/register"
    sign_in(add_person(password=None), is_choice_made=False)
    assert page(http.get("/authorize", query_string=asking()))[0] == "/act-as"


def test_idp_hint_leads_straight_to_the_upstream(
    make_app: Callable[..., Flask], new_http: Callable[[Flask], FlaskClient], register_client: RegisterClient
) -> None:
    from joserfc.jwk import generate_key

    from idp.config import Upstream
    from idp.domain.assurance import AssuranceMap

    upstream = Upstream(
        name="national",
        label={"zh": "国家政务服务平台登录", "en": "National platform"},
        issuer="https://national.example",
        client_id="region",
        private_jwk=generate_key("EC", "P-256", parameters={"kid": "test"}).as_dict(private=True),
        assurance=AssuranceMap(cap=3, levels={}),
    )
    app = make_app(upstreams=(upstream,))
    register_client(provider=app.extensions["tongxing"])
    found = location(new_http(app).get("/authorize", query_string=asking(idp_hint="national")))
    assert urlsplit(found).path == "/upstream/national/start"
    assert parse_qs(urlsplit(found).query)["interaction"]
