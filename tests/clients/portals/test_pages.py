"""A portal's pages over real HTTP: guide, form, sending, my applications, what goes wrong."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clients.portals.platform import Platform
from tests.clients.browser import Browser
from tests.clients.portals.conftest import World, hidden

GOOD = {"v-school": "乌鲁木齐驾校", "v-mileage": "1200", "v-class": "B2", "v-truth": "y", "v-first_issue": "2020-01-02"}


def apply(world: World, form: dict[str, str]) -> Any:
    page = world.get("/matters/certificate/apply").text
    sent = {name: hidden(page, name) for name in ("csrf_token", "idempotency_key")}
    return world.browser.submit(f"{world.url}/matters/certificate/apply", {**sent, **form})


def test_guide_can_be_read_without_signing_in(world: World) -> None:
    for path in ("/", "/matters", "/matters/certificate"):
        answer = world.get(path)
        assert (answer.status_code, str(answer.url)) == (200, world.url + path)
        assert "普货从业资格证网上申请" in answer.text
    assert "年龄不超过 63 周岁" in answer.text and "20 个工作日" in answer.text
    assert world.op.calls["authorize"] == 0


def test_start_page_leads_to_the_other_services(world: World) -> None:
    page = world.get("/").text
    for url in ("http://127.0.0.1:8202", "http://127.0.0.1:8100/hall", f"{world.op.issuer}/account"):
        assert f'href="{url}"' in page
    assert "idp_hint=national" in page and "prompt=create" in page


def test_form_shows_what_is_known_as_facts_and_asks_for_the_rest(world: World) -> None:
    page = world.get("/matters/certificate/apply").text
    assert 'name="v-name"' not in page
    assert re.search(r"<dt>姓名</dt><dd>王小明</dd>", page)
    assert re.search(r'<input class="input" type="date" id="v-first_issue"', page)
    assert re.search(r'id="v-mileage"[^>]*inputmode="numeric"', page)
    assert re.search(r'id="v-plate"[^>]*autocapitalize="characters"', page)
    assert '<option value="A2">牵引车</option>' in page
    assert re.search(r'<textarea[^>]*id="v-remarks"', page)
    assert re.search(r'type="checkbox" id="v-truth"', page)


def test_submitted_application_is_shown_with_its_number_and_state(world: World) -> None:
    answer = apply(world, GOOD)
    assert answer.status_code == 200
    number = next(iter(world.platform.cases))
    assert str(answer.url) == f"{world.url}/cases/{number}"
    assert "申请已提交" in answer.text and "待受理" in answer.text and number in answer.text
    assert world.platform.submitted[-1]["channel"] == 1
    assert world.platform.submitted[-1]["values"] == {
        "school": "乌鲁木齐驾校",
        "mileage": 1200,
        "class": "B2",
        "truth": True,
        "first_issue": "2020-01-02",
    }
    listed = world.get("/cases").text
    assert f'href="/cases/{number}"' in listed and "待受理" in listed


def test_errors_are_shown_at_their_fields_and_nothing_is_lost(world: World) -> None:
    answer = apply(world, {**GOOD, "v-school": "", "v-mileage": "many", "v-remarks": "急"})
    assert answer.status_code == 422
    assert '<a href="#v-school">培训机构：请填写培训机构</a>' in answer.text
    assert re.search(r'id="v-mileage"[^>]*value="many"[^>]*aria-invalid="true"', answer.text)
    assert '<option value="B2" selected>' in answer.text
    assert ">急</textarea>" in answer.text
    assert not world.platform.cases
    sent = {name: hidden(answer.text, name) for name in ("csrf_token", "idempotency_key")}
    again = world.browser.submit(f"{world.url}/matters/certificate/apply", {**sent, **GOOD})
    assert "申请已提交" in again.text and len(world.platform.cases) == 1


def test_sending_the_same_form_twice_makes_one_application(world: World) -> None:
    page = world.get("/matters/certificate/apply").text
    sent = {name: hidden(page, name) for name in ("csrf_token", "idempotency_key")} | GOOD
    url = f"{world.url}/matters/certificate/apply"
    first, second = world.browser.post(url, sent), world.browser.post(url, sent)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"]
    assert len(world.platform.cases) == 1
    changed = world.browser.submit(url, sent | {"v-school": "另一所"})
    assert "此前已经提交" in changed.text


def test_form_without_token_is_refused(world: World) -> None:
    world.sign_in()
    answer = world.browser.post(f"{world.url}/matters/certificate/apply", GOOD)
    assert answer.status_code == 400
    assert "表单已失效" in answer.text
    assert not world.platform.submitted


def test_own_fields_of_the_page_cannot_be_taken_for_declared_ones(world: World) -> None:
    apply(world, {**GOOD, "v-name": "别人", "school": "x"})
    assert world.platform.submitted[-1]["values"]["school"] == "乌鲁木齐驾校"
    assert "name" not in world.platform.submitted[-1]["values"]


# --- level ------------------------------------------------------------------------------------------------------


def test_level_too_low_offers_step_up_and_national_login(world: World) -> None:
    world.platform.minimum_level = 3
    answer = world.get("/matters/certificate/apply")
    assert answer.status_code == 403
    assert "需要更高的实名认证等级" in answer.text
    step_up = re.search(r'href="([^"]*)" id="level-step-up"', answer.text)
    national = re.search(r'href="([^"]*)" id="level-national"', answer.text)
    assert step_up and national
    assert "acr_values=urn:tongxing:loa:3" in step_up[1] and "next=/matters/certificate/apply" in step_up[1]
    assert "idp_hint=national" in national[1] and "acr_values=urn:tongxing:loa:3" in national[1]
    reached = world.get(step_up[1].replace("&amp;", "&"))
    assert reached.status_code == 200 and 'id="matter-form"' in reached.text


def test_level_still_too_low_after_step_up_says_what_is_missing(world: World) -> None:
    world.platform.minimum_level, world.op.reachable_acr = 3, "urn:tongxing:loa:2"
    page = world.get("/matters/certificate/apply").text
    step_up = re.search(r'href="([^"]*)" id="level-step-up"', page)
    assert step_up
    answer = world.get(step_up[1].replace("&amp;", "&"))
    assert answer.status_code == 403
    assert "人脸识别或银行卡核验" in answer.text
    assert world.op.calls["authorize"] == 2


def test_challenge_of_the_platform_leads_to_the_step_up_page(world: World) -> None:
    challenge = 'Bearer error="insufficient_user_authentication", acr_values="urn:tongxing:loa:4"'
    world.platform.instead["submit"] = lambda: ("{}", 401, {"WWW-Authenticate": challenge})
    answer = apply(world, GOOD)
    assert answer.status_code == 403
    assert "acr_values=urn:tongxing:loa:4" in answer.text


def test_guide_says_when_the_level_is_too_low(world: World) -> None:
    world.platform.minimum_level = 4
    world.sign_in()
    assert 'id="level-too-low"' in world.get("/matters/certificate").text
    world.platform.minimum_level = 2
    assert 'id="apply"' in world.get("/matters/certificate").text


# --- my applications --------------------------------------------------------------------------------------------


def test_nothing_applied_for_yet(world: World) -> None:
    assert "暂无办件" in world.get("/cases").text


def test_case_of_somebody_else_is_not_found(world: World) -> None:
    apply(world, GOOD)
    number = next(iter(world.platform.cases))
    world.platform.cases[number]["owner"] = "somebody-else"
    answer = world.get(f"/cases/{number}")
    assert answer.status_code == 404
    assert "您无权查看" in answer.text


def test_long_list_is_paged(world: World) -> None:
    apply(world, GOOD)
    original = next(iter(world.platform.cases.values()))
    for index in range(60):
        world.platform.cases[f"copy-{index}"] = {**original, "number": f"copy-{index}"}
    assert re.search(r'rel="next" href="/cases\?page=2"', world.get("/cases").text)
    last = world.get("/cases?page=2").text
    assert 'rel="next"' not in last and re.search(r'rel="prev" href="/cases\?page=1"', last)
    assert world.get("/cases?page=-5").status_code == 200
    assert world.get("/cases?page=x").status_code == 200


def test_case_is_withdrawn_after_a_confirmation(world: World) -> None:
    apply(world, GOOD)
    number = next(iter(world.platform.cases))
    assert 'id="case-withdraw"' in world.get(f"/cases/{number}").text
    answer = world.post(f"/cases/{number}/withdraw", {}, page=f"/cases/{number}/withdraw")
    assert "申请已撤回" in answer.text and "已撤回" in answer.text
    again = world.post(f"/cases/{number}/withdraw", {}, page="/identity")
    assert "办件状态已经变化" in again.text


def test_case_is_corrected_with_what_was_filled_in_before(world: World) -> None:
    apply(world, GOOD)
    number, case = next(iter(world.platform.cases.items()))
    case.update(status="correction_required", may=["correct"], notice=["培训机构名称不完整"])
    assert "培训机构名称不完整" in world.get(f"/cases/{number}").text
    path = f"/cases/{number}/correct"
    assert 'value="乌鲁木齐驾校"' in world.get(path).text
    wrong = world.post(path, {"v-school": ""}, page=path)
    assert wrong.status_code == 422 and "请填写培训机构" in wrong.text
    assert "补正内容已提交" in world.post(path, {"v-school": "乌鲁木齐第一驾校"}, page=path).text
    assert case["status"] == "resubmitted"


# --- identity, language, health, headers ------------------------------------------------------------------------


def test_identity_panel_masks_numbers_and_names_the_company(world: World) -> None:
    world.sign_in(act_as={"uscc": "91650100MA7AAAAA1X", "name": "天山货运有限公司", "role": "agent"})
    page = world.get("/identity").text
    assert "6501************34" in page and "650102199001011234" not in page
    assert "138****8000" in page and "13800138000" not in page
    assert "天山货运有限公司" in page and "经办人" in page
    assert "代表" in page and "prompt=select_account" in page


def test_language_is_switched_and_remembered(world: World) -> None:
    token = hidden(world.get("/").text, "csrf_token")
    answer = world.browser.submit(f"{world.url}/language", {"csrf_token": token, "locale": "en", "next": "/matters"})
    assert str(answer.url) == f"{world.url}/matters"
    assert '<html lang="en"' in answer.text and "Promised in 5 working days" in answer.text
    assert world.platform.languages[-1] == "en"
    back = world.browser.post(f"{world.url}/language", {"csrf_token": token, "locale": "zh", "next": "//evil.example"})
    assert back.headers["Location"] == "/"
    unknown = world.browser.post(
        f"{world.url}/language", {"csrf_token": token, "locale": "xx", "next": "/callback?a=1"}
    )
    assert unknown.headers["Location"] == "/"


def test_health_follows_the_database(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert world.get("/healthz").json() == {"status": "ok"}
    engine = world.app.extensions["portal"].login.store._engine
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE rp_session")
    assert world.get("/healthz").status_code == 503


def test_every_answer_carries_the_security_headers(world: World) -> None:
    for path in ("/", "/nowhere", "/callback", "/healthz", "/static/tongxing.css"):
        headers = world.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        if not path.startswith("/static"):
            assert headers["Cache-Control"] == "no-store"


def test_pages_have_no_inline_code_or_style(world: World) -> None:
    apply(world, GOOD)
    number = next(iter(world.platform.cases))
    for path in ("/", "/matters", "/matters/certificate", "/matters/certificate/apply", "/cases", f"/cases/{number}"):
        page = world.get(path).text
        assert "<script" not in page and "<style" not in page
        assert not re.search(r"\s(style|on\w+)=", page)


# --- bad input and outages --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/cases/%00",
        "/matters/%ff%fe",
        "/login?next=%00",
        "/login?next=/&next=/x",
        "/callback?state=%ff",
        "/cases?page=%00",
        "/matters/..%2f..%2fapi",
        "/login?acr_values=" + "x" * 5000,
    ],
)
def test_damaged_requests_are_answered_below_500(world: World, path: str) -> None:
    assert 200 <= world.browser.get(world.url + path).status_code < 500


def test_other_host_name_is_refused_except_for_health_checks(world: World) -> None:
    port = world.url.rsplit(":", 1)[1]
    for host in ("evil.example", f"localhost:{port}", "127.0.0.1"):
        answer = world.browser._request("GET", f"{world.url}/", headers={"Host": host})
        assert answer.status_code == 400 and "evil" not in answer.text
        assert world.browser._request("GET", f"{world.url}/healthz", headers={"Host": host}).status_code == 200


def test_oversized_form_is_refused(world: World) -> None:
    world.sign_in()
    answer = world.browser.post(f"{world.url}/matters/certificate/apply", {"v-school": "x" * 70_000})
    assert answer.status_code == 413


def test_unknown_matter_is_not_found(world: World) -> None:
    assert world.get("/matters/nothing").status_code == 404


@pytest.mark.parametrize("answer", [("", 500), ("<html>", 200), ("[1]", 200), ("{}", 200)])
def test_platform_that_answers_nonsense_is_a_plain_page(world: World, answer: tuple[str, int]) -> None:
    world.platform.instead["list"] = lambda: answer
    page = world.get("/matters")
    assert page.status_code == 503
    assert "业务系统暂时没有响应" in page.text


def test_slow_platform_is_a_plain_page_within_five_seconds(world: World, hang: Callable[[], None]) -> None:
    world.sign_in()
    assert world.settings.outbound_timeout == timedelta(seconds=5)
    world.app.extensions["portal"].platform_http.timeout = timedelta(seconds=0.5)
    world.platform.instead["cases"] = hang
    began = time.monotonic()
    answer = world.get("/cases")
    assert time.monotonic() - began < 5
    assert answer.status_code == 503 and "业务系统暂时没有响应" in answer.text


def test_token_the_platform_does_not_accept_leads_to_no_circle(world: World) -> None:
    world.platform.instead["cases"] = lambda: ('{"error":"invalid_token"}', 401)
    answer = world.get("/cases")
    assert answer.status_code == 403
    assert "prompt=login" in answer.text


def test_matter_for_companies_offers_to_choose_for_whom_one_acts(world: World) -> None:
    refusal = '{"error":"applicant_not_allowed","error_description":"仅限企业申请"}'
    world.platform.instead["submit"] = lambda: (refusal, 403)
    answer = apply(world, GOOD)
    assert answer.status_code == 403
    assert "仅限企业申请" in answer.text and "prompt=select_account" in answer.text


def test_other_refusals_of_the_platform_are_told_in_its_words(world: World) -> None:
    world.platform.instead["cases"] = lambda: ('{"error":"insufficient_scope","error_description":"缺少授权"}', 403)
    answer = world.get("/cases")
    assert answer.status_code == 403 and "缺少授权" in answer.text


def test_access_token_of_a_person_does_not_appear_in_any_page(world: World) -> None:
    world.sign_in()
    browser: Browser = world.browser
    token = browser.cookies(world.url)["tx_drivers"]
    session = world.app.extensions["portal"].login.store.find_session(token, now=datetime.now(UTC))
    assert session
    for path in ("/", "/identity", "/cases", "/matters/certificate/apply"):
        page = world.get(path).text
        for secret in (session.login.access_token, session.login.refresh_token, session.login.id_token_raw, token):
            assert secret not in page
    assert session.login.access_token not in repr(Platform(None, "", "zh", session.login.access_token))  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/?%ff", "/matters?a=%c3%28", "/nowhere?%ff", "/login?next=%ff", "/callback?%80=1"])
def test_query_that_is_no_utf8_is_answered_below_500(world: World, path: str) -> None:
    assert 200 <= world.browser.get(world.url + path).status_code < 500


def test_form_that_is_no_utf8_or_carries_nul_is_refused(world: World) -> None:
    page = world.get("/matters/certificate/apply").text
    sent = "&".join(f"{name}={hidden(page, name)}" for name in ("csrf_token", "idempotency_key")) + "&v-school="
    for text in ("%ff", "%00", "%ed%a0%80"):
        answer = world.browser._request(
            "POST",
            f"{world.url}/matters/certificate/apply",
            content=sent + text,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert answer.status_code == 400, text
    assert not world.platform.submitted
    assert "v-school" in world.browser.post(f"{world.url}/matters/certificate/apply", _decoded(sent)).text


def _decoded(form: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in form.split("&"))
