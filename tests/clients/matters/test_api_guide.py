"""The guide: open to everybody, in two languages, with the form as it applies to whoever asks."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.clients.matters.conftest import ACT_AS, CERTIFICATE, REVIEW, NewPerson
from tests.clients.op import TestProvider


def test_anybody_sees_the_list(app: Flask) -> None:
    rows = app.test_client().get("/api/matters").json
    assert [(row["number"], row["id"]) for row in rows] == [(1, CERTIFICATE), (7, REVIEW)]
    assert rows[0] == {
        "id": CERTIFICATE,
        "number": 1,
        "portal": "drivers",
        "title": "普货从业资格证网上申请",
        "summary": "总质量4500千克以上普通货运车辆的驾驶员首次申领从业资格证。",
        "minimum_level": 3,
        "applicants": ["person"],
        "statutory_days": 20,
        "promised_days": 5,
    }


@pytest.mark.parametrize(("portal", "found"), [("drivers", [CERTIFICATE]), ("vehicles", [REVIEW]), ("none", [])])
def test_list_of_one_portal(app: Flask, portal: str, found: list[str]) -> None:
    assert [row["id"] for row in app.test_client().get(f"/api/matters?portal={portal}").json] == found


@pytest.mark.parametrize("portal", ["%ff", "%00", "drivers&portal=vehicles", "%ed%a0%80"])
def test_unreadable_portal_is_400(app: Flask, portal: str) -> None:
    assert app.test_client().get(f"/api/matters?portal={portal}").status_code == 400


@pytest.mark.parametrize("wanted", ["en", "en-GB,en;q=0.9", "fr,en;q=0.5"])
def test_english_for_whoever_wants_it(app: Flask, wanted: str) -> None:
    row = app.test_client().get("/api/matters", headers={"Accept-Language": wanted}).json[0]
    assert row["title"].startswith("Certificate for drivers")


@pytest.mark.parametrize("wanted", ["", "zh-CN,zh;q=0.9,en;q=0.1", "fr", "*", "\x80", "en;q=0,zh"])
def test_chinese_for_everybody_else(app: Flask, wanted: str) -> None:
    row = app.test_client().get("/api/matters", headers={"Accept-Language": wanted}).json[0]
    assert row["title"] == "普货从业资格证网上申请"


def test_public_guide_knows_nobody(app: Flask) -> None:
    guide = app.test_client().get(f"/api/matters/{CERTIFICATE}").json
    assert all(field["value"] is None and field["locked"] is False for field in guide["fields"])
    assert {field["name"] for field in guide["fields"] if field["source"] == "identity"} >= {"applicant_name", "mobile"}
    assert guide["materials"] and guide["basis"] and guide["checks"]
    assert all(basis["mark"] for basis in guide["basis"])
    assert guide["limits"]["promised"]["mark"] == "project choice"


def test_form_is_filled_in_from_the_verified_identity(person: NewPerson) -> None:
    guide = person(level=0, scope="openid identity matters.read").get(f"/api/matters/{CERTIFICATE}").json
    known = {field["name"]: (field["value"], field["locked"]) for field in guide["fields"] if field["value"]}
    assert known == {
        "applicant_name": ("王小明", True),
        "applicant_id_type": ("111", True),
        "applicant_id_number": ("650101199003077219", True),
        "mobile": ("13800138000", True),
        "licence_number": ("650101199003077219", False),
    }


def test_form_for_a_company_names_the_company_and_its_agent(person: NewPerson) -> None:
    guide = person(act_as=ACT_AS).get(f"/api/matters/{REVIEW}").json
    known = {field["name"]: field["value"] for field in guide["fields"] if field["locked"]}
    assert known == {
        "organisation_name": ACT_AS["name"],
        "uscc": ACT_AS["uscc"],
        "agent_name": "王小明",
        "agent_id_number": "650101199003077219",
        "authorisation": "mandate-1",
        "mobile": "13800138000",
    }
    assert "applicant_name" not in {field["name"] for field in guide["fields"]}


def test_form_for_the_wrong_kind_of_applicant_is_403(person: NewPerson) -> None:
    answer = person().get(f"/api/matters/{REVIEW}")
    assert answer.status_code == 403 and answer.json["error"] == "applicant_not_allowed"


def test_bad_token_is_refused_even_where_none_is_needed(app: Flask) -> None:
    answer = app.test_client().get(f"/api/matters/{CERTIFICATE}", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401 and 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_client_acting_for_itself_reads_the_public_guide(person: NewPerson) -> None:
    guide = person(client_id="person-1", scope="matters.read").get(f"/api/matters/{CERTIFICATE}")
    assert guide.status_code == 200 and all(field["value"] is None for field in guide.json["fields"])


def test_guide_stays_open_while_the_provider_is_away(person: NewPerson, op: TestProvider, app: Flask) -> None:
    op.instead["openid-configuration"] = lambda: ("", 500)
    assert app.test_client().get(f"/api/matters/{CERTIFICATE}").status_code == 200
    answer = person().get(f"/api/matters/{CERTIFICATE}")
    assert answer.status_code == 503 and answer.json["error"] == "temporarily_unavailable"


def test_answers_fit_into_what_a_relying_party_reads(app: Flask) -> None:
    for matter in (CERTIFICATE, REVIEW):
        assert len(app.test_client().get(f"/api/matters/{matter}").data) < 64 * 1024


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "POST"])
def test_other_methods_are_405_in_json(app: Flask, method: str) -> None:
    answer = app.test_client().open("/api/matters", method=method)
    assert answer.status_code == 405 and answer.json["error"] == "method_not_allowed"
    assert "GET" in answer.headers["Allow"]


def test_unknown_address_is_404_in_json(app: Flask) -> None:
    answer = app.test_client().get("/api/nothing")
    assert answer.status_code == 404 and answer.json["error"] == "not_found"
