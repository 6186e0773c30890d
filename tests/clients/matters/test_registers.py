"""Registers are asked over HTTP; whatever goes wrong means unreachable, never an answer."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, jsonify, request

from clients.matters.clerk import Clerk
from clients.matters.config import MattersSettings
from clients.matters.registers import BUDGET, OPERATOR, VEHICLE, Registers, RegisterUnreachable
from tests.clients.matters.conftest import ACT_AS, REVIEW, REVIEW_VALUES, NewPerson
from tests.clients.serving import serving

TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.fixture
def register() -> Iterator[tuple[str, dict[str, Any]]]:
    """A register's address, and what it is about to answer by service."""
    answers: dict[str, Any] = {}
    app = Flask("register")

    @app.post("/records")
    def records() -> Any:
        asked = request.get_json()
        answer = answers.get(asked["service"], ("", 404))
        return answer() if callable(answer) else answer

    app.post("/elsewhere/records")(lambda: jsonify(never="asked"))
    with serving(app) as url:
        yield url, answers


@pytest.fixture
def settings(settings: MattersSettings, register: tuple[str, dict[str, Any]]) -> MattersSettings:
    names = ("operator", "vehicle", "inspection_report")
    return settings.model_copy(update={"registers": dict.fromkeys(names, register[0])})


def test_record_is_found_or_not(register: tuple[str, dict[str, Any]]) -> None:
    url, answers = register
    registers = Registers({OPERATOR: url}, TLS)
    assert registers.ask(OPERATOR, {"uscc": "x"}) is None
    answers[OPERATOR] = {"status": "1"}
    assert registers.ask(OPERATOR, {"uscc": "x"}) == {"status": "1"}
    registers.close()


@pytest.mark.parametrize("broken", [("", 500), ("", 302), ("<html>", 200), ("[]", 200), ("", 200), ("x" * 70_000, 200)])
def test_nonsense_is_unreachable(register: tuple[str, dict[str, Any]], broken: Any) -> None:
    url, answers = register
    answers[OPERATOR] = broken
    registers = Registers({OPERATOR: url}, TLS)
    with pytest.raises(RegisterUnreachable):
        registers.ask(OPERATOR, {"uscc": "x"})
    registers.close()


def test_register_that_is_not_connected_or_not_there_is_unreachable() -> None:
    registers = Registers({OPERATOR: "http://127.0.0.1:1"}, TLS)
    for service in (OPERATOR, VEHICLE):
        with pytest.raises(RegisterUnreachable):
            registers.ask(service, {})
    registers.close()


def test_case_is_checked_with_the_registers_that_answer(
    person: NewPerson, register: tuple[str, dict[str, Any]]
) -> None:
    register[1].update(
        operator={"status": "1"},
        vehicle={"status": "10", "uscc": ACT_AS["uscc"]},
        inspection_report={"vin": "LZZ1CLWB8NW000001"},
    )
    case = person(act_as=ACT_AS).submit(REVIEW, REVIEW_VALUES).json
    assert {check["outcome"] for check in case["checks"]} == {"passed"}


def test_registers_that_hang_cost_the_applicant_seconds_and_an_officers_look(
    person: NewPerson,
    register: tuple[str, dict[str, Any]],
    hang: Callable[[], None],
    clerk: Clerk,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert BUDGET.total_seconds() == 4
    monkeypatch.setattr("clients.matters.registers.BUDGET", timedelta(seconds=0.5))
    clerk.registers._http.timeout = timedelta(seconds=20)  # for each: only the budget can end it soon
    register[1].update(operator=hang, vehicle=hang, inspection_report=hang)
    someone = person(act_as=ACT_AS)
    started = time.monotonic()
    answer = someone.submit(REVIEW, REVIEW_VALUES)
    assert time.monotonic() - started < 15
    assert answer.status_code == 201
    by_hand = {check["id"] for check in answer.json["checks"] if check["outcome"] == "by_hand"}
    assert by_hand == {"report_registered", "operator_in_business", "vehicle_in_operation"}
