"""OpenID Connect RP-Initiated Logout 1.0, and what certification asks of it: who is asked, who is sent where."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from joserfc import jwt as foreign_jwt
from joserfc.jwk import generate_key

from idp.context import Context, Provider
from idp.crypto.jose import sign
from idp.domain.session import Session
from idp.storage import outbox, sessions
from tests import logging_out
from tests.authorizing import answer, asking, csrf_token, hidden, location, text_of
from tests.clock import Clock
from tests.conftest import ISSUER, AddPerson, RegisterClient, SignIn
from tests.logging_out import Party, party

BACK = logging_out.RETURN
RETURN = "http://127.0.0.1:9009/signed-out"
Work = Callable[[], AbstractContextManager[Context]]


@dataclass(frozen=True)
class Scene:
    http: FlaskClient
    session: Session
    provider: Provider
    subject: str

    def hint(self, *, typ: str = "JWT", alg: str = "RS256", **changes: Any) -> str:
        claims = {"iss": ISSUER, "sub": self.subject, "aud": "client", "sid": self.session.sid, "exp": 1, "iat": 0}
        with self.provider.work() as context:
            return sign(context.keys, alg, claims | changes, typ, context.now)

    def logout(self, **parameters: Any) -> Any:
        return self.http.get("/logout", query_string=parameters)

    def is_signed_in(self) -> bool:
        told = answer(self.http.get("/authorize", query_string=asking(prompt="none")))
        return "code" in told


@pytest.fixture
def scene(
    http: FlaskClient,
    register_client: RegisterClient,
    add_person: AddPerson,
    sign_in: SignIn,
    provider: Provider,
) -> Scene:
    register_client(is_first_party=True, post_logout_redirect_uris=[RETURN, RETURN + "?kept=1"])
    register_client("other", post_logout_redirect_uris=["http://127.0.0.1:9012/bye"])
    person = add_person(password=None)
    return Scene(http, sign_in(person), provider, person.subject)


def confirm(scene: Scene, response: Any) -> Any:
    """Press the button of the confirmation page."""
    return logging_out.confirm(scene.http, response)


def test_good_hint_and_registered_address_lead_back_at_once_with_the_state_only(scene: Scene) -> None:
    """§2, §3: an expired ID token counts."""
    response = scene.logout(id_token_hint=scene.hint(), post_logout_redirect_uri=RETURN, state="s" * 128)
    parts = urlsplit(location(response))
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == RETURN
    assert parse_qs(parts.query) == {"state": ["s" * 128]}
    assert not scene.is_signed_in()


def test_without_state_nothing_is_added(scene: Scene) -> None:
    assert location(scene.logout(id_token_hint=scene.hint(), post_logout_redirect_uri=RETURN)) == RETURN


def test_query_of_the_registered_address_is_kept(scene: Scene) -> None:
    uri = RETURN + "?kept=1"
    found = location(scene.logout(id_token_hint=scene.hint(), post_logout_redirect_uri=uri, state="a b"))
    assert found == uri + "&state=a+b"


@pytest.mark.parametrize("aud", ["client", ["client"], ["client", "another"]])
def test_the_client_is_found_by_the_hints_audience_string_or_list(scene: Scene, aud: Any) -> None:
    named = {"client_id": "client"} if isinstance(aud, list) and len(aud) > 1 else {}
    response = scene.logout(id_token_hint=scene.hint(aud=aud), post_logout_redirect_uri=RETURN, **named)
    assert location(response) == RETURN


@pytest.mark.parametrize(
    ("parameter", "parameters"),
    [
        ("post_logout_redirect_uri", {"post_logout_redirect_uri": "https://elsewhere.example/"}),
        ("post_logout_redirect_uri", {"post_logout_redirect_uri": RETURN + "?added=1"}),
        ("post_logout_redirect_uri", {"post_logout_redirect_uri": RETURN + "/"}),
        ("state", {"post_logout_redirect_uri": RETURN, "state": "x" * 1025}),
        ("state", {"post_logout_redirect_uri": RETURN, "state": "a\nb"}),
        ("client_id", {"client_id": "stranger", "id_token_hint": ""}),
        ("client_id", {"client_id": "x" * 300, "id_token_hint": ""}),
        ("id_token_hint", {"client_id": "other"}),
        ("state", {"state": ["a", "b"]}),
        (None, {"unheard_of": ["a", "b"]}),
    ],
)
def test_faulty_request_is_a_page_and_ends_nothing(
    scene: Scene, parameter: str | None, parameters: dict[str, Any]
) -> None:
    """§4: an error is never answered by a redirect."""
    response = scene.logout(**({"id_token_hint": scene.hint()} | parameters))
    assert response.status_code == 400 and "Location" not in response.headers
    assert text_of(response, "error-parameter") == parameter
    assert scene.is_signed_in()


def altered(hint: str) -> str:
    """The header changed to none."""
    return "eyJhbGciOiJub25lIn0." + hint.split(".")[1] + "."


@pytest.mark.parametrize(
    "make",
    [
        lambda scene: altered(scene.hint()),
        lambda scene: scene.hint()[:-6] + "AAAAAA",
        lambda scene: scene.hint(typ="at+jwt"),
        lambda scene: scene.hint(typ="logout+jwt"),
        lambda scene: scene.hint(iss="https://elsewhere.example"),
        lambda scene: scene.hint(sub=7),
        lambda scene: scene.hint(aud=[]),
        lambda scene: "garbage",
        lambda scene: "é",
    ],
)
def test_hint_that_is_no_id_token_of_ours_is_refused_by_a_page(scene: Scene, make: Callable[[Scene], str]) -> None:
    response = scene.logout(id_token_hint=make(scene), post_logout_redirect_uri=RETURN)
    assert response.status_code == 400 and "Location" not in response.headers
    assert text_of(response, "error-parameter") == "id_token_hint"
    assert scene.is_signed_in()


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"state": "only"},
        {"client_id": "client"},
        {"client_id": "client", "post_logout_redirect_uri": RETURN},
        {"ui_locales": "en", "logout_hint": "somebody"},
    ],
)
def test_without_a_hint_the_person_is_asked_and_stays_here(scene: Scene, parameters: dict[str, Any]) -> None:
    """§6; certification's no-params, only-state, no-id-token-hint, no-post-logout-redirect-uri."""
    asked = scene.logout(**parameters)
    assert scene.is_signed_in(), "asking ends nothing"
    done = confirm(scene, asked)
    assert done.status_code == 303 and location(done) == "/signed-out"
    shown = scene.http.get("/signed-out")
    assert 'id="signed-out"' in shown.get_data(as_text=True)
    has_link = f'href="{RETURN}"' in shown.get_data(as_text=True)
    assert has_link is ("post_logout_redirect_uri" in parameters), "a way back, but only by the person's own click"
    assert not scene.is_signed_in()


def test_address_without_a_client_is_refused(scene: Scene) -> None:
    response = scene.logout(post_logout_redirect_uri=RETURN)
    assert text_of(response, "error-parameter") == "post_logout_redirect_uri"


@pytest.mark.parametrize("changes", [{"sub": "another"}, {"sid": "another"}, {"sid": None}])
def test_hint_of_another_session_asks_first_and_then_leads_back(scene: Scene, changes: dict[str, Any]) -> None:
    asked = scene.logout(id_token_hint=scene.hint(**changes), post_logout_redirect_uri=RETURN)
    assert scene.is_signed_in()
    assert location(confirm(scene, asked)) == RETURN
    assert not scene.is_signed_in()


def test_confirmation_without_its_form_token_ends_nothing(scene: Scene) -> None:
    asked = scene.logout()
    form = {"interaction": hidden(asked, "interaction"), "decision": "logout"}
    assert scene.http.post("/logout", data=form).status_code == 400
    assert scene.is_signed_in()


def test_confirmation_with_an_altered_request_ends_nothing(scene: Scene) -> None:
    asked = scene.logout()
    form = {"csrf_token": csrf_token(asked), "interaction": "altered", "decision": "logout"}
    assert text_of(scene.http.post("/logout", data=form), "error-parameter") == "request"
    assert scene.is_signed_in()


def test_request_posted_by_another_site_is_sent_round_to_fetch_the_cookies(scene: Scene) -> None:
    """SameSite=Lax: the POST comes without the session; nothing is decided on it."""
    stranger = scene.http.application.test_client()
    form = {"id_token_hint": scene.hint(), "post_logout_redirect_uri": RETURN, "state": "s"}
    response = stranger.post("/logout", data=form, base_url=ISSUER)
    assert response.status_code == 303
    round_trip = location(response)
    assert round_trip.startswith("/logout?request=")
    assert scene.is_signed_in()
    assert location(scene.http.get(round_trip)) == RETURN + "?state=s"
    assert not scene.is_signed_in()


def test_request_posted_without_a_hint_asks(scene: Scene) -> None:
    response = scene.http.post("/logout", data={"state": "s"})
    confirm(scene, scene.http.get(location(response)))
    assert not scene.is_signed_in()


def test_faulty_posted_request_is_a_page(scene: Scene) -> None:
    assert text_of(scene.http.post("/logout", data={"id_token_hint": "x"}), "error-parameter") == "id_token_hint"


def test_who_is_not_signed_in_is_sent_back_without_a_question(scene: Scene) -> None:
    scene.logout(id_token_hint=scene.hint())
    assert location(scene.logout(id_token_hint=scene.hint(), post_logout_redirect_uri=RETURN)) == RETURN
    assert location(scene.logout()) == "/signed-out"


def test_sign_out_button_ends_the_session(scene: Scene) -> None:
    token = csrf_token(scene.logout())
    assert scene.http.post("/sign-out", data={}).status_code == 400
    assert scene.is_signed_in()
    assert location(scene.http.post("/sign-out", data={"csrf_token": token})) == "/signed-out"
    assert not scene.is_signed_in()


@pytest.mark.parametrize("ui_locales", ["a" * 60_000, "x " * 20_000 + "en", "en " * 20_000, "en-" + "a" * 60_000])
def test_of_the_languages_wished_for_no_more_is_kept_than_the_one_to_be_spoken(scene: Scene, ui_locales: str) -> None:
    """An answer whose cookie repeated them would be too large for browsers and proxies."""
    sent_round = scene.http.post("/logout", data={"ui_locales": ui_locales})
    assert len(location(sent_round)) < 1000
    confirmed = confirm(scene, scene.logout(ui_locales=ui_locales))
    assert sum(len(value) for value in confirmed.headers.getlist("Set-Cookie")) < 4096


@pytest.mark.parametrize(("ui_locales", "word"), [("en", "You are signed out"), ("zh", "退出"), ("tlh", "退出")])
def test_pages_speak_the_language_the_service_asked_for(scene: Scene, ui_locales: str, word: str) -> None:
    """§2 ui_locales: the confirmation, also after a POST, and the page that tells what was reached, later too."""
    headers = {"Accept-Language": "zh" if ui_locales == "en" else "fr"}
    response = scene.http.post("/logout", data={"ui_locales": ui_locales}, headers=headers)
    asked = scene.http.get(location(response), headers=headers)
    assert ("Sign out everywhere" in asked.get_data(as_text=True)) is (ui_locales == "en")
    confirm(scene, asked)
    assert word in scene.http.get("/signed-out", headers=headers).get_data(as_text=True)


def test_every_client_of_the_session_is_told_and_shown(
    scene: Scene, register_client: RegisterClient, work: Work, clock: Clock
) -> None:
    """Back-Channel Logout §2.3: who got tokens in the session and wants to be told; the page says how far it got."""
    for name in ("drivers", "vehicles", "silent"):
        uris = {} if name == "silent" else {"backchannel_logout_uri": f"https://{name}.example/backchannel-logout"}
        register_client(name, is_first_party=True, **{"client_name#en": f"Portal {name}"}, **uris)
        redeem(scene, work, name)
    response = scene.logout(id_token_hint=scene.hint())
    assert location(response) == "/signed-out"
    with work() as context:
        batch = outbox.list_batch(context.db, scene.session.id)
    assert {(item.kind, item.recipient) for item in batch} == {
        ("backchannel_logout", "drivers"),
        ("backchannel_logout", "vehicles"),
    }
    assert all(item.payload == {"sub": scene.subject, "sid": scene.session.sid} for item in batch)
    text = scene.http.get("/signed-out?ui_locales=en").get_data(as_text=True)
    assert "Portal drivers" in text and "Portal vehicles" in text and "Portal silent" not in text
    assert "data-refresh" in text and 'http-equiv="refresh"' in text
    finish(work, scene)
    text = scene.http.get("/signed-out?ui_locales=en").get_data(as_text=True)
    assert "Signed out of 1 of 2 services." in text
    assert "data-refresh" not in text and "not reached" in text


def redeem(scene: Scene, work: Work, client_id: str) -> None:
    """The client gets tokens in the session."""
    from idp.crypto.random import hash_secret
    from idp.storage import grants

    code = answer(scene.http.get("/authorize", query_string=asking(client_id)))["code"]
    with work() as context:
        assert grants.consume_code(context.db, hash_secret(code), client_id, context.now)


def finish(work: Work, scene: Scene) -> None:
    """One delivery arrives, the other is given up."""
    with work() as context:
        leased = outbox.lease_due(context.db, context.now, context.now)
        for item in leased:
            if item.recipient == "drivers":
                outbox.mark_delivered(context.db, item, context.now)
            else:
                outbox.mark_failed(context.db, item, "answered 500", None, context.now)


def test_page_stops_bringing_itself_up_to_date_after_a_while(
    scene: Scene, register_client: RegisterClient, work: Work, clock: Clock
) -> None:
    register_client("drivers", is_first_party=True, backchannel_logout_uri="https://drivers.example/logout")
    redeem(scene, work, "drivers")
    scene.logout(id_token_hint=scene.hint())
    clock.advance(121)
    assert "data-refresh" not in scene.http.get("/signed-out").get_data(as_text=True)


def test_signed_out_page_of_a_stranger_shows_nothing(scene: Scene) -> None:
    scene.http.set_cookie("tx_signed_out", "made-up", domain="127.0.0.1")
    assert 'id="signed-out"' in scene.http.get("/signed-out").get_data(as_text=True)


def test_ended_session_stays_ended_whatever_the_cookie_says(scene: Scene, work: Work) -> None:
    with work() as context:
        assert sessions.end(context.db, scene.session.id, "test", context.now)
    assert not scene.is_signed_in()
    assert location(scene.logout()) == "/signed-out"


def test_confirmation_page_names_who_asks_and_what_will_be_left(
    scene: Scene, register_client: RegisterClient, work: Work
) -> None:
    register_client("drivers", is_first_party=True, client_name="司机门户")
    redeem(scene, work, "drivers")
    text = scene.logout(client_id="other").get_data(as_text=True)
    assert "司机门户" in text and "other (test)" in text


# --- certification's modules, each with an ID token that the client really got ----------------------------------------


@pytest.fixture
def rp(http: FlaskClient, register_client: RegisterClient, add_person: AddPerson, sign_in: SignIn) -> Party:
    """As the suite registers: one address to come back to, `client_id` never sent."""
    sign_in(add_person(password=None))
    found = party(http, register_client, "client")
    found.log_in()
    return found


def unsigned(id_token: str) -> str:
    """modified-id-token-hint: the same claims under a header that says none."""
    header = base64.urlsafe_b64encode(b'{"alg": "none"}').rstrip(b"=").decode()
    return f"{header}.{id_token.split('.')[1]}."


def foreign(id_token: str) -> str:
    """bad-id-token-hint: signed by the client's own key, issuer and audience swapped."""
    claims = {"iss": "client", "sub": "SubjectID", "aud": ISSUER, "nonce": "flibble", "iat": 1, "exp": 2**33}
    return foreign_jwt.encode({"alg": "RS256"}, claims, generate_key("RSA", 2048))


def stolen(id_token: str) -> str:
    """The right claims, signed by the client's own key under our kid."""
    header, payload = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in id_token.split(".")[:2])
    return foreign_jwt.encode(header, payload, generate_key("RSA", 2048))


def test_module_rp_initiated_logout_discovery_endpoint_verification(http: FlaskClient) -> None:
    document = http.get("/.well-known/openid-configuration").json
    assert document is not None and document["end_session_endpoint"] == ISSUER + "/logout"


def test_module_rp_initiated_logout(rp: Party) -> None:
    parts = urlsplit(location(rp.log_out()))
    assert parts._replace(query="").geturl() == BACK and parse_qs(parts.query) == {"state": ["s" * 128]}
    assert rp.silent_error() == "login_required"


def test_module_rp_initiated_logout_no_state(rp: Party) -> None:
    assert location(rp.log_out(state=None)) == BACK
    assert rp.silent_error() == "login_required"


@pytest.mark.parametrize(
    ("module", "parameter", "change"),
    [
        (
            "rp-initiated-logout-bad-post-logout-redirect-uri",
            "post_logout_redirect_uri",
            {"post_logout_redirect_uri": BACK + "/bad"},
        ),
        (
            "rp-initiated-logout-query-added-to-post-logout-redirect-uri",
            "post_logout_redirect_uri",
            {"post_logout_redirect_uri": BACK + "?foo=bar"},
        ),
        ("rp-initiated-logout-modified-id-token-hint", "id_token_hint", unsigned),
        ("rp-initiated-logout-bad-id-token-hint", "id_token_hint", foreign),
        ("(ours) signed by another under our kid", "id_token_hint", stolen),
        ("rp-initiated-logout-no-id-token-hint", "post_logout_redirect_uri", {"id_token_hint": None}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_module_that_must_never_redirect(rp: Party, module: str, parameter: str, change: Any) -> None:
    changes = change if isinstance(change, dict) else {"id_token_hint": change(rp.id_token)}
    response = rp.log_out(**changes)
    assert response.status_code == 400 and "Location" not in response.headers, module
    assert text_of(response, "error-code") == "invalid_request"
    assert text_of(response, "error-parameter") == parameter, "in Latin letters, for scripts to wait for"
    assert rp.silent_error() is None, "nothing has ended"


@pytest.mark.parametrize(
    "left_out",
    [
        ("id_token_hint", "post_logout_redirect_uri", "state"),
        ("id_token_hint", "post_logout_redirect_uri"),
        ("post_logout_redirect_uri",),
    ],
    ids=[
        "rp-initiated-logout-no-params",
        "rp-initiated-logout-only-state",
        "rp-initiated-logout-no-post-logout-redirect-uri",
    ],
)
def test_module_that_ends_on_our_page(rp: Party, left_out: tuple[str, ...]) -> None:
    """Asked first where no hint came; then the signed-out page, and never the address to come back to."""
    response = rp.log_out(**dict.fromkeys(left_out))
    if "id_token_hint" in left_out:
        response = logging_out.confirm(rp.http, response)
    assert location(response) == "/signed-out"
    text = rp.http.get("/signed-out").get_data(as_text=True)
    assert 'id="signed-out"' in text and BACK not in text
    assert rp.silent_error() == "login_required"


NAMES = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales", "logout_hint", "request")
VALUES = st.text(max_size=60) | st.sampled_from(
    ["client", RETURN, "x.y.z", "e30.e30.e30", "en", "[", "https://evil.example"]
)


@given(st.dictionaries(st.sampled_from(NAMES), VALUES), st.booleans())
@hypothesis_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_asked_without_a_good_hint_ends_nothing_and_leads_nowhere(
    scene: Scene, parameters: dict[str, str], is_post: bool
) -> None:
    sent = {"data": parameters} if is_post else {"query_string": parameters}
    response = scene.http.open("/logout", method="POST" if is_post else "GET", **sent)
    assert response.status_code in {200, 302, 303, 400}, response.status_code
    assert response.headers.get("Location", "/logout").startswith("/logout"), response.headers["Location"]
    assert scene.is_signed_in()
