"""A portal in front of the real middle platform: what each says of fields, levels and cases fits the other."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from clients.matters.app import create_app as create_matters
from clients.matters.config import MattersSettings
from clients.matters.database import migrate
from tests.clients.matters.conftest import (
    ACT_AS,
    CERTIFICATE,
    CERTIFICATE_VALUES,
    MASTER_KEY,
    PERSON,
    REVIEW,
    REVIEW_VALUES,
)
from tests.clients.op import TestProvider
from tests.clients.portals.conftest import World, hidden, portal_world
from tests.clients.serving import answering, bind


@pytest.fixture
def real(op: TestProvider, database: str, client_key: ECKey, tmp_path: Path) -> Iterator[World]:
    """The drivers' portal, the provider, and the middle platform as it is deployed."""
    matters_database = f"sqlite:///{tmp_path / 'matters.sqlite3'}"
    migrate(matters_database)
    server = bind(lambda environ, start: matters(environ, start))  # noqa: PLW0108  its own address is a setting
    op.audience = f"http://127.0.0.1:{server.port}"
    matters = create_matters(
        MattersSettings(url=op.audience, issuer=op.issuer, database_url=matters_database, master_key=MASTER_KEY),
        tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    )
    op.person.update(PERSON)
    op.acr = "urn:tongxing:loa:3"
    with answering(server) as url, portal_world(op, client_key, database, url) as world:
        yield world
    matters.extensions["matters"].close()


def form_of(values: dict[str, object]) -> dict[str, str]:
    return {f"v-{name}": "y" if value is True else str(value) for name, value in values.items()}


def apply(world: World, matter: str, form: dict[str, str]) -> str:
    page = world.get(f"/matters/{matter}/apply")
    assert page.status_code == 200, page.text
    sent = {name: hidden(page.text, name) for name in ("csrf_token", "idempotency_key")}
    answer = world.browser.submit(f"{world.url}/matters/{matter}/apply", {**sent, **form})
    return str(answer.text)


def test_guide_is_public_and_tells_limits_and_level(real: World) -> None:
    assert "普货从业资格证网上申请" in real.get("/matters").text
    page = real.get(f"/matters/{CERTIFICATE}").text
    assert "20 个工作日" in page and 'data-level="3"' in page
    assert real.op.calls["authorize"] == 0


def test_certificate_is_applied_for_from_the_verified_identity(real: World) -> None:
    form = real.get(f"/matters/{CERTIFICATE}/apply").text
    assert "<dd>王小明</dd>" in form and "<dd>6501************19</dd>" in form
    page = apply(real, CERTIFICATE, form_of(CERTIFICATE_VALUES))
    assert "申请已提交" in page, page
    number = re.search(r'id="case-number">(\w{24})<', page)
    assert number
    assert CERTIFICATE_VALUES["training_school"] in page
    assert number[1] in real.get("/cases").text


def test_every_question_left_empty_is_named(real: World) -> None:
    page = apply(real, CERTIFICATE, {})
    assert 'id="error-summary-title"' in page
    for name in ("licence_number", "training_school", "handling_region", "truth_undertaking"):
        assert f'<a href="#v-{name}">' in page


def test_annual_review_is_for_companies_and_their_agents(real: World) -> None:
    alone = real.get(f"/matters/{REVIEW}/apply")
    assert alone.status_code == 403
    assert "prompt=select_account" in alone.text
    real.op.bend["access_token"] = lambda claims: claims.update(act_as=ACT_AS)
    real.op.person["act_as"] = ACT_AS
    real.browser.open(f"{real.url}/login?prompt=select_account&next=/identity")
    form = real.get(f"/matters/{REVIEW}/apply").text
    assert "新疆天山货运有限公司" in form
    page = apply(real, REVIEW, form_of(REVIEW_VALUES))
    assert "申请已提交" in page, page
    case = re.search(r'id="case-number">(\w{24})<', page)
    assert case and case[1] in real.get("/cases").text


def test_person_below_the_level_is_shown_the_ways_up(real: World) -> None:
    real.op.acr = "urn:tongxing:loa:2"
    answer = real.get(f"/matters/{CERTIFICATE}/apply")
    assert answer.status_code == 403 and 'id="level-step-up"' in answer.text


def test_case_is_withdrawn(real: World) -> None:
    page = apply(real, CERTIFICATE, form_of(CERTIFICATE_VALUES))
    number = re.search(r'id="case-number">(\w{24})<', page)
    assert number
    if 'id="case-withdraw"' not in page:
        pytest.fail(page)
    answer = real.post(f"/cases/{number[1]}/withdraw", {}, page=f"/cases/{number[1]}/withdraw")
    assert "申请已撤回" in answer.text and 'data-status="withdrawn"' in answer.text


def test_texts_come_in_english_too(real: World) -> None:
    token = hidden(real.get("/").text, "csrf_token")
    real.browser.submit(f"{real.url}/language", {"csrf_token": token, "locale": "en", "next": "/"})
    page = real.get(f"/matters/{CERTIFICATE}/apply").text
    assert "Training school" in page and "培训机构" not in page


def test_guide_of_a_matter_for_companies_can_be_read_by_a_person_too(real: World) -> None:
    real.sign_in()
    answer = real.get(f"/matters/{REVIEW}")
    assert answer.status_code == 200
    assert "请先选择您代表的企业" in answer.text and "prompt=select_account" in answer.text
