"""OpenID Connect Core §3.3, the hybrid flow: a code and tokens in one answer, both of one grant; also by form post.

Tests that are a module of the certification suite's hybrid plans are named after it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from idp.context import Provider
from idp.crypto.jose import half_hash
from idp.storage import sessions
from tests.authorizing import asking
from tests.clock import Clock
from tests.front_channel import HYBRID, FrontChannel
from tests.statements import counted

EVERY_WAY = pytest.mark.parametrize("mode", [None, "form_post"])
EVERY_TYPE = pytest.mark.parametrize("response_type", HYBRID)
WITH_ID_TOKEN = pytest.mark.parametrize("response_type", ["code id_token", "code id_token token"])
WITH_TOKEN = pytest.mark.parametrize("response_type", ["code token", "code id_token token"])
WITHOUT_PKCE = {"code_challenge": None, "code_challenge_method": None}


# --- §3.3.2.5, §3.3.2.11: the answer --------------------------------------------------------------------------------


@EVERY_WAY
@EVERY_TYPE
def test_server(front: FrontChannel, clock: Clock, response_type: str, mode: str | None) -> None:
    """oidcc-server: hashes bind what came together; the code gives tokens of the same person and login."""
    caller = front.client()
    answer = front.ask(response_type, response_mode=mode, **WITHOUT_PKCE)
    now = int(clock().timestamp())
    expected = {
        "iss": "http://127.0.0.1:8000",
        "sub": front.person.subject,
        "aud": "client",
        "exp": now + 600,
        "iat": now,
        "auth_time": int(front.session.auth_time.timestamp()),
        "nonce": asking()["nonce"],
        "acr": "urn:tongxing:loa:2",
        "amr": ["pwd"],
        "sid": front.session.sid,
    }
    if "id_token" in response_type:
        hashes = {"c_hash": half_hash("RS256", answer["code"])}
        if "access_token" in answer.names:
            hashes["at_hash"] = half_hash("RS256", answer["access_token"])
        assert front.claims(answer["id_token"]) == expected | hashes
    response = front.redeem(caller, answer, code_verifier=None)
    assert response.status_code == 200, response.text
    body = response.json
    assert front.claims(body["id_token"]) == expected | {"at_hash": half_hash("RS256", body["access_token"])}
    assert body["access_token"] != answer.members.get("access_token")


@pytest.mark.parametrize("alg", ["ES256", "PS256", "EdDSA"])
def test_hashes_are_those_of_the_registered_algorithm(front: FrontChannel, alg: str) -> None:
    front.client(id_token_signed_response_alg=alg)
    answer = front.ask("code id_token token")
    claims = front.claims(answer["id_token"], alg)
    assert claims["c_hash"] == half_hash(alg, answer["code"])
    assert claims["at_hash"] == half_hash(alg, answer["access_token"])


@EVERY_WAY
@WITH_ID_TOKEN
def test_ensure_request_without_nonce_fails(front: FrontChannel, response_type: str, mode: str | None) -> None:
    """§3.3.2.11."""
    front.client()
    answer = front.ask(response_type, response_mode=mode, nonce=None)
    assert answer["error"] == "invalid_request" and "nonce" in answer["error_description"]


def test_ensure_request_without_nonce_succeeds_where_no_id_token_is_in_front(front: FrontChannel) -> None:
    caller = front.client()
    body = front.redeem(caller, front.ask("code token", nonce=None)).json
    assert "nonce" not in front.claims(body["id_token"])


@WITH_TOKEN
def test_the_front_channel_token_opens_userinfo(front: FrontChannel, response_type: str) -> None:
    """userinfo-*, scope-*: before the code is redeemed, and after."""
    caller = front.client()
    answer = front.ask(response_type, scope="openid email")
    token = answer["access_token"]
    assert front.side.userinfo(token).json["email"] == "zhangwei@example.cn"
    assert front.redeem(caller, answer).status_code == 200
    assert front.side.userinfo(token).status_code == 200
    assert answer["token_type"] == "Bearer" and answer["expires_in"] == "600" and answer["scope"] == "email openid"


@WITH_ID_TOKEN
def test_claims_about_the_person_come_with_the_code_and_not_before(front: FrontChannel, response_type: str) -> None:
    """§3.3.3.6, §5.4: the front channel may say less; claims of scopes come from userinfo."""
    caller = front.client()
    asked = json.dumps({"id_token": {"name": None, "auth_time": {"essential": True}}})
    answer = front.ask(response_type, scope="openid email", claims=asked)
    claims = front.claims(answer["id_token"])
    assert {"name", "email"}.isdisjoint(claims) and claims["auth_time"]
    later = front.claims(front.redeem(caller, answer).json["id_token"])
    assert later["name"] == "张伟" and "email" not in later
    for name in ("iss", "sub", "aud", "auth_time", "acr", "amr", "nonce", "sid"):
        assert later[name] == claims[name]


@EVERY_TYPE
@pytest.mark.parametrize(
    "changes", [{"prompt": "none"}, {"max_age": "10000"}, {"display": "popup"}, {"x": "y"}], ids=str
)
def test_happy_variations(front: FrontChannel, response_type: str, changes: dict[str, Any]) -> None:
    """prompt-none-logged-in, max-age-10000, display-popup, ensure-request-with-unknown-parameter-succeeds."""
    caller = front.client()
    claims = front.claims(front.redeem(caller, front.ask(response_type, **changes)).json["id_token"])
    assert claims["auth_time"] == int(front.session.auth_time.timestamp())


@EVERY_TYPE
def test_ensure_request_with_valid_pkce_succeeds(front: FrontChannel, response_type: str) -> None:
    caller = front.client()
    assert front.redeem(caller, front.ask(response_type), code_verifier=None).json["error"] == "invalid_grant"
    assert front.redeem(caller, front.ask(response_type)).status_code == 200


@EVERY_TYPE
def test_a_public_client_needs_pkce(front: FrontChannel, response_type: str) -> None:
    front.client(token_endpoint_auth_method="none")
    assert front.ask(response_type, **WITHOUT_PKCE)["error"] == "invalid_request"


# --- one grant ------------------------------------------------------------------------------------------------------


@WITH_TOKEN
def test_codereuse_ends_the_front_channel_token_too(front: FrontChannel, response_type: str) -> None:
    caller = front.client()
    answer = front.ask(response_type)
    body = front.redeem(caller, answer).json
    assert front.redeem(caller, answer).json["error"] == "invalid_grant"
    for token in answer["access_token"], body["access_token"]:
        assert front.side.userinfo(token).status_code == 401
    assert caller.refresh(body["refresh_token"]).status_code == 400


@EVERY_TYPE
def test_refresh_token(front: FrontChannel, response_type: str) -> None:
    caller = front.client()
    other = front.client("other")
    body = front.redeem(caller, front.ask(response_type)).json
    assert other.refresh(body["refresh_token"]).json["error"] == "invalid_grant"
    body = front.redeem(caller, front.ask(response_type)).json
    assert caller.refresh(body["refresh_token"]).status_code == 200


def test_both_tokens_are_of_one_grant(front: FrontChannel) -> None:
    caller = front.client()
    answer = front.ask("code token")
    body = front.redeem(caller, answer).json
    assert front.side.read(answer["access_token"]).claims["gid"] == front.side.read(body["access_token"]).claims["gid"]


@EVERY_TYPE
def test_a_client_counts_as_signed_in_before_it_redeems_its_code(
    front: FrontChannel, provider: Provider, response_type: str
) -> None:
    """OpenID Connect Back-Channel Logout §2.3: it got tokens; a mere code is none."""
    front.client()
    front.client("coder")
    front.ask(response_type)
    front.ask("code", "coder")
    with provider.open_db() as db:
        assert sessions.list_clients(db, front.session.id) == [("client", front.person.subject)]


@EVERY_TYPE
def test_an_answer_costs_as_many_statements_as_a_code(
    front: FrontChannel, provider: Provider, response_type: str
) -> None:
    front.client()
    front.ask("code")
    with counted(provider.engine, provider.alone) as seen:
        front.ask(response_type)
    assert len(seen) == 2, seen
