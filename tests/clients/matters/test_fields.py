"""Reading answers: what a portal sends becomes a value of the declared kind or a named reason, never an accident."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.matters.catalogue import declare_all
from clients.matters.fields import FieldError, read_answer
from clients.matters.regional import load_region
from clients.matters.schema import FormField
from clients.matters.text import text
from clients.matters.web.json_input import InputRefused, read_json_object
from clients.matters.web.sentences import _SENTENCES, sentence

TODAY = date(2026, 11, 23)
FIELDS = [item for matter in declare_all(load_region("xinjiang")).matters for item in matter.fields]
WORDS = text("甲", "a")
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))


@given(st.sampled_from(FIELDS), JSON)
@settings(max_examples=300)
def test_any_value_is_read_or_refused(item: FormField, raw: Any) -> None:
    try:
        value, _doubts = read_answer(item, raw, TODAY)
    except FieldError as error:
        assert error.code in _SENTENCES
    else:
        assert isinstance(value, {"integer": int, "checkbox": bool, "date": date}.get(item.kind, str) | None)
        json.dumps(value, default=str).encode("utf-8")


@given(st.sampled_from(FIELDS), JSON)
def test_reading_what_was_read_changes_nothing(item: FormField, raw: Any) -> None:
    try:
        value, _doubts = read_answer(item, raw, TODAY)
    except FieldError:
        return
    again, _doubts = read_answer(item, value.isoformat() if isinstance(value, date) else value, TODAY)
    assert again == value


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("text", "  王小明 ", "王小明"),
        ("text", "e\u0301", "\u00e9"),
        ("long_text", "a\r\nb\tc", "a\nb c"),
        ("integer", " 42 ", 42),
        ("integer", -7, -7),
        ("date", " 2024-02-29 ", date(2024, 2, 29)),
        ("checkbox", "on", True),
        ("checkbox", None, False),
        ("checkbox", "FALSE", False),
    ],
)
def test_answer_is_read_as(kind: Any, raw: Any, value: Any) -> None:
    assert read_answer(FormField(name="a", label=WORDS, kind=kind), raw, TODAY) == (value, ())


def test_missing_answer_to_an_optional_question_is_none() -> None:
    item = FormField(name="a", label=WORDS, required=False)
    assert [read_answer(item, raw, TODAY)[0] for raw in (None, "", "  ")] == [None, None, None]


@pytest.mark.parametrize(
    ("kind", "raw", "code"),
    [
        ("text", "a\nb", "unreadable_characters"),  # a line break has no place in one line
        ("text", "a\u200bb", "unreadable_characters"),
        ("text", "\ue000", "unreadable_characters"),
        ("text", 7, "wrong_type"),
        ("integer", "1e3", "not_a_number"),
        ("integer", "４２", "not_a_number"),
        ("date", "20240229", "not_a_date"),
        ("date", "2024-W09-4", "not_a_date"),
        ("date", "1899-12-31", "not_a_date"),
        ("date", "2127-01-01", "not_a_date"),
        ("checkbox", 1.0, "wrong_type"),
        ("checkbox", [], "wrong_type"),
    ],
)
def test_answer_is_refused_because(kind: Any, raw: Any, code: str) -> None:
    with pytest.raises(FieldError) as refused:
        read_answer(FormField(name="a", label=WORDS, kind=kind), raw, TODAY)
    assert refused.value.code == code


def test_every_reason_has_its_own_sentence(app: Flask) -> None:
    with app.test_request_context("/", headers={"Accept-Language": "zh"}):
        for code in _SENTENCES:
            said = sentence(FieldError(code, minimum=1, maximum=2))
            assert said and said.isascii() is False, code
        assert sentence(FieldError("something new")) == "内容无法识别。"


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_an_object_or_refused(body: bytes) -> None:
    with Flask("body").test_request_context("/", method="POST", data=body, content_type="application/json") as context:
        try:
            value = read_json_object(context.request)
        except InputRefused as error:
            assert error.status == 400 and error.description
        else:
            assert isinstance(value, dict)
            json.dumps(value).encode("utf-8")
