"""The account centre over HTTP: what a person sees of themselves, and what they can end or change."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp.accounts import notices
from idp.context import Context, Provider
from idp.crypto.random import new_id, new_secret
from idp.domain.account import Account
from idp.domain.assurance import Proof
from idp.domain.grant import Grant
from idp.domain.session import Session
from idp.storage import accounts, consents, grants, linked_identities, outbox, sessions
from tests.clock import Clock
from tests.conftest import PASSWORD, AddPerson, RegisterClient, SignIn
from tests.idp.people import NEW_PASSWORD, Outbox, form_token, log_in, post

Work = Callable[[], AbstractContextManager[Context]]
NewHttp = Callable[[Flask], FlaskClient]
Another = Callable[[], FlaskClient]
PAGES = ("", "/security", "/sessions", "/consents", "/organisations", "/identities")
LOGOUT = "http://127.0.0.1:9009/backchannel-logout"


@pytest.fixture
def messages() -> Outbox:
    return Outbox()


@pytest.fixture
def app(make_app: Callable[..., Flask], messages: Outbox) -> Flask:
    return make_app(parts={"messages": messages})


@pytest.fixture
def account(add_person: AddPerson) -> Account:
    return add_person(username="zhang", phone="13812340001", id_number="650101199003077219")


@pytest.fixture
def another(app: Flask, new_http: NewHttp) -> Another:
    """Gives another browser."""
    return lambda: new_http(app)


def give(work: Work, account: Account, session: Session | None, client_id: str = "client", **values: Any) -> str:
    """A used grant with a refresh family; its id."""
    with work() as context:
        grant = Grant(
            id=new_id(),
            client_id=client_id,
            account_id=account.id,
            subject=account.subject,
            session_id=session.id if session else None,
            sid=session.sid if session else None,
            scope=frozenset({"openid"}) | values.pop("scope", frozenset()),
            redirect_uri="http://127.0.0.1:9009/callback",
            audience=(),
            created_at=context.now,
            auth_time=context.now,
            acr="urn:tongxing:loa:2",
            amr=("pwd",),
            code_expires_at=context.now + timedelta(seconds=60),
            **values,
        )
        code = new_secret()
        grants.add(context.db, grant, code)
        assert grants.consume_code(context.db, code, client_id, context.now) is not None
    return grant.id


def is_revoked(work: Work, grant_id: str) -> bool:
    with work() as context:
        grant = grants.find(context.db, grant_id)
    assert grant is not None
    return grant.is_revoked


def ended_at(work: Work, session: Session) -> datetime | None:
    with work() as context:
        found = sessions.find(context.db, session.id)
    assert found is not None
    return found.ended_at


def deliveries(work: Work, session: Session) -> list[tuple[str, str]]:
    with work() as context:
        return [(one.kind, one.recipient) for one in outbox.list_batch(context.db, session.id)]


def told(work: Work, provider: Provider, account: Account, messages: Outbox) -> list[str]:
    """Deliver the person's notices as the outbox would; their texts."""
    with work() as context:
        listed = [one for one in outbox.list_batch(context.db, account.id) if one.kind == notices.KIND]
    for delivery in listed:
        assert "13812340001" not in str(delivery.payload)
        notices.deliver(provider, delivery)
    return [text for recipient, text in messages.sent if recipient == "13812340001"]


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_is_asked_to_sign_in_first(http: FlaskClient, page: str) -> None:
    answer = http.get(f"/account{page}")
    assert answer.status_code == 303 and answer.location.startswith("/login?next=")


@pytest.mark.parametrize("page", PAGES)
def test_no_page_shows_whole_numbers_or_may_be_kept_by_caches(
    http: FlaskClient, account: Account, sign_in: SignIn, page: str
) -> None:
    sign_in(account)
    answer = http.get(f"/account{page}")
    assert answer.status_code == 200
    assert "650101199003077219" not in answer.text and "13812340001" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_first_page_says_who_vouched_by_which_method(
    http: FlaskClient, account: Account, sign_in: SignIn, work: Work
) -> None:
    with work() as context:
        expired = Proof(3, "local", "face", context.now - timedelta(days=9), context.now - timedelta(days=1))
        accounts.add_proof(context.db, account.id, expired, context.now)
    sign_in(account)
    page = http.get("/account", headers={"Accept-Language": "en"}).text
    assert "650101**********19" in page and "138****0001" in page
    assert "register of residents" in page or "人口库" in page
    assert "expired" in page or "已过期" in page


# --- sessions --------------------------------------------------------------------------------------------------------


def test_one_device_is_signed_out_and_its_services_are_told(
    http: FlaskClient, app: Flask, new_http: NewHttp, account: Account, sign_in: SignIn, work: Work,
    register_client: RegisterClient,
) -> None:  # fmt: skip
    register_client("client", backchannel_logout_uri=LOGOUT)
    here = sign_in(account)
    elsewhere = new_http(app)
    there = sign_in(account, http=elsewhere, user_agent="Mozilla/5.0 (Windows NT 10.0) Firefox/140.0")
    grant = give(work, account, there)
    assert "Firefox · Windows" in http.get("/account/sessions").text
    assert post(http, "/account/sessions/end", session=there.id).location == "/account/sessions"
    assert elsewhere.get("/account").status_code == 303
    assert http.get("/account").status_code == 200
    assert is_revoked(work, grant)
    assert deliveries(work, there) == [("backchannel_logout", "client")]
    assert ended_at(work, here) is None


def test_nobody_ends_another_persons_session(
    http: FlaskClient, account: Account, add_person: AddPerson, sign_in: SignIn, app: Flask, new_http: NewHttp,
    work: Work,
) -> None:  # fmt: skip
    theirs = sign_in(add_person(username="other"), http=new_http(app))
    sign_in(account)
    post(http, "/account/sessions/end", session=theirs.id)
    assert ended_at(work, theirs) is None


def test_signing_out_everywhere_ends_all_and_shows_it(
    http: FlaskClient, app: Flask, new_http: NewHttp, account: Account, sign_in: SignIn, work: Work
) -> None:
    all_ = [sign_in(account), *(sign_in(account, http=new_http(app)) for _ in range(2))]
    answer = post(http, "/account/sessions/end-all")
    # The test client holds the first session's cookie.
    assert (answer.status_code, answer.location) == (303, "/signed-out")
    assert all(ended_at(work, one) for one in all_)
    assert http.get("/account").status_code == 303


# --- consents --------------------------------------------------------------------------------------------------------


def test_a_withdrawn_consent_revokes_what_the_service_got(
    http: FlaskClient, account: Account, sign_in: SignIn, work: Work, register_client: RegisterClient
) -> None:
    register_client("client")
    register_client("other")
    session = sign_in(account)
    grant, other = give(work, account, session), give(work, account, session, "other")
    offline = give(work, account, None, scope=frozenset({"offline_access"}))
    with work() as context:
        for client_id in ("client", "other"):
            consents.remember(
                context.db, account.id, client_id, frozenset({"openid", "phone"}), frozenset({"birthdate"}), context.now
            )
    assert "client (test)" in http.get("/account/consents").text
    post(http, "/account/consents/withdraw", client_id="client")
    assert is_revoked(work, grant) and is_revoked(work, offline)
    assert not is_revoked(work, other)
    page = http.get("/account/consents").text
    assert "client (test)" not in page and "other (test)" in page


# --- password and username -------------------------------------------------------------------------------------------


def change_password(http: FlaskClient, present: str = PASSWORD, new: str = NEW_PASSWORD, **data: str) -> Any:
    return post(http, "/account/security/password", present=present, new=new, repeated=new, **data)


@pytest.mark.usefixtures("both_engines")
def test_a_new_password_replaces_the_old_and_the_person_is_told(
    http: FlaskClient, another: Another, account: Account, work: Work, provider: Provider, messages: Outbox,
    sign_in: SignIn, register_client: RegisterClient,
) -> None:  # fmt: skip
    register_client("client")
    log_in(http, "zhang", PASSWORD)
    other_browser = another()
    other = sign_in(account, http=other_browser)
    mine_grant = give(work, account, None, scope=frozenset({"offline_access"}))
    assert change_password(http, end_others="y").location == "/account/security"
    assert other_browser.get("/account").status_code == 303
    assert ended_at(work, other) and is_revoked(work, mine_grant)
    assert http.get("/account").status_code == 200
    assert log_in(another(), "zhang", NEW_PASSWORD).status_code == 303
    assert log_in(another(), "zhang", PASSWORD).status_code == 200
    assert len(told(work, provider, account, messages)) == 1


def test_other_devices_may_stay_signed_in_but_lose_what_they_gave_out(
    http: FlaskClient, app: Flask, new_http: NewHttp, account: Account, work: Work, sign_in: SignIn,
    register_client: RegisterClient,
) -> None:  # fmt: skip
    register_client("client")
    log_in(http, "zhang", PASSWORD)
    other_browser = new_http(app)
    other = sign_in(account, http=other_browser)
    grant = give(work, account, other)
    change_password(http)
    assert other_browser.get("/account").status_code == 200
    assert is_revoked(work, grant)


@pytest.mark.parametrize(
    "data", [{"present": "not it at all"}, {"new": "too short"}, {"new": "zhang 13812340001"}, {"repeated": "another"}]
)
def test_a_password_change_wants_the_present_one_and_a_good_new_one(
    http: FlaskClient, app: Flask, new_http: NewHttp, account: Account, data: dict[str, str]
) -> None:
    log_in(http, "zhang", PASSWORD)
    values = {"present": PASSWORD, "new": NEW_PASSWORD} | data
    assert post(http, "/account/security/password", **({"repeated": values["new"]} | values)).status_code == 422
    assert log_in(new_http(app), "zhang", PASSWORD).status_code == 303


def test_guessing_the_present_password_is_throttled_like_a_login(http: FlaskClient, account: Account) -> None:
    log_in(http, "zhang", PASSWORD)
    assert [change_password(http, present="wrong wrong wrong").status_code for _ in range(3)] == [422, 422, 429]


def test_changes_that_matter_want_a_login_not_older_than_ten_minutes(
    http: FlaskClient, account: Account, clock: Clock, app: Flask, new_http: NewHttp
) -> None:
    log_in(http, "zhang", PASSWORD)
    clock.advance(timedelta(minutes=10, seconds=1))
    answer = change_password(http)
    assert (answer.status_code, answer.location) == (303, "/login?next=%2Faccount%2Fsecurity")
    assert log_in(new_http(app), "zhang", PASSWORD).status_code == 303
    answer = http.post(
        answer.location, data={"csrf_token": form_token(http), "username": "zhang", "password": PASSWORD}
    )
    assert answer.location == "/account/security"
    assert change_password(http).location == "/account/security"


def test_who_has_no_password_sets_one_after_a_fresh_login(
    http: FlaskClient, add_person: AddPerson, sign_in: SignIn, app: Flask, new_http: NewHttp
) -> None:
    sign_in(add_person(username="federated", password=None))
    assert 'name="present"' not in http.get("/account/security").text
    assert change_password(http, present="").location == "/account/security"
    assert log_in(new_http(app), "federated", NEW_PASSWORD).status_code == 303


def test_a_username_is_chosen_and_is_nobody_elses(
    http: FlaskClient, account: Account, add_person: AddPerson, app: Flask, new_http: NewHttp
) -> None:
    add_person(username="taken")
    log_in(http, "zhang", PASSWORD)
    for text, status in (("taken", 422), ("13812340009", 422), ("ab", 422), ("张伟", 422), ("Zhang.Wei", 303)):
        assert post(http, "/account/security/username", username=text).status_code == status, text
    assert log_in(new_http(app), "zhang.wei", PASSWORD).status_code == 303


# --- linked identities -----------------------------------------------------------------------------------------------


def link(work: Work, account: Account) -> str:
    with work() as context:
        linked_identities.add(
            context.db, account_id=account.id, upstream="national", issuer="http://n", subject="s", now=context.now
        )
        return linked_identities.list_of(context.db, account.id)[0].id


def test_a_linked_identity_is_unlinked_by_its_owner_only(
    http: FlaskClient, account: Account, add_person: AddPerson, sign_in: SignIn, work: Work, another: Another,
    provider: Provider, messages: Outbox,
) -> None:  # fmt: skip
    identity = link(work, account)
    thief = another()
    sign_in(add_person(username="other"), http=thief)
    post(thief, "/account/identities/unlink", identity=identity)
    with work() as context:
        assert linked_identities.list_of(context.db, account.id)
    sign_in(account)
    post(http, "/account/identities/unlink", identity=identity)
    with work() as context:
        assert linked_identities.list_of(context.db, account.id) == []
    assert len(told(work, provider, account, messages)) == 1


def test_the_only_way_in_is_never_taken_away(
    http: FlaskClient, add_person: AddPerson, sign_in: SignIn, work: Work
) -> None:
    account = add_person(username="federated", password=None)
    identity = link(work, account)
    sign_in(account)
    post(http, "/account/identities/unlink", identity=identity)
    with work() as context:
        assert linked_identities.list_of(context.db, account.id)
