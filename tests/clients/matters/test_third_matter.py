"""A further matter is one new file: its form, filing, checks, clocks and workflow need nothing else."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.matters import catalogue
from tests.clients.matters.conftest import ACT_AS, NewPerson

DECLARATION = '''
"""Matter 11, 机动车维修备案, cut down to what this test needs."""

from clients.matters.checking import failed, passed
from clients.matters.regional import Marked
from clients.matters.schema import Basis, Check, FormField, Limits, Matter, Outcome, Routing
from clients.matters.standing_fields import applicant_fields, handling_fields
from clients.matters.text import text


def is_large_enough(facts):
    return passed() if facts.values["area"] >= 100 else failed("面积不足。", "Too small.")


def declare(region):
    days = Marked[int](value=5, source="条例 39", mark="source read")
    return Matter(
        number=11, id="repair_shop_filing", title=text("机动车维修备案", "Repair shop filing"),
        summary=text("备案", "Filing"),
        portal="repair", profile="filing", applicants=("organisation",),
        minimum_level=Marked[int](value=2, source="本系统", mark="project choice"),
        authority=text("县级", "County"), version="1",
        basis=(Basis(text=text("条例 39", "Regulation, article 39"), version="2023", mark="source read"),),
        fields=(*applicant_fields(), FormField(name="area", label=text("面积", "Area"), kind="integer", minimum=1),
                *handling_fields()),
        checks=(Check(id="area_enough", text=text("面积", "Area"), run=is_large_enough, mark="project choice"),),
        limits=Limits(statutory_days=days, promised_days=days),
        routing=Routing(level="region", mark="project choice"),
        outcome=Outcome(document=text("备案表", "Filing form"), mark="project choice"),
    )
'''
VALUES = {
    "legal_representative": "李建国",
    "address": "石河子市",
    "area": 120,
    "handling_region": "659001",
    "delivery": "self",
    "truth_undertaking": True,
}


@pytest.fixture(autouse=True)
def further_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "repair_shop_filing.py").write_text(DECLARATION, encoding="utf-8")
    monkeypatch.setattr(catalogue, "__path__", [*catalogue.__path__, str(folder)])
    importlib.invalidate_caches()
    yield
    sys.modules.pop("clients.matters.catalogue.repair_shop_filing", None)


def test_it_is_offered_filed_and_followed(further_file: None, person: NewPerson) -> None:
    someone = person(level=2, act_as=ACT_AS)
    assert [row["number"] for row in someone.get("/api/matters").json] == [1, 7, 11]
    case = someone.submit("repair_shop_filing", VALUES).json
    assert case["status"] == "filed" and case["number"][:6] == "659001" and case["number"][15:17] == "11"
    assert case["authority"]["code"] == "650000"
    assert case["due_dates"]["delivery"] == "2026-12-07" and case["due_dates"]["promised"] is None
    assert case["accepted_at"] is not None and case["may"] == []


def test_its_rules_lead_to_a_correction(person: NewPerson) -> None:
    someone = person(level=2, act_as=ACT_AS)
    case = someone.submit("repair_shop_filing", {**VALUES, "area": 50}).json
    assert case["status"] == "correction_required" and case["notice"] == ["面积不足。"]
    corrected = someone.post(f"/api/cases/{case['number']}/corrections", {"values": VALUES}).json
    assert corrected["status"] == "filed"
