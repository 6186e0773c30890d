"""A portal's way in and out, over real HTTP against the test provider."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from tests.clients.browser import Browser, query
from tests.clients.portals.conftest import World, hidden


def test_person_with_a_session_at_the_provider_sees_no_form(world: World) -> None:
    answer = world.get("/cases")
    assert answer.status_code == 200
    assert urlsplit(str(answer.url)).path == "/cases"
    assert "王小明" in answer.text
    assert "prompt" not in world.op.last["authorize"]


def test_person_without_a_session_ends_at_the_providers_login(world: World) -> None:
    world.op.has_sso_session = False
    answer = world.get("/cases")
    assert str(answer.url).startswith(world.op.issuer)


def test_login_asks_in_the_language_of_the_page(world: World) -> None:
    world.get("/cases")
    assert world.op.last["authorize"]["ui_locales"] == "zh"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "/%09/evil.example" + "\t",
        "javascript:alert(1)",
        "http:evil",
        "/a\nb",
        "",
    ],
)
def test_login_never_leads_to_another_site(world: World, target: str) -> None:
    answer = world.browser._request("GET", f"{world.url}/login", params={"next": target})
    if answer.status_code == 400:
        return
    for _ in range(2):
        answer = world.browser.get(answer.headers["Location"])
    assert answer.headers["Location"] == "/"


def test_login_leads_back_to_where_one_came_from_with_its_query(world: World) -> None:
    answer = world.get("/cases?page=1")
    assert str(answer.url) == f"{world.url}/cases?page=1"


def test_session_cookie_is_opaque_and_closed_to_scripts(world: World) -> None:
    browser = world.browser
    start = browser.get(f"{world.url}/login")
    back = browser.get(start.headers["Location"])
    finished = browser.get(back.headers["Location"])
    cookie = next(line for line in finished.headers.get_list("set-cookie") if line.startswith("tx_drivers="))
    assert re.match(r"tx_drivers=[A-Za-z0-9_-]{43}; HttpOnly; Path=/; SameSite=Lax$", cookie), cookie
    assert finished.headers["Cache-Control"] == "no-store"


def test_login_gives_a_new_session_and_ends_the_old_one(world: World) -> None:
    world.sign_in()
    old = world.browser.cookies(world.url)["tx_drivers"]
    world.browser.open(f"{world.url}/login?prompt=login&next=/")
    assert world.browser.cookies(world.url)["tx_drivers"] != old
    thief = Browser()
    thief.cookies(world.url).set("tx_drivers", old)
    world.op.has_sso_session = False
    assert str(thief.open(f"{world.url}/identity").url).startswith(world.op.issuer)


def test_response_in_another_browser_is_refused_and_stays_good_for_its_own(world: World) -> None:
    start = world.browser.get(f"{world.url}/login?next=/identity")
    back = world.browser.get(start.headers["Location"]).headers["Location"]
    other = Browser()
    other.get(f"{world.url}/login")
    stolen = other.get(back)
    assert stolen.status_code == 400
    assert "tx_drivers" not in other.cookies(world.url)
    assert world.browser.open(back).status_code == 200


def test_response_is_good_once(world: World) -> None:
    start = world.browser.get(f"{world.url}/login")
    back = world.browser.get(start.headers["Location"]).headers["Location"]
    assert world.browser.get(back).status_code == 303
    assert world.browser.get(back).status_code == 400


def test_of_many_identical_responses_at_once_one_logs_in(world: World) -> None:
    start = world.browser.get(f"{world.url}/login")
    back = world.browser.get(start.headers["Location"]).headers["Location"]
    cookie = dict(world.browser.cookies(world.url))
    answers: list[int] = []
    barrier = threading.Barrier(6)

    def redeem() -> None:
        browser = Browser()
        for name, value in cookie.items():
            browser.cookies(world.url).set(name, value)
        barrier.wait()
        answers.append(browser.get(back).status_code)

    threads = [threading.Thread(target=redeem) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303, 400, 400, 400, 400, 400]
    assert world.op.calls["token"] == 1


def test_repeated_parameter_in_the_response_is_refused(world: World) -> None:
    start = world.browser.get(f"{world.url}/login")
    back = world.browser.get(start.headers["Location"]).headers["Location"]
    assert world.browser.get(f"{back}&code=x").status_code == 400


def test_two_logins_in_two_windows_both_arrive(world: World) -> None:
    first = world.browser.get(f"{world.url}/login?next=/identity").headers["Location"]
    second = world.browser.get(f"{world.url}/login?next=/cases").headers["Location"]
    assert str(world.browser.open(first).url).endswith("/identity")
    assert str(world.browser.open(second).url).endswith("/cases")


def test_cancelled_login_is_a_plain_page_with_the_code(world: World) -> None:
    world.op.bend["authorize"] = lambda answer: answer.update(code=None, error="access_denied")
    answer = world.get("/cases")
    assert answer.status_code == 403
    assert '<code id="error-code">access_denied</code>' in answer.text
    assert "您取消了登录" in answer.text
    assert "next=/cases" in answer.text.replace("%2F", "/")


def test_error_description_of_the_provider_is_not_shown(world: World) -> None:
    world.op.bend["authorize"] = lambda answer: answer.update(
        code=None, error="server_error", error_description="<b>call 555</b>"
    )
    page = world.get("/cases").text
    assert "<b>call" not in page and "call 555" not in page


def test_provider_down_is_a_plain_page_within_five_seconds(world: World, hang: Callable[[], None]) -> None:
    assert world.settings.outbound_timeout == timedelta(seconds=5)
    world.app.extensions["portal"].login.relying_party.provider.http.timeout = timedelta(seconds=0.5)
    world.op.instead["openid-configuration"] = hang
    began = time.monotonic()
    answer = world.get("/cases")
    assert time.monotonic() - began < 5
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "统一身份认证服务暂时没有响应" in answer.text


def test_start_page_works_while_provider_and_platform_are_down(world: World) -> None:
    world.op.instead["openid-configuration"] = lambda: ("", 500)
    world.platform.instead["list"] = lambda: ("", 500)
    answer = world.get("/")
    assert answer.status_code == 200
    assert "业务系统暂时没有响应" in answer.text
    assert 'id="sign-in"' in answer.text


@pytest.mark.parametrize("place", ["id_token", "userinfo"])
def test_login_with_a_wrong_token_is_refused_without_a_session(world: World, place: str) -> None:
    world.op.bend[place] = lambda claims: claims.update(sub="someone-else", nonce="x")
    answer = world.get("/cases")
    assert answer.status_code == 400
    assert "tx_drivers" not in world.browser.cookies(world.url)


# --- the way out ------------------------------------------------------------------------------------------------


def test_sign_out_ends_the_session_here_and_at_the_provider(world: World) -> None:
    world.sign_in()
    answer = world.post("/logout", {})
    assert str(answer.url).startswith(f"{world.url}/signed-out")
    assert 'id="signed-out"' in answer.text and f"{world.op.issuer}/signed-out" in answer.text
    asked = world.op.last["logout"]
    assert asked["post_logout_redirect_uri"] == f"{world.url}/signed-out"
    assert asked["id_token_hint"].count(".") == 2
    assert "tx_drivers" not in world.browser.cookies(world.url)
    assert str(world.get("/identity").url).startswith(world.op.issuer)


def test_sign_out_by_link_or_without_token_does_nothing(world: World) -> None:
    world.sign_in()
    assert world.browser.get(f"{world.url}/logout").status_code == 405
    assert world.browser.post(f"{world.url}/logout", {}).status_code == 400
    assert world.browser.post(f"{world.url}/logout", {"csrf_token": "x"}).status_code == 400
    assert world.browser.get(f"{world.url}/identity").status_code == 200


def test_sign_out_while_the_provider_is_down_ends_the_session_here_and_says_so(world: World) -> None:
    world.sign_in()
    page = world.get("/identity").text
    login = world.app.extensions["portal"].login
    login.relying_party.provider._discovery.content = None
    world.op.instead["openid-configuration"] = lambda: ("", 503)
    answer = world.browser.post(f"{world.url}/logout", {"csrf_token": hidden(page, "csrf_token")})
    assert answer.status_code == 200
    assert "您在那里可能仍处于登录状态" in answer.text
    assert "tx_drivers" not in world.browser.cookies(world.url)


def test_signed_out_page_is_not_shown_to_a_person_who_is_signed_in(world: World) -> None:
    world.sign_in()
    assert str(world.get("/signed-out").url) == f"{world.url}/"


def logout_token(world: World, **overrides: object) -> str:
    return world.op.logout_token("portal-drivers", **overrides)  # type: ignore[arg-type]


def backchannel(world: World, token: str) -> tuple[int, dict[str, str]]:
    answer = Browser().post(f"{world.url}/backchannel-logout", {"logout_token": token})
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, answer.json() if answer.content else {}


def is_signed_in(world: World) -> bool:
    return world.browser.get(f"{world.url}/identity").status_code == 200


def test_logout_token_ends_the_session_it_names(world: World) -> None:
    world.sign_in()
    assert backchannel(world, logout_token(world, sid="other")) == (200, {})
    assert is_signed_in(world)
    assert backchannel(world, logout_token(world)) == (200, {})
    assert not is_signed_in(world)


def test_logout_token_for_a_person_ends_all_sessions(world: World) -> None:
    world.sign_in()
    assert backchannel(world, logout_token(world, sid=None, sub="person-1")) == (200, {})
    assert not is_signed_in(world)


def test_logout_token_is_good_once(world: World) -> None:
    token = logout_token(world)
    assert backchannel(world, token)[0] == 200
    status, body = backchannel(world, token)
    assert (status, body["error"]) == (400, "invalid_request")


def test_wrong_logout_token_ends_nothing(world: World) -> None:
    world.sign_in()
    for token in (logout_token(world, aud="other"), world.op.access_token(), "x", ""):
        status, body = backchannel(world, token)
        assert (status, body["error"]) == (400, "invalid_request")
    assert Browser().post(f"{world.url}/backchannel-logout", {}).status_code == 400
    assert is_signed_in(world)


def test_logout_token_that_cannot_be_checked_now_is_to_be_sent_again(world: World) -> None:
    world.sign_in()
    provider = world.app.extensions["portal"].login.relying_party.provider
    provider._keys = None
    world.op.instead["jwks"] = lambda: ("", 500)
    assert backchannel(world, logout_token(world))[0] == 503


def test_step_up_and_national_login_pass_their_wishes_on(world: World) -> None:
    world.browser.get(world.browser.get(f"{world.url}/login?acr_values=urn:tongxing:loa:3&next=/").headers["Location"])
    assert world.op.last["authorize"]["acr_values"] == "urn:tongxing:loa:3"
    world.browser.get(world.browser.get(f"{world.url}/login?idp_hint=national").headers["Location"])
    assert world.op.last["authorize"]["idp_hint"] == "national"
    sent = query(world.browser.get(f"{world.url}/login?prompt=none").headers["Location"])
    assert "prompt" not in sent


def test_login_of_somebody_already_signed_in_goes_straight_on(world: World) -> None:
    world.sign_in()
    answer = world.browser.get(f"{world.url}/login?next=/cases")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/cases")


# --- renewing the access token ----------------------------------------------------------------------------------


def test_expired_access_token_is_renewed_without_the_person_noticing(world: World) -> None:
    world.op.access_token_life = 1
    world.sign_in()
    world.op.access_token_life = 600
    calls = world.op.calls["token"]
    assert world.browser.get(f"{world.url}/cases").status_code == 200
    assert world.op.calls["token"] == calls + 1
    assert world.browser.get(f"{world.url}/cases").status_code == 200
    assert world.op.calls["token"] == calls + 1


def test_many_requests_at_once_refresh_once(world: World) -> None:
    world.op.access_token_life = 1
    world.sign_in()
    world.op.access_token_life = 600
    cookie = world.browser.cookies(world.url)["tx_drivers"]
    calls, answers = world.op.calls["token"], []
    barrier = threading.Barrier(5)

    def ask() -> None:
        browser = Browser()
        browser.cookies(world.url).set("tx_drivers", cookie)
        barrier.wait()
        answers.append(browser.get(f"{world.url}/cases").status_code)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 5
    assert world.op.calls["token"] == calls + 1


def test_refused_refresh_ends_the_session_and_leads_to_the_login(world: World) -> None:
    world.op.access_token_life = 1
    world.sign_in()
    world.op.ended_sids.add(world.op.sid)
    world.op.has_sso_session = False
    answer = world.get("/cases")
    assert str(answer.url).startswith(world.op.issuer)


def test_unreachable_provider_at_refresh_keeps_the_session(world: World) -> None:
    world.op.access_token_life = 1
    world.sign_in()
    world.op.instead["token"] = lambda: ("", 502)
    assert world.browser.get(f"{world.url}/cases").status_code == 503
    del world.op.instead["token"]
    assert world.browser.get(f"{world.url}/cases").status_code == 200
