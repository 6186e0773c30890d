"""Every declared matter is complete, holds together and is found by being there."""

from __future__ import annotations

import pkgutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from clients.matters import catalogue
from clients.matters.applicant import Applicant
from clients.matters.catalogue import Catalogue, declare_all
from clients.matters.checking import passed
from clients.matters.profiles import WORKFLOWS
from clients.matters.regional import Marked, load_region
from clients.matters.schema import Check, Choice, FormField, Limits, Matter
from clients.matters.submission import questions
from clients.matters.text import text
from tests.clients.matters.conftest import ACT_AS, CERTIFICATE, PERSON, REVIEW

REGION = load_region("xinjiang")
CATALOGUE = declare_all(REGION)
EACH = pytest.mark.parametrize("matter", CATALOGUE.matters, ids=lambda matter: matter.id)
WORDS = text("甲", "a")


def test_matters_are_collected_from_their_files() -> None:
    names = [module.name for module in pkgutil.iter_modules(catalogue.__path__)]
    assert sorted(matter.id for matter in CATALOGUE.matters) == sorted(names)
    assert {CERTIFICATE, REVIEW} <= set(names)


def test_numbers_are_those_of_the_administrations_list() -> None:
    assert {matter.id: matter.number for matter in CATALOGUE.matters} == {CERTIFICATE: 1, REVIEW: 7}


@EACH
def test_matter_names_a_workflow_and_a_portal(matter: Matter) -> None:
    assert matter.profile in WORKFLOWS
    assert matter.portal in {"drivers", "vehicles"}


@EACH
def test_every_kind_of_applicant_has_a_form_with_place_and_undertaking(matter: Matter) -> None:
    for kind in matter.applicants:
        act_as = ACT_AS if kind == "organisation" else None
        form = questions(matter, Applicant("https://issuer.example", "person-1", "client", PERSON, act_as))
        names = [question.field.name for question in form]
        assert {"handling_region", "delivery", "truth_undertaking", "mobile"} <= set(names)
        assert [q.field.name for q in form if q.locked and q.value is None] == []


@EACH
def test_identity_of_the_applicant_is_locked(matter: Matter) -> None:
    for item in matter.fields:
        is_identity = item.claim in {
            "name",
            "id_number",
            "id_type",
            "uscc",
            "organisation_name",
            "agent_name",
            "mandate",
        }
        # The licence's number is as a rule the same as the identity number, but another document's.
        assert item.locks or not is_identity or item.name == "licence_number", item.name


@EACH
def test_every_limit_says_where_it_comes_from(matter: Matter) -> None:
    for value in (matter.limits.statutory_days, matter.limits.promised_days, matter.minimum_level):
        assert value.source and value.mark


def test_no_limit_level_or_age_is_hidden_in_code() -> None:
    with pytest.raises(KeyError):
        REGION.integer("rules.unknown")
    with pytest.raises(ValidationError):
        REGION.integer("rules.exam_mode")
    assert REGION.integer("rules.age_max").alternative == 60


def test_region_is_read_from_its_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_region("atlantis")


def test_two_matters_of_one_number_are_refused() -> None:
    first = CATALOGUE.matters[0]
    with pytest.raises(ValueError, match="two matters are called"):
        Catalogue([first, first.model_copy(update={"id": "other"})])


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Name"},
        {"name": "a", "kind": "choice"},
        {"name": "a", "choices": (Choice(value="1", label=WORDS),)},
        {"name": "a", "kind": "date", "format": "vin"},
        {"name": "a", "must_be_ticked": True},
        {"name": "a", "unknown": True},
    ],
)
def test_field_that_contradicts_itself_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FormField(label=WORDS, **wrong)


def test_who_is_sent_away_must_be_told_where_to_go() -> None:
    with pytest.raises(ValidationError, match="must be told where to go"):
        Check(id="a", text=WORDS, run=lambda _facts: passed(), on_failure="not_accepted", mark="project choice")


@pytest.mark.parametrize(("statutory", "promised"), [(20, 21), (20, 0), (0, 0)])
def test_promise_is_never_longer_than_the_law(statutory: int, promised: int) -> None:
    def days(value: int) -> Marked[int]:
        return Marked[int](value=value, source="a", mark="project choice")

    with pytest.raises(ValidationError):
        Limits(statutory_days=days(statutory), promised_days=days(promised))


@pytest.mark.parametrize("change", [{"fields": CATALOGUE.matters[0].fields * 2}, {"number": 0}, {"applicants": ()}])
def test_matter_that_does_not_hold_together_is_refused(change: dict[str, Any]) -> None:
    first = CATALOGUE.matters[0]
    values = {name: getattr(first, name) for name in Matter.model_fields}
    with pytest.raises(ValidationError):
        Matter(**{**values, **change})
