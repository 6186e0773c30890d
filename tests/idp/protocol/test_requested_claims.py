"""The claims parameter as data: whatever text comes, it is read or refused, never a crash."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from idp.protocol.requested_claims import MEMBERS, MalformedClaims, RequestedClaims, parse

values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(max_size=8),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
wishes = some.none() | some.fixed_dictionaries(
    {}, optional={"essential": some.booleans(), "value": some.text("abc"), "values": some.lists(some.text("abc"))}
)
claims = some.dictionaries(some.sampled_from(["name", "acr", "email", "made_up"]), wishes)


@given(some.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(MalformedClaims):
        parse(text)


@given(values)
@settings(max_examples=500, deadline=None)
def test_any_json_is_read_or_refused_and_what_is_read_can_be_stored(value: Any) -> None:
    try:
        found = parse(json.dumps(value))
    except MalformedClaims:
        return
    assert isinstance(value, dict)
    json.dumps(found.as_dict()).encode("utf-8")


@given(some.fixed_dictionaries({}, optional={member: claims for member in MEMBERS}))
@settings(max_examples=300, deadline=None)
def test_what_is_well_formed_is_kept_as_it_is(value: dict[str, Any]) -> None:
    found = parse(json.dumps(value))
    assert found.as_dict() == value
    assert found.names == {name for member in value.values() for name in member}
    kept = found.only({"name"})
    assert kept.names <= {"name"}


@pytest.mark.parametrize(
    "text", ['{"id_token":{"a":null,"a":null}}', '{"id_token":{"a":{"value":1e999}}}', '{"a":Infinity}']
)
def test_what_json_leaves_open_is_refused(text: str) -> None:
    with pytest.raises(MalformedClaims):
        parse(text)


def test_acr_values_are_the_voluntary_acr_claim() -> None:
    """OpenID Connect Core §5.5.1.1."""
    assert RequestedClaims().with_acr_values(["x"]).of("id_token", "acr") == {"values": ["x"]}
    assert RequestedClaims().with_acr_values([]).of("id_token", "acr") is None
    named = parse('{"id_token":{"acr":null,"name":null}}')
    assert named.with_acr_values(["x"]).as_dict() == {"id_token": {"acr": {"values": ["x"]}, "name": None}}
    demanded = parse('{"id_token":{"acr":{"essential":true,"value":"y"}}}')
    assert demanded.with_acr_values(["x"]) is demanded
