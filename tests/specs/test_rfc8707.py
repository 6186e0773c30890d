"""Resource indicators at the token endpoint (RFC 8707 §2.2); /authorize is in test_oidc_core_authorize.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from idp.config import Settings
from tests.token_side import Caller, TokenSide

ISSUER = "http://127.0.0.1:8000"
A, B, DEFAULT = "https://a.example", "https://b.example", "https://default.example"
SCOPE = "openid profile a.read b.read"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, resource_scopes={"a.read": A, "b.read": B}, default_resource=DEFAULT)


@pytest.fixture
def caller(side: TokenSide) -> Caller:
    return side.caller(scope=SCOPE)


def audience(side: TokenSide, body: dict[str, Any]) -> Any:
    return side.read(body["access_token"]).claims["aud"]


@pytest.mark.parametrize(
    ("resource", "expected"),
    [(None, [A, B]), ("", [A, B]), (A, A), ([A], A), ([B, A], [B, A]), ([A, A], A)],
)
def test_a_client_for_itself_names_the_resources_it_means(
    side: TokenSide, caller: Caller, resource: Any, expected: Any
) -> None:
    response = caller.token("client_credentials", resource=resource)
    assert audience(side, response.json) == expected


@pytest.mark.parametrize("resource", ["https://c.example", f"{A}/", "a", "é", ISSUER, [A, "https://c.example"]])
def test_a_resource_it_has_no_scope_for_is_refused(caller: Caller, resource: Any) -> None:
    response = caller.token("client_credentials", resource=resource)
    assert (response.status_code, response.json["error"]) == (400, "invalid_target")


def test_a_resource_outside_the_scope_asked_for_is_refused(caller: Caller) -> None:
    response = caller.token("client_credentials", scope="a.read", resource=B)
    assert response.json["error"] == "invalid_target"


def test_the_default_resource_serves_scopes_of_no_other(side: TokenSide) -> None:
    other = side.caller("other", scope="c.read")
    assert audience(side, other.token("client_credentials").json) == DEFAULT


GRANTED = {"scope": frozenset({"openid", "a.read", "b.read"}), "audience": (A, B, ISSUER)}


@pytest.mark.parametrize(
    ("resource", "expected"),
    [(None, [A, B, ISSUER]), (A, [A, ISSUER]), ([A, B], [A, B, ISSUER]), (ISSUER, ISSUER)],
)
def test_an_exchange_may_narrow_what_was_granted(side: TokenSide, caller: Caller, resource: Any, expected: Any) -> None:
    code = side.code(caller, side.person(), **GRANTED)
    response = caller.token("authorization_code", **code.parameters(resource=resource))
    assert audience(side, response.json) == expected


def test_an_exchange_never_widens_it_and_the_code_is_gone(side: TokenSide, caller: Caller) -> None:
    code = side.code(caller, side.person(), **GRANTED | {"audience": (A, ISSUER)})
    response = caller.token("authorization_code", **code.parameters(resource=B))
    assert (response.status_code, response.json["error"]) == (400, "invalid_target")
    assert caller.token("authorization_code", **code.parameters()).json["error"] == "invalid_grant"


def test_what_was_granted_by_name_holds_without_being_named_again(side: TokenSide, caller: Caller) -> None:
    tokens = side.tokens(caller, side.person(), **GRANTED | {"audience": (A, ISSUER)})
    assert audience(side, tokens) == [A, ISSUER]
    assert audience(side, caller.refresh(tokens["refresh_token"]).json) == [A, ISSUER]


def test_each_refresh_may_mean_another_resource(side: TokenSide, caller: Caller) -> None:
    tokens = side.tokens(caller, side.person(), **GRANTED)
    for resource in (A, B):
        tokens = caller.refresh(tokens["refresh_token"], resource=resource).json
        assert audience(side, tokens) == [resource, ISSUER]
    assert audience(side, caller.refresh(tokens["refresh_token"]).json) == [A, B, ISSUER]


def test_a_wrong_resource_costs_no_refresh_token(side: TokenSide, caller: Caller) -> None:
    tokens = side.tokens(caller, side.person(), **GRANTED)
    assert caller.refresh(tokens["refresh_token"], resource="https://c.example").json["error"] == "invalid_target"
    assert caller.refresh(tokens["refresh_token"]).status_code == 200


def test_scope_and_resource_narrow_together(side: TokenSide, caller: Caller) -> None:
    tokens = side.tokens(caller, side.person(), **GRANTED)
    again = caller.refresh(tokens["refresh_token"], scope="a.read", resource=A).json
    assert audience(side, again) == A
    assert again["scope"] == "a.read"


def test_a_narrower_scope_without_a_server_of_its_own_keeps_the_granted_ones(side: TokenSide, caller: Caller) -> None:
    tokens = side.tokens(caller, side.person(), scope=frozenset({"profile", "a.read"}), audience=(B,))
    assert audience(side, caller.refresh(tokens["refresh_token"], scope="profile").json) == B
