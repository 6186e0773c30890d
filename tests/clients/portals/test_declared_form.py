from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.portals.declared_form import PREFIX, DeclaredForm
from clients.portals.masking import masked

FIELDS: list[dict[str, Any]] = [
    {"name": "who", "label": "Who", "locked": True, "source": "identity", "value": "王", "section": "applicant"},
    {"name": "count", "label": "Count", "kind": "integer", "section": "matter"},
    {"name": "agree", "label": "Agree", "kind": "checkbox", "section": "handling"},
    {"name": "kind", "label": "Kind", "kind": "choice", "choices": ["a", {"value": 1, "label": "One"}]},
    {"name": "note", "label": "Note", "kind": "long_text", "section": "matter"},
]


def values(**sent: str) -> dict[str, Any]:
    return DeclaredForm(FIELDS).values_from({PREFIX + name: text for name, text in sent.items()})


@pytest.mark.parametrize(
    ("text", "value"),
    [("12", 12), (" 12 ", 12), ("-3", -3), ("1.5", 1.5), ("many", "many"), ("1e999", "1e999"), ("9" * 30, "9" * 30)],
)
def test_numbers_are_sent_as_numbers_and_the_rest_as_it_is(text: str, value: object) -> None:
    assert values(count=text)["count"] == value


@given(st.text())
def test_any_text_in_a_number_field_is_sent_on(text: str) -> None:
    value = values(count=text).get("count")
    assert value is None or isinstance(value, int | float | str)
    assert value == value  # noqa: PLR0124  not NaN, which JSON does not know


def test_checkbox_is_true_or_false() -> None:
    assert values(agree="y")["agree"] is True
    assert values()["agree"] is False


def test_locked_empty_and_undeclared_fields_are_not_sent() -> None:
    sent = values(who="somebody else", note="  ", other="x")
    assert sent == {"agree": False}


def test_fields_keep_their_order_by_section() -> None:
    sections = [(name, [item.name for item in items]) for name, items in DeclaredForm(FIELDS).sections()]
    assert sections == [("applicant", ["who"]), ("matter", ["count", "note"]), ("handling", ["agree"]), ("", ["kind"])]


def test_each_kind_has_its_control() -> None:
    controls = {item.name: item.control for item in DeclaredForm(FIELDS).fields}
    assert controls == {"who": "locked", "count": "input", "agree": "checkbox", "kind": "select", "note": "textarea"}


def test_choice_is_shown_by_its_label() -> None:
    form = DeclaredForm([{"name": "k", "label": "K", "locked": True, "value": 1, "choices": FIELDS[3]["choices"]}])
    assert form.fields[0].shown_value == "One"


def test_errors_go_to_their_fields_and_the_others_above_the_form() -> None:
    form = DeclaredForm(FIELDS, {"count": "x"}, {"count": "no number", "who": "not you", "gone": "unknown"})
    by_name = {item.name: item for item in form.fields}
    assert by_name["count"].errors == ["no number"] and by_name["count"].value == "x"
    assert by_name["who"].errors == [] and by_name["who"].value == "王"
    assert form.other_errors() == ["not you", "unknown"]


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        ("650102199001011234", "resident_id", "6501************34"),
        ("13800138000", "mobile", "138****8000"),
        ("+8613800138000", "mobile", "138****8000"),
        ("123456", "resident_id", "******"),
        ("", "mobile", None),
        (None, "mobile", None),
        (7, "mobile", None),
    ],
)
def test_masked_numbers_show_their_ends_only(value: object, kind: str, shown: str | None) -> None:
    assert masked(value, kind) == shown
