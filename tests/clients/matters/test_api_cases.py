"""Following one's cases over HTTP: whose they are, what they show, correcting, withdrawing, what time does to them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, update

from clients.matters.clerk import Clerk
from clients.matters.tables import cases
from tests.clients.matters.conftest import (
    ACT_AS,
    CERTIFICATE,
    CERTIFICATE_VALUES,
    REVIEW,
    REVIEW_VALUES,
    Clock,
    NewPerson,
    Person,
)
from tests.clients.op import TestProvider

WRONG_CLASS = {**CERTIFICATE_VALUES, "licence_class": "C1"}
OTHER_PERSON = {"sub": "person-2", "name": "张三", "id_number": "652801200002290013"}


def filed(someone: Person, values: dict[str, Any] = CERTIFICATE_VALUES, key: str = "key-00000001") -> dict[str, Any]:
    answer = someone.submit(CERTIFICATE, values, key)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def test_own_cases_newest_first(person: NewPerson, both_engines: str) -> None:
    someone = person()
    numbers = [filed(someone, key=f"key-{n:08}")["number"] for n in range(3)]
    answer = someone.get("/api/cases")
    assert [row["number"] for row in answer.json] == numbers[::-1]
    assert answer.json[0] == {
        "number": numbers[-1],
        "matter": {"id": CERTIFICATE, "title": "普货从业资格证网上申请"},
        "status": "accepted",
        "status_label": "已受理",
        "submitted_at": "2026-11-23T02:00:00Z",
        "updated_at": "2026-11-23T02:00:00Z",
    }
    assert "Link" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


def test_long_lists_come_in_pages(person: NewPerson, clerk: Clerk) -> None:
    someone = person()
    for n in range(51):
        filed(someone, key=f"key-{n:08}")
    first = someone.get("/api/cases")
    assert len(first.json) == 50 and first.headers["Link"] == '</api/cases?page=2>; rel="next"'
    second = someone.get("/api/cases?page=2")
    assert len(second.json) == 1 and "Link" not in second.headers


def test_own_cases_are_seen_without_telling_who_one_is(person: NewPerson, op: TestProvider) -> None:
    number = filed(person())["number"]
    op.instead["userinfo"] = lambda: ("", 500)
    reader = person(scope="matters.read")
    assert [row["number"] for row in reader.get("/api/cases").json] == [number]
    assert reader.get(f"/api/cases/{number}").status_code == 200


def test_terms_in_a_year_without_announced_holidays_are_provisional(person: NewPerson, clock: Clock) -> None:
    someone = person()
    assert filed(someone)["due_dates_provisional"] is False
    clock.advance(30)
    assert filed(someone, key="key-00000002")["due_dates_provisional"] is True


@pytest.mark.parametrize("query", ["page=1&page=2", "page=1&page=1"])
def test_parameter_given_twice_is_400(person: NewPerson, query: str) -> None:
    assert person().get(f"/api/cases?{query}").status_code == 400


@pytest.mark.parametrize("page", ["0", "-1", "x", "", "1.0", "９", "99999999999999999999", "1%00"])
def test_nonsense_page_is_400(person: NewPerson, page: str) -> None:
    assert person().get(f"/api/cases?page={page}").status_code == 400


def test_another_persons_case_does_not_exist(person: NewPerson) -> None:
    number = filed(person())["number"]
    other = person(claims=OTHER_PERSON)
    assert other.get(f"/api/cases/{number}").status_code == 404
    assert other.post(f"/api/cases/{number}/withdrawal").status_code == 404
    assert other.post(f"/api/cases/{number}/corrections", {"values": {}}).status_code == 404
    assert other.get("/api/cases").json == []


def test_same_subject_of_another_provider_would_be_another_person(clerk: Clerk) -> None:
    assert clerk.secrecy.index("subject", "a", "b") != clerk.secrecy.index("subject", "ab", "")


def test_companys_cases_are_seen_by_colleagues_and_only_when_acting_for_it(person: NewPerson) -> None:
    agent = person(act_as=ACT_AS)
    number = agent.submit(REVIEW, REVIEW_VALUES).json["number"]
    colleague = person(act_as=ACT_AS, claims=OTHER_PERSON)
    assert colleague.get(f"/api/cases/{number}").json["number"] == number
    in_own_name = person()
    assert in_own_name.get("/api/cases").json == []
    assert in_own_name.get(f"/api/cases/{number}").status_code == 404
    elsewhere = person(act_as={**ACT_AS, "uscc": "91650100228601232D"})
    assert elsewhere.get(f"/api/cases/{number}").status_code == 404


def test_agents_identity_number_is_masked_for_colleagues(person: NewPerson) -> None:
    number = person(act_as=ACT_AS).submit(REVIEW, REVIEW_VALUES).json["number"]
    seen = person(act_as=ACT_AS, claims=OTHER_PERSON).get(f"/api/cases/{number}").text
    assert "650101199003077219" not in seen and "650101**********19" in seen


@pytest.mark.parametrize(
    "number", ["1", "65010420261122107000042C", "65010420261122107000042D", "%00", "x" * 2000, "通"]
)
def test_number_that_is_nobodys_is_404(person: NewPerson, number: str) -> None:
    answer = person().get(f"/api/cases/{number}")
    assert answer.status_code == 404 and answer.json["error"] == "not_found"


def test_case_is_shown_in_the_language_of_the_request(person: NewPerson) -> None:
    number = filed(person())["number"]
    case = person(language="en").get(f"/api/cases/{number}").json
    assert case["status_label"] == "Accepted"
    assert case["matter"]["title"].startswith("Certificate for drivers")
    shown = {row["name"]: row["value"] for row in case["fields"]}
    assert shown["vehicle_mass"] == "Above 4,500 kg total mass" and shown["truth_undertaking"] == "Yes"
    assert shown["licence_number"] == "650101**********19"
    assert {row["outcome_label"] for row in case["checks"]} == {
        "Passed",
        "Not applicable",
        "To be checked by an officer",
    }
    assert [step["actor_label"] for step in case["history"]] == ["Applicant", "System", "System"]


def test_correction_is_required_once_with_everything_that_is_wrong(person: NewPerson, both_engines: str) -> None:
    someone = person()
    wrong = {**WRONG_CLASS, "training_completed": "1980-01-01"}
    case = filed(someone, wrong)
    assert case["status"] == "correction_required" and case["may"] == ["correct", "withdraw"]
    assert len(case["notice"]) == 2
    assert case["due_dates"]["correction"] == "2026-12-23" and case["due_dates"]["acceptance"] is None
    corrected = someone.post(f"/api/cases/{case['number']}/corrections", {"values": CERTIFICATE_VALUES})
    assert corrected.status_code == 200, corrected.text
    assert corrected.json["status"] == "accepted" and corrected.json["notice"] == []
    assert corrected.json["values"]["licence_class"] == "B2"
    assert corrected.json["query_code"] == case["query_code"]
    assert [step["event"] for step in corrected.json["history"]] == [
        "submit",
        "pre_check",
        "require_correction",
        "resubmit",
        "accept",
    ]
    assert "1980" not in corrected.text


def test_what_was_told_once_is_not_asked_for_again(person: NewPerson) -> None:
    someone = person()
    number = filed(someone, WRONG_CLASS)["number"]
    again = someone.post(f"/api/cases/{number}/corrections", {"values": {**WRONG_CLASS, "licence_class": "C2"}}).json
    assert again["status"] == "resubmitted" and again["may"] == ["withdraw"]
    assert again["due_dates"]["acceptance"] == "2026-11-30"


def test_newly_wrong_items_may_be_asked_for(person: NewPerson) -> None:
    someone = person()
    number = filed(someone, WRONG_CLASS)["number"]
    newly = {**CERTIFICATE_VALUES, "training_completed": "1980-01-01"}
    case = someone.post(f"/api/cases/{number}/corrections", {"values": newly}).json
    assert case["status"] == "correction_required" and case["notice"] == ["结业日期早于出生日期。"]


def test_bad_correction_changes_nothing(person: NewPerson) -> None:
    someone = person()
    before = filed(someone, WRONG_CLASS)
    answer = someone.post(f"/api/cases/{before['number']}/corrections", {"values": {"licence_class": ""}})
    assert answer.status_code == 422
    assert someone.get(f"/api/cases/{before['number']}").json == before


def test_place_of_handling_stays_what_the_number_says(person: NewPerson) -> None:
    someone = person()
    number = filed(someone, WRONG_CLASS)["number"]
    elsewhere = {**CERTIFICATE_VALUES, "handling_region": "659001"}
    answer = someone.post(f"/api/cases/{number}/corrections", {"values": elsewhere})
    assert answer.status_code == 422 and set(answer.json["errors"]) == {"handling_region"}


def test_accepted_case_cannot_be_corrected(person: NewPerson) -> None:
    someone = person()
    number = filed(someone)["number"]
    answer = someone.post(f"/api/cases/{number}/corrections", {"values": CERTIFICATE_VALUES})
    assert answer.status_code == 409 and answer.json["error"] == "not_possible_now"


def test_who_needs_no_permit_is_told_so_at_once(person: NewPerson) -> None:
    case = filed(person(), {**CERTIFICATE_VALUES, "vehicle_mass": "up_to_4500"})
    assert case["status"] == "not_accepted" and case["status_label"] == "不予受理"
    assert case["notice"] == ["驾驶总质量4500千克及以下普通货运车辆无需从业资格证。"]
    assert case["due_dates"]["promised"] is None and case["may"] == []


def test_withdrawn_case_has_ended(person: NewPerson, both_engines: str) -> None:
    someone = person()
    number = filed(someone)["number"]
    case = someone.post(f"/api/cases/{number}/withdrawal").json
    assert case["status"] == "withdrawn" and case["may"] == []
    assert set(case["due_dates"].values()) == {None}
    assert someone.post(f"/api/cases/{number}/withdrawal").status_code == 409


def test_of_eight_withdrawals_at_once_one_counts(person: NewPerson, both_engines: str) -> None:
    someone = person()
    number = filed(someone)["number"]

    def withdraw(_: int) -> int:
        again = Person(someone.client.application.test_client(), someone.token)
        return again.post(f"/api/cases/{number}/withdrawal").status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(withdraw, range(8)))
    assert statuses == [200] + [409] * 7
    history = someone.get(f"/api/cases/{number}").json["history"]
    assert [step["event"] for step in history] == ["submit", "pre_check", "accept", "withdraw"]


def test_correction_that_never_comes_closes_the_case(person: NewPerson, clock: Clock) -> None:
    someone = person()
    number = filed(someone, WRONG_CLASS)["number"]
    clock.advance(30)
    assert someone.get(f"/api/cases/{number}").json["status"] == "correction_required"
    clock.advance(1)
    assert someone.get("/api/cases").json[0]["status"] == "closed"
    answer = someone.post(f"/api/cases/{number}/corrections", {"values": CERTIFICATE_VALUES})
    assert answer.status_code == 409


def test_silent_authority_has_accepted_from_the_day_of_receipt(person: NewPerson, clock: Clock) -> None:
    someone = person()
    number = filed(someone, WRONG_CLASS)["number"]
    clock.advance(1)
    someone.post(f"/api/cases/{number}/corrections", {"values": {**WRONG_CLASS, "licence_class": "C2"}})
    clock.advance(7)  # Tuesday 24 November; the fifth working day is Tuesday 1 December
    assert someone.get(f"/api/cases/{number}").json["status"] == "resubmitted"
    clock.advance(1)
    case = someone.get(f"/api/cases/{number}").json
    assert case["status"] == "accepted" and case["accepted_at"] == "2026-11-24T02:00:00Z"
    assert case["due_dates"]["promised"] == "2026-12-01"
    assert case["history"][-1]["event"] == "lapse_to_accepted"


def test_overdue_cases_are_settled_by_the_daily_job(person: NewPerson, clock: Clock) -> None:
    someone = person()
    filed(someone, WRONG_CLASS)
    filed(someone, key="key-00000002")
    clock.advance(31)
    job = someone.client.application.test_cli_runner()
    assert [job.invoke(args=["settle-overdue"]).output for _ in range(2)] == ["1\n", "0\n"]
    assert [row["status"] for row in someone.get("/api/cases").json] == ["accepted", "closed"]


def test_case_that_somebody_moved_meanwhile_is_left_as_it_is(
    person: NewPerson, clerk: Clerk, engine: Engine, clock: Clock
) -> None:
    someone = person()
    number = filed(someone, WRONG_CLASS)["number"]
    with engine.begin() as connection:
        stale = clerk.cases.overdue(clock().date().replace(year=2030))[0]
        connection.execute(update(cases).where(cases.c.number == number).values(version=cases.c.version + 1))
    clock.advance(31)
    assert clerk.settle(stale, clock()).state == "correction_required"


def test_ciphertext_of_one_case_does_not_open_in_another(person: NewPerson, engine: Engine) -> None:
    someone = person()
    first, second = filed(someone)["number"], filed(someone, key="key-00000002")["number"]
    with engine.begin() as connection:
        sealed = connection.execute(cases.select().where(cases.c.number == first)).one().content_sealed
        connection.execute(update(cases).where(cases.c.number == second).values(content_sealed=sealed))
    someone.client.application.testing = False
    assert someone.get(f"/api/cases/{second}").status_code == 500
    assert "王小明" not in someone.get(f"/api/cases/{second}").text
