"""OpenID Connect Core §3.2, the implicit flow, and §5.4 for answers without an access token; plain and by form post.

Tests that are a module of the certification suite's implicit plans are named after it.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from idp.context import Provider
from idp.crypto.jose import half_hash
from idp.protocol.logout import end_session
from idp.storage import grants, outbox, sessions
from tests.authorizing import asking, text_of
from tests.clock import Clock
from tests.front_channel import IMPLICIT, FrontChannel
from tests.specs.test_oidc_core_tokens import EVERYTHING, SCOPES
from tests.statements import counted

EVERY_WAY = pytest.mark.parametrize("mode", [None, "form_post"])
EVERY_TYPE = pytest.mark.parametrize("response_type", IMPLICIT)


# --- §3.2.2.5, §3.2.2.10: the answer --------------------------------------------------------------------------------


@EVERY_WAY
@EVERY_TYPE
def test_server(front: FrontChannel, clock: Clock, response_type: str, mode: str | None) -> None:
    """oidcc-server: everything an ID token must say, no code, and a hash of the access token that came with it."""
    front.client()
    answer = front.ask(response_type, response_mode=mode)
    claims = front.claims(answer["id_token"])
    now = int(clock().timestamp())
    assert claims.pop("auth_time") <= now
    access_token = answer.members.get("access_token")
    assert claims.pop("at_hash", None) == (half_hash("RS256", access_token) if access_token else None)
    assert claims == {
        "iss": "http://127.0.0.1:8000",
        "sub": front.person.subject,
        "aud": "client",
        "exp": now + 600,
        "iat": now,
        "nonce": asking()["nonce"],
        "acr": "urn:tongxing:loa:2",
        "amr": ["pwd"],
        "sid": front.session.sid,
    }
    assert "code" not in answer.names


def test_the_access_token_comes_with_its_type_life_and_scope(front: FrontChannel) -> None:
    """RFC 6749 §4.2.2."""
    front.client()
    answer = front.ask("id_token token", scope="openid profile")
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == "600"
    assert answer["scope"] == "openid profile"
    assert "refresh_token" not in answer.names, "RFC 6749 §4.2.2: never here"


@pytest.mark.parametrize("alg", ["ES256", "PS256", "EdDSA"])
def test_the_hash_is_that_of_the_registered_algorithm(front: FrontChannel, alg: str) -> None:
    front.client(id_token_signed_response_alg=alg)
    answer = front.ask("id_token token")
    assert front.claims(answer["id_token"], alg)["at_hash"] == half_hash(alg, answer["access_token"])


@EVERY_WAY
@EVERY_TYPE
def test_ensure_request_without_nonce_fails(front: FrontChannel, response_type: str, mode: str | None) -> None:
    """§3.2.2.1."""
    front.client()
    answer = front.ask(response_type, response_mode=mode, nonce=None)
    assert answer["error"] == "invalid_request" and "nonce" in answer["error_description"]


@EVERY_TYPE
def test_idtoken_signature(front: FrontChannel, response_type: str) -> None:
    """No algorithm registered: RS256, with the key named."""
    front.client()
    header = front.side.read(front.ask(response_type)["id_token"]).header
    assert header["alg"] == "RS256" and header["kid"]


@pytest.mark.parametrize("how", ["get", "post_header", "post_body"])
def test_userinfo(front: FrontChannel, how: str) -> None:
    """userinfo-get, userinfo-post-header, userinfo-post-body."""
    front.client()
    token = front.ask("id_token token")["access_token"]
    http, headers = front.side.http, {"Authorization": f"Bearer {token}"}
    response = {
        "get": lambda: http.get("/userinfo", headers=headers),
        "post_header": lambda: http.post("/userinfo", headers=headers),
        "post_body": lambda: http.post("/userinfo", data={"access_token": token}),
    }[how]()
    assert response.status_code == 200 and response.json["sub"] == front.person.subject


@EVERY_TYPE
@EVERY_WAY
def test_ensure_registered_redirect_uri(front: FrontChannel, response_type: str, mode: str | None) -> None:
    front.client()
    response = front.request(response_type=response_type, response_mode=mode, redirect_uri="https://elsewhere.example/")
    assert response.status_code == 400 and text_of(response, "error-parameter") == "redirect_uri"


@EVERY_TYPE
@pytest.mark.parametrize(
    "changes",
    [
        {"display": "page"},
        {"display": "popup"},
        {"login_hint": "nobody"},
        {"ui_locales": "se"},
        {"claims_locales": "se"},
        {"extra": "foobar"},
        {"scope": "profile openid"},
        {"prompt": "none"},
        {"max_age": "10000"},
    ],
    ids=str,
)
def test_happy_variations(front: FrontChannel, response_type: str, changes: dict[str, Any]) -> None:
    """display-*, login-hint, ui-locales, claims-locales, ensure-request-with-unknown-parameter-succeeds,
    alternate-happy-flow, prompt-none-logged-in, max-age-10000: the same person, the same login."""
    front.client()
    before = front.claims(front.ask(response_type)["id_token"])
    after = front.claims(front.ask(response_type, **changes)["id_token"])
    assert (after["sub"], after["auth_time"]) == (before["sub"], before["auth_time"])


@EVERY_TYPE
def test_prompt_none_not_logged_in(front: FrontChannel, response_type: str) -> None:
    front.client()
    with front.side.work() as context:
        end_session(context, front.session, reason="test")
    answer = front.ask(response_type, prompt="none")
    assert (answer.way, answer["error"]) == ("fragment", "login_required")


@EVERY_TYPE
def test_id_token_hint(front: FrontChannel, response_type: str) -> None:
    front.client()
    first = front.ask(response_type)["id_token"]
    again = front.ask(response_type, prompt="none", id_token_hint=first)["id_token"]
    assert front.claims(again)["sub"] == front.claims(first)["sub"]


@EVERY_TYPE
def test_ensure_request_with_acr_values_succeeds(front: FrontChannel, response_type: str) -> None:
    front.client()
    offered = " ".join(front.side.http.get("/.well-known/openid-configuration").json["acr_values_supported"])
    claims = front.claims(front.ask(response_type, acr_values=offered)["id_token"])
    assert claims["acr"] in offered.split()


@EVERY_TYPE
def test_claims_essential(front: FrontChannel, response_type: str) -> None:
    """``name`` at userinfo, or in the ID token where there is none; never in both."""
    front.client()
    place = "id_token" if response_type == "id_token" else "userinfo"
    answer = front.ask(response_type, claims=json.dumps({place: {"name": {"essential": True}}}))
    claims = front.claims(answer["id_token"])
    assert claims.get("name") == ("张伟" if place == "id_token" else None)
    if place == "userinfo":
        assert front.side.userinfo(answer["access_token"]).json["name"] == "张伟"


# --- §5.4: whose claims come where ----------------------------------------------------------------------------------


@pytest.fixture
def everything(front: FrontChannel) -> FrontChannel:
    """The person has every standard claim."""
    from idp.storage import accounts

    with front.side.work() as context:
        accounts.update_claims(context.db, context.vault, front.person.id, EVERYTHING, context.now)
    return front


@EVERY_WAY
@pytest.mark.parametrize("scope", [*SCOPES, "profile email address phone"])
def test_scope_claims_are_in_the_id_token_where_no_access_token_is(
    everything: FrontChannel, scope: str, mode: str | None
) -> None:
    """scope-profile, -email, -address, -phone, -all for response_type=id_token."""
    everything.client()
    claims = everything.claims(everything.ask("id_token", scope=f"openid {scope}", response_mode=mode)["id_token"])
    expected = {name for item in scope.split() for name in SCOPES[item]}
    assert {name: claims.get(name) for name in expected} == {name: EVERYTHING[name] for name in expected}
    assert set(EVERYTHING) & set(claims) == expected


@pytest.mark.parametrize("scope", [*SCOPES, "profile email address phone"])
def test_scope_claims_are_at_userinfo_where_an_access_token_is(everything: FrontChannel, scope: str) -> None:
    """scope-* for response_type=id_token token."""
    everything.client()
    answer = everything.ask("id_token token", scope=f"openid {scope}")
    expected = {name for item in scope.split() for name in SCOPES[item]}
    assert not set(EVERYTHING) & set(everything.claims(answer["id_token"]))
    assert set(everything.side.userinfo(answer["access_token"]).json) == expected | {"sub"}


def test_the_identity_scope_tells_the_assurance_in_the_id_token(front: FrontChannel) -> None:
    front.client()
    claims = front.claims(front.ask("id_token", scope="openid identity")["id_token"])
    assert claims["loa"]["level"] == 2 and claims["name"] == "张伟"


# --- grants, revocation, logout -------------------------------------------------------------------------------------


@EVERY_TYPE
def test_the_grant_is_stored_without_a_code(front: FrontChannel, provider: Provider, response_type: str) -> None:
    front.client()
    front.ask(response_type)
    with counted(provider.engine, provider.alone) as seen:
        answer = front.ask(response_type)
    assert len(seen) == 2, "as many as for a code"
    if "access_token" in answer.names:
        grant_id = front.side.read(answer["access_token"]).claims["gid"]
        with provider.open_db() as db:
            grant = grants.find(db, grant_id)
        assert grant is not None and grant.is_front_channel and grant.code_used_at is None


def test_logout_ends_the_access_token_and_tells_the_client(front: FrontChannel, provider: Provider) -> None:
    front.client(backchannel_logout_uri="https://client.example/logout")
    front.client("other", backchannel_logout_uri="https://other.example/logout")
    token = front.ask("id_token token")["access_token"]
    front.ask("id_token", "other")
    assert front.side.userinfo(token).status_code == 200
    with provider.work() as context:
        assert dict(sessions.list_clients(context.db, front.session.id)) == {
            "client": front.person.subject,
            "other": front.person.subject,
        }
        batch = end_session(context, front.session, reason="test")
        told = {delivery.recipient: delivery.payload for delivery in outbox.list_batch(context.db, batch)}
    assert set(told) == {"client", "other"}
    assert told["client"] == {"sub": front.person.subject, "sid": front.session.sid}
    assert front.side.userinfo(token).status_code == 401


def test_the_client_revokes_its_access_token(front: FrontChannel) -> None:
    caller = front.client()
    token = front.ask("id_token token")["access_token"]
    assert caller.introspect(token)["active"] is True
    assert caller.revoke(token).status_code == 200
    assert front.side.userinfo(token).status_code == 401


def test_the_rows_of_old_answers_are_forgotten(front: FrontChannel, provider: Provider, clock: Clock) -> None:
    from idp.storage import purging

    front.client()
    grant_id = front.side.read(front.ask("id_token token")["access_token"]).claims["gid"]
    clock.advance(timedelta(hours=2))
    with provider.work() as context:
        purging.purge_grants(context.db, context.now)
        assert grants.find(context.db, grant_id) is None


# --- who, and what else ---------------------------------------------------------------------------------------------


@EVERY_TYPE
def test_a_public_client_needs_no_pkce_where_there_is_no_code(front: FrontChannel, response_type: str) -> None:
    front.client(token_endpoint_auth_method="none")
    answer = front.ask(response_type, code_challenge=None, code_challenge_method=None)
    assert "id_token" in answer.names
    assert front.ask("code", code_challenge=None, code_challenge_method=None)["error"] == "invalid_request"


@EVERY_TYPE
def test_offline_access_is_ignored_where_there_is_no_code(front: FrontChannel, response_type: str) -> None:
    """§11."""
    front.client()
    answer = front.ask(response_type, scope="openid offline_access", prompt="none")
    assert "id_token" in answer.names
    assert answer.members.get("scope", "openid") == "openid"


@EVERY_TYPE
def test_an_id_token_needs_openid(front: FrontChannel, response_type: str) -> None:
    """§3.2.2.1: scope must hold openid."""
    front.client()
    assert front.ask(response_type, scope="profile")["error"] == "invalid_scope"


def test_there_is_no_implicit_grant_at_the_token_endpoint(front: FrontChannel) -> None:
    assert front.client().token("implicit").json["error"] == "unsupported_grant_type"


@EVERY_TYPE
def test_a_session_that_ends_in_this_moment_gives_nothing(
    front: FrontChannel, response_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from idp.domain.session import SessionEnded
    from idp.protocol import authorization_response

    def ended(*_: Any) -> None:
        raise SessionEnded

    front.client()
    monkeypatch.setattr(authorization_response.grants, "add", ended)
    response = front.request(response_type=response_type)
    assert response.headers["Location"].startswith("/authorize?"), "asked again, now without a session"
