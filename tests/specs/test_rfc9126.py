"""RFC 9126 pushed authorization requests: what is pushed is checked at once, and its reference is worth one answer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.crypto.random import hash_secret
from idp.domain.account import Account
from tests.assertions import OMIT, AssertionKey
from tests.authorizing import REDIRECT_URI, VERIFIER, answer, asking, grant_of, page, text_of
from tests.clock import Clock
from tests.conftest import AddPerson, SignIn
from tests.proofs import ProofKey
from tests.specs.test_oidc_core_authorize import PAGE_ERRORS, REDIRECTED_ERRORS
from tests.statements import Statements
from tests.token_side import Caller, TokenSide, basic

Count = Callable[..., AbstractContextManager[Statements]]
URN = "urn:ietf:params:oauth:request_uri:"
SECOND = "http://127.0.0.1:9009/second"


@pytest.fixture
def caller(side: TokenSide) -> Caller:
    """A first-party client, so that a signed-in person is asked nothing."""
    return side.caller("client", is_first_party=True)


@pytest.fixture
def person(add_person: AddPerson, sign_in: SignIn) -> Account:
    """Signed in in the browser ``http``."""
    account = add_person(password=None)
    sign_in(account)
    return account


def pushed(caller: Caller, **changes: Any) -> str:
    response = caller.post("/par", asking(caller.id, **changes))
    assert response.status_code == 201, response.text
    return str(response.json["request_uri"])


def brought(http: FlaskClient, request_uri: str, client_id: str = "client", **more: Any) -> TestResponse:
    query = {"client_id": client_id, "request_uri": request_uri, **more}
    return http.get("/authorize", query_string=urlencode(query, doseq=True))


# --- §2.1, §2.2: the request and its answer -------------------------------------------------------------------------


def test_answer_is_201_with_reference_and_lifetime(caller: Caller) -> None:
    response = caller.post("/par", asking())
    assert response.status_code == 201
    assert response.content_type == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert set(response.json) == {"request_uri", "expires_in"}
    assert response.json["request_uri"].startswith(URN)
    assert len(response.json["request_uri"]) - len(URN) >= 43  # 256 bits: §7.1, RFC 9101 §10.2
    assert response.json["expires_in"] == 60
    assert caller.post("/par", asking()).json["request_uri"] != response.json["request_uri"]


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_client_authenticates_as_at_the_token_endpoint(side: TokenSide, method: str) -> None:
    caller = side.caller(token_endpoint_auth_method=method)
    assert caller.post("/par", asking()).status_code == 201


def test_client_id_need_not_be_said_twice(side: TokenSide, caller: Caller) -> None:
    key = AssertionKey.new()
    side.caller("svc", token_endpoint_auth_method="private_key_jwt", jwks={"keys": [key.public_jwk]})
    request = {name: value for name, value in asking().items() if name != "client_id"}
    assert side.http.post("/par", data=request | key.form("svc")).status_code == 201
    assert caller.post("/par", request).status_code == 201


def test_credentials_are_not_kept(side: TokenSide, person: Account) -> None:
    caller = side.caller(token_endpoint_auth_method="client_secret_post", is_first_party=True)
    request_uri = pushed(caller)
    with side.work() as context:
        value = context.ephemeral.get("pushed_request", hash_secret(request_uri))
    assert value is not None
    assert {name for name, _ in value["parameters"]} == set(asking())


def test_reference_is_not_readable_in_the_store(side: TokenSide, caller: Caller) -> None:
    request_uri = pushed(caller)
    with side.work() as context:
        stored = context.db.connection().exec_driver_sql("SELECT key FROM ephemeral").scalars().all()
    assert stored and not any(request_uri.removeprefix(URN) in key for key in stored)


# --- §2.3: errors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("section", "changes", "error"), REDIRECTED_ERRORS, ids=lambda value: str(value)[:60])
def test_faulty_parameter_is_told_at_once(caller: Caller, section: str, changes: dict[str, Any], error: str) -> None:
    response = caller.post("/par", asking(**changes))
    expected = "invalid_request" if "request_uri" in changes else error  # §2.1: not even a registered one
    assert (response.status_code, response.json["error"]) == (400, expected), section
    assert "Location" not in response.headers


@pytest.mark.parametrize(
    ("section", "changes", "error"),
    [row[:3] for row in PAGE_ERRORS if row[3] == "redirect_uri"],
    ids=lambda value: str(value)[:60],
)
def test_faulty_redirect_uri_is_told_at_once(caller: Caller, section: str, changes: dict[str, Any], error: str) -> None:
    response = caller.post("/par", asking(**changes))
    assert (response.status_code, response.json["error"]) == (400, error), section


@pytest.mark.parametrize(
    ("section", "headers", "changes", "status", "error"),
    [
        ("§2.1", {}, {}, 401, "invalid_client"),
        ("§2.1", basic("client", "wrong"), {}, 401, "invalid_client"),
        ("§2.1", basic("stranger", "x"), {"client_id": "stranger"}, 401, "invalid_client"),
        ("§2.1", {}, {"client_secret": "wrong"}, 401, "invalid_client"),
        ("RFC 6749 §2.3", basic("client", "wrong"), {"client_secret": "wrong"}, 400, "invalid_request"),
        ("§2.1", basic("client", "wrong"), {"client_id": "other"}, 400, "invalid_request"),
    ],
)
def test_client_that_does_not_authenticate_is_refused(
    caller: Caller, section: str, headers: dict[str, str], changes: dict[str, Any], status: int, error: str
) -> None:
    response = caller.http.post("/par", data=asking(**changes), headers=headers)
    assert (response.status_code, response.json["error"]) == (status, error), section
    assert response.headers["Cache-Control"] == "no-store"


def test_client_id_must_be_the_authenticated_clients(side: TokenSide, caller: Caller) -> None:
    side.caller("other")
    response = caller.post("/par", asking("other"))
    assert (response.status_code, response.json["error"]) == (400, "invalid_request")


def test_request_uri_cannot_be_pushed(caller: Caller) -> None:
    for request_uri in (pushed(caller), "https://client.example/request", "urn:example:x"):
        response = caller.post("/par", asking(request_uri=request_uri))
        assert (response.status_code, response.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
def test_other_methods_are_405(http: FlaskClient, method: str) -> None:
    response = http.open("/par", method=method, data=asking() if method == "PUT" else None)
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]
    if method != "HEAD":
        assert response.json["error"] == "invalid_request"


def test_too_large_a_request_is_413(caller: Caller) -> None:
    response = caller.post("/par", asking(login_hint="x" * 70_000))
    assert response.status_code == 413 and response.json["error"]


@pytest.mark.parametrize("body", [b"\xff", b"a=%00", b"state=a&state=b", b"scope=%ff"])
def test_damaged_forms_are_refused(caller: Caller, body: bytes) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"} | basic(caller.id, caller.secret or "")
    response = caller.http.post("/par", data=body, headers=form)
    assert (response.status_code, response.json["error"]) == (400, "invalid_request")


def test_json_is_no_form(caller: Caller) -> None:
    response = caller.http.post("/par", json=asking(), headers=basic(caller.id, caller.secret or ""))
    assert (response.status_code, response.json["error"]) == (400, "invalid_request")


def test_parameters_in_the_query_do_not_count(caller: Caller) -> None:
    query = urlencode(asking())
    response = caller.post(f"/par?{query}", {})
    assert (response.status_code, response.json["error"]) == (400, "invalid_request")


# --- §4: the reference at the authorization endpoint ----------------------------------------------------------------


@pytest.mark.usefixtures("person")
def test_reference_stands_for_what_was_pushed(http: FlaskClient, side: TokenSide, caller: Caller) -> None:
    told = answer(brought(http, pushed(caller, state="pushed", nonce="pushed", scope="openid profile")))
    assert {"code", "iss"} <= set(told) and told["state"] == "pushed"
    grant = grant_of(side.work, told["code"])
    assert grant.nonce == "pushed" and grant.scope == {"openid", "profile"}


@pytest.mark.usefixtures("person")
def test_parameters_beside_a_reference_do_not_count(http: FlaskClient, side: TokenSide, caller: Caller) -> None:
    beside = asking(redirect_uri="https://evil.example/", state="beside", nonce="beside", scope="openid phone")
    beside |= {"response_mode": "form_post", "prompt": "create", "claims": "{"}
    told = answer(brought(http, pushed(caller), **{name: beside[name] for name in beside if name != "client_id"}))
    assert told["state"] == asking()["state"]
    grant = grant_of(side.work, told["code"])
    assert grant.nonce == asking()["nonce"] and grant.scope == {"openid"}


@pytest.mark.usefixtures("person")
def test_reference_may_be_posted(http: FlaskClient, caller: Caller) -> None:
    request_uri = pushed(caller)
    response = http.post("/authorize", data={"client_id": "client", "request_uri": request_uri})
    assert response.status_code == 303
    path, handle = page(response)
    assert "code" in answer(http.get(path, query_string={"interaction": handle}))


def test_reference_may_be_brought_again_until_the_flow_completes_and_not_after(
    http: FlaskClient, caller: Caller, add_person: AddPerson, sign_in: SignIn
) -> None:
    """§7.3; fapi2 par-ensure-reused-request-uri-prior-to-auth-completion-succeeds, par-attempt-reuse-request_uri."""
    request_uri = pushed(caller)
    _, first = page(brought(http, request_uri))
    _, second = page(brought(http, request_uri))
    sign_in(add_person(password=None))
    assert "code" in answer(http.get("/authorize", query_string={"interaction": second}))
    for again in (brought(http, request_uri), http.get("/authorize", query_string={"interaction": first})):
        told = answer(again)
        assert told["error"] == "invalid_request_uri"
        assert told["state"] == asking()["state"]


@pytest.mark.usefixtures("both_engines", "person")
def test_on_each_engine_a_request_is_answered_once(http: FlaskClient, caller: Caller) -> None:
    request_uri = pushed(caller)
    assert "code" in answer(brought(http, request_uri))
    assert answer(brought(http, request_uri))["error"] == "invalid_request_uri"


@pytest.mark.usefixtures("person")
def test_on_either_store_a_reference_is_kept(ephemeral_store: str, http: FlaskClient, caller: Caller) -> None:
    assert "code" in answer(brought(http, pushed(caller)))


@pytest.mark.usefixtures("person")
def test_expired_reference_is_told_at_the_pushed_redirect_uri(http: FlaskClient, caller: Caller, clock: Clock) -> None:
    request_uri = pushed(caller)
    clock.advance(59)
    assert "code" in answer(brought(http, pushed(caller)))
    clock.advance(1)
    told = answer(brought(http, request_uri))
    assert told["error"] == "invalid_request_uri" and told["state"] == asking()["state"]
    clock.advance(timedelta(minutes=11))
    response = brought(http, request_uri)
    assert response.status_code == 400
    assert text_of(response, "error-code") == "invalid_request_uri"
    assert text_of(response, "error-parameter") == "request_uri"


def test_whoever_started_in_time_may_take_their_time(
    http: FlaskClient, caller: Caller, clock: Clock, add_person: AddPerson, sign_in: SignIn
) -> None:
    _, handle = page(brought(http, pushed(caller, state="kept")))
    clock.advance(timedelta(minutes=14))
    sign_in(add_person(password=None))
    assert answer(http.get("/authorize", query_string={"interaction": handle}))["state"] == "kept"


@pytest.mark.usefixtures("person")
def test_reference_of_another_client_is_worth_nothing(http: FlaskClient, side: TokenSide, caller: Caller) -> None:
    """§2.2; fapi2 par-attempt-to-use-request_uri-for-different-client."""
    side.caller("other", is_first_party=True, redirect_uris=[SECOND])
    request_uri = pushed(caller)
    response = brought(http, request_uri, "other")
    assert response.status_code == 400 and "Location" not in response.headers
    assert text_of(response, "error-code") == "invalid_request_uri"
    response = brought(http, request_uri, "other", redirect_uri=REDIRECT_URI)  # the first client's
    assert response.status_code == 400 and "Location" not in response.headers
    told = answer(brought(http, request_uri, "other", redirect_uri=SECOND, state="own"), SECOND)
    assert (told["error"], told["state"]) == ("invalid_request_uri", "own")
    assert "code" in answer(brought(http, request_uri)), "nothing was used up"


@pytest.mark.parametrize("rest", ["", "x", "x" * 43, "é" * 500, "\U0001f600", "%00", "?x#y"])
@pytest.mark.usefixtures("caller")
def test_made_up_reference_is_invalid(http: FlaskClient, rest: str) -> None:
    request_uri = URN + rest
    response = brought(http, request_uri)
    assert response.status_code == 400
    assert text_of(response, "error-code") == "invalid_request_uri"
    assert answer(brought(http, request_uri, redirect_uri=REDIRECT_URI))["error"] == "invalid_request_uri"


def test_reference_without_or_with_an_unknown_client_is_a_page(http: FlaskClient, caller: Caller) -> None:
    request_uri = pushed(caller)
    response = http.get("/authorize", query_string={"request_uri": request_uri})
    assert (response.status_code, text_of(response, "error-parameter")) == (400, "client_id")
    response = brought(http, request_uri, "stranger")
    assert (response.status_code, text_of(response, "error-parameter")) == (400, "client_id")


@pytest.mark.parametrize("more", [{"request": "x.y.z"}, {"request_uri": [URN + "a", URN + "b"]}])
@pytest.mark.usefixtures("caller")
def test_two_places_for_one_request_are_refused(http: FlaskClient, more: dict[str, Any]) -> None:
    """RFC 9101 §5."""
    query = {"client_id": "client", "redirect_uri": REDIRECT_URI, "request_uri": URN + "x"} | more
    response = http.get("/authorize", query_string=urlencode(query, doseq=True))
    assert answer(response)["error"] == "invalid_request"


@pytest.mark.usefixtures("person")
def test_client_whose_registration_changed_meanwhile_is_checked_anew(
    http: FlaskClient, side: TokenSide, caller: Caller
) -> None:
    request_uri = pushed(caller)
    side.caller("client", is_first_party=True, redirect_uris=[SECOND])
    response = brought(http, request_uri)
    assert response.status_code == 400 and text_of(response, "error-parameter") == "redirect_uri"


def test_denying_is_no_answer_that_uses_the_reference_up(http: FlaskClient, side: TokenSide) -> None:
    caller = side.caller("client")
    request_uri = pushed(caller, prompt="none")
    assert answer(brought(http, request_uri))["error"] == "login_required"
    assert answer(brought(http, request_uri))["error"] == "login_required"


# --- §5, §6: who must push ------------------------------------------------------------------------------------------


def test_client_that_must_push_is_refused_without(http: FlaskClient, side: TokenSide) -> None:
    """fapi2 ensure-unsigned-authorization-request-without-using-par-fails."""
    caller = side.caller("client", require_pushed_authorization_requests=True)
    told = answer(http.get("/authorize", query_string=asking()))
    assert told["error"] == "invalid_request" and told["state"] == asking()["state"]
    for name, value in ("request", "x.y.z"), ("request_uri", "https://client.example/request"):
        assert answer(http.get("/authorize", query_string=asking(**{name: value})))["error"] == "invalid_request"
    response = http.get("/authorize", query_string=asking(redirect_uri="https://evil.example/"))
    assert response.status_code == 400 and text_of(response, "error-parameter") == "redirect_uri"
    assert page(brought(http, pushed(caller)))[0] == "/login"


def test_deployment_may_demand_it_of_every_client(
    make_app: Callable[..., Flask], new_http: Callable[[Flask], FlaskClient], register_client: Callable[..., Any]
) -> None:
    app = make_app(require_pushed_authorization_requests=True, pushed_request_lifetime=timedelta(seconds=20))
    client, secret = register_client(provider=app.extensions["tongxing"])
    caller = Caller(new_http(app), client, secret)
    document = caller.http.get("/.well-known/openid-configuration").json
    assert document["require_pushed_authorization_requests"] is True
    assert document["pushed_authorization_request_endpoint"].endswith("/par")
    assert answer(caller.http.get("/authorize", query_string=asking()))["error"] == "invalid_request"
    response = caller.post("/par", asking())
    assert response.json["expires_in"] == 20
    assert page(brought(caller.http, response.json["request_uri"]))[0] == "/login"


def test_lifetime_of_ten_minutes_or_more_is_refused() -> None:
    from idp.config import SettingsError, from_table

    for seconds in (600, 0, -1):
        with pytest.raises(SettingsError, match="pushed_request_lifetime"):
            from_table({"pushed_request_lifetime": seconds})
    assert from_table({"pushed_request_lifetime": 599}).pushed_request_lifetime == timedelta(seconds=599)


# --- RFC 9449 §10: binding the code ---------------------------------------------------------------------------------


@pytest.fixture
def proof_key(clock: Clock) -> ProofKey:
    return ProofKey.new(clock=clock)


@pytest.mark.parametrize("is_said_too", [False, True])
@pytest.mark.parametrize("who", ["the same", "another", "nobody"])
@pytest.mark.usefixtures("person")
def test_proof_at_the_push_binds_the_code(
    http: FlaskClient, caller: Caller, proof_key: ProofKey, who: str, is_said_too: bool
) -> None:
    """RFC 9449 §10.1; fapi2 ensure-dpopproof-at-par-endpoint-binding-success and, of the codes that come of it,
    ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt."""
    said = {"dpop_jkt": proof_key.jkt} if is_said_too else {}
    response = caller.post("/par", asking(**said), proof_key.header("/par"))
    assert response.status_code == 201, response.text
    code = answer(brought(http, response.json["request_uri"]))["code"]
    proofs = {
        "the same": proof_key.header(),
        "another": ProofKey.new(clock=proof_key.clock).header(),
        "nobody": {},
    }
    form = {"code": code, "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    response = caller.post("/token", {"grant_type": "authorization_code", **form}, proofs[who])
    if who == "the same":
        assert response.status_code == 200 and response.json["token_type"] == "DPoP"
    else:
        assert (response.status_code, response.json["error"]) == (400, "invalid_grant")


def test_proof_beside_an_empty_dpop_jkt_counts(caller: Caller, proof_key: ProofKey) -> None:
    """RFC 6749 §3.1: a parameter without a value counts as left out."""
    assert caller.post("/par", asking(dpop_jkt=""), proof_key.header("/par")).status_code == 201


def test_proof_and_dpop_jkt_must_name_one_key(caller: Caller, proof_key: ProofKey) -> None:
    """RFC 9449 §10.1; fapi2 ensure-mismatched-dpop-jkt-fails."""
    other = ProofKey.new(clock=proof_key.clock)
    response = caller.post("/par", asking(dpop_jkt=other.jkt), proof_key.header("/par"))
    assert (response.status_code, response.json["error"]) == (400, "invalid_dpop_proof")


@pytest.mark.parametrize(
    "changes", [{"htu": "http://127.0.0.1:8000/token"}, {"htm": "GET"}, {"iat": 1}, {"jti": OMIT}, {"htu": OMIT}]
)
def test_faulty_proof_is_refused(caller: Caller, proof_key: ProofKey, changes: dict[str, Any]) -> None:
    response = caller.post("/par", asking(), proof_key.header("/par", **changes))
    assert (response.status_code, response.json["error"]) == (400, "invalid_dpop_proof")
    assert caller.post("/par", asking(), {"DPoP": "x.y.z"}).json["error"] == "invalid_dpop_proof"


def test_proof_counts_once(caller: Caller, proof_key: ProofKey) -> None:
    headers = proof_key.header("/par")
    assert caller.post("/par", asking(), headers).status_code == 201
    assert caller.post("/par", asking(), headers).json["error"] == "invalid_dpop_proof"


def test_where_nonces_are_on_the_push_wants_and_gives_them(
    make_app: Callable[..., Flask],
    new_http: Callable[[Flask], FlaskClient],
    register_client: Callable[..., Any],
    proof_key: ProofKey,
) -> None:
    """RFC 9449 §8."""
    app = make_app(dpop_nonce_lifetime=timedelta(minutes=5))
    client, secret = register_client(provider=app.extensions["tongxing"])
    caller = Caller(new_http(app), client, secret)
    response = caller.post("/par", asking(), proof_key.header("/par"))
    assert (response.status_code, response.json["error"]) == (400, "use_dpop_nonce")
    nonce = response.headers["DPoP-Nonce"]
    response = caller.post("/par", asking(), proof_key.header("/par", nonce=nonce))
    assert response.status_code == 201 and response.headers["DPoP-Nonce"]
    assert "DPoP-Nonce" not in caller.post("/par", asking()).headers


@pytest.mark.usefixtures("person")
def test_dpop_jkt_is_kept_with_the_code(http: FlaskClient, side: TokenSide, caller: Caller) -> None:
    thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    for response in (
        brought(http, pushed(caller, dpop_jkt=thumbprint)),
        http.get("/authorize", query_string=asking(dpop_jkt=thumbprint)),
    ):
        assert grant_of(side.work, answer(response)["code"]).dpop_jkt == thumbprint


# --- what it costs --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("both_engines")
def test_push_costs_one_statement_and_with_a_proof_two(caller: Caller, statements: Count, proof_key: ProofKey) -> None:
    pushed(caller)  # the process knows the client from now on
    with statements() as seen:
        pushed(caller)
    assert len(seen) == 1, seen
    headers = proof_key.header("/par")
    with statements() as seen:
        assert caller.post("/par", asking(), headers).status_code == 201
    assert len(seen) == 2, seen


@pytest.mark.usefixtures("both_engines", "person")
def test_bringing_a_reference_costs_one_more_read_than_the_plain_request(
    http: FlaskClient, caller: Caller, statements: Count
) -> None:
    request_uri = pushed(caller)
    with statements() as plain:
        answer(http.get("/authorize", query_string=asking()))
    with statements() as by_reference:
        answer(brought(http, request_uri))
    assert len(by_reference) == len(plain) + 1, by_reference
