"""The metadata document and the JWKS: OpenID Connect Discovery §3–§4, RFC 8414 §2–§3, RFC 7517 §5; CORS for them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlsplit

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc.discovery import OpenIDProviderMetadata
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import import_key

from idp.domain.profile import FRONT_CHANNEL
from idp.protocol import claims, discovery
from idp.protocol.cross_origin import origin_of
from idp.protocol.grants import GRANTS
from idp.protocol.responses import RESPONSE_MODES
from tests.clock import Clock
from tests.statements import Statements
from tests.token_side import REDIRECT_URI, TokenSide, basic

Count = Callable[..., AbstractContextManager[Statements]]
BOTH = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]
PUBLIC_DOCUMENTS = [*BOTH, "/jwks"]
REGISTERED = {  # the IANA registry "OAuth Authorization Server Metadata", as far as we may ever use it
    "acr_values_supported",
    "authorization_encryption_alg_values_supported",
    "authorization_encryption_enc_values_supported",
    "authorization_endpoint",
    "authorization_signing_alg_values_supported",
    "authorization_response_iss_parameter_supported",
    "backchannel_logout_session_supported",
    "backchannel_logout_supported",
    "check_session_iframe",
    "claim_types_supported",
    "claims_parameter_supported",
    "claims_supported",
    "code_challenge_methods_supported",
    "display_values_supported",
    "dpop_signing_alg_values_supported",
    "end_session_endpoint",
    "frontchannel_logout_session_supported",
    "frontchannel_logout_supported",
    "grant_types_supported",
    "id_token_encryption_alg_values_supported",
    "id_token_encryption_enc_values_supported",
    "id_token_signing_alg_values_supported",
    "introspection_endpoint",
    "introspection_endpoint_auth_methods_supported",
    "introspection_endpoint_auth_signing_alg_values_supported",
    "introspection_encryption_alg_values_supported",
    "introspection_encryption_enc_values_supported",
    "introspection_signing_alg_values_supported",
    "issuer",
    "jwks_uri",
    "prompt_values_supported",
    "pushed_authorization_request_endpoint",
    "request_object_encryption_alg_values_supported",
    "request_object_encryption_enc_values_supported",
    "request_object_signing_alg_values_supported",
    "request_parameter_supported",
    "request_uri_parameter_supported",
    "require_pushed_authorization_requests",
    "require_request_uri_registration",
    "require_signed_request_object",
    "response_modes_supported",
    "response_types_supported",
    "revocation_endpoint",
    "revocation_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_signing_alg_values_supported",
    "scopes_supported",
    "subject_types_supported",
    "token_endpoint",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "ui_locales_supported",
    "userinfo_encryption_alg_values_supported",
    "userinfo_encryption_enc_values_supported",
    "userinfo_endpoint",
    "userinfo_signing_alg_values_supported",
}


@pytest.fixture
def document(http: FlaskClient) -> dict[str, Any]:
    return dict(http.get(BOTH[0]).json)


# --- what it says ---------------------------------------------------------------------------------------------------


def test_both_addresses_give_the_same_document(http: FlaskClient) -> None:
    assert http.get(BOTH[0]).data == http.get(BOTH[1]).data


def test_it_satisfies_a_second_opinion(document: dict[str, Any]) -> None:
    OpenIDProviderMetadata(document).validate()
    AuthorizationServerMetadata(document).validate()


def test_it_promises_no_aggregated_or_distributed_claims(document: dict[str, Any]) -> None:
    """OpenID Connect Core §5.6.2, Discovery §3."""
    assert document["claim_types_supported"] == ["normal"]


def test_it_holds_registered_members_only(document: dict[str, Any]) -> None:
    assert set(document) <= REGISTERED


def test_it_holds_every_member_that_a_clean_certification_needs(document: dict[str, Any]) -> None:
    assert set(document) == REGISTERED


def test_the_issuer_is_the_address_without_the_well_known_part(document: dict[str, Any]) -> None:
    assert document["issuer"] == "http://127.0.0.1:8000"


def test_every_endpoint_is_there(app: Flask, http: FlaskClient, document: dict[str, Any]) -> None:
    endpoints = {name: url for name, url in document.items() if name.endswith(("_endpoint", "_uri"))}
    assert len(endpoints) == 8
    for url in endpoints.values():
        assert url.startswith(document["issuer"] + "/")
        assert http.get(urlsplit(url).path).status_code != 404
        assert app.url_map.bind("127.0.0.1").test(urlsplit(url).path, "POST") or url == document["jwks_uri"]


def test_lists_come_from_what_is_installed(document: dict[str, Any]) -> None:
    assert set(document["grant_types_supported"]) == {*GRANTS, "implicit"}
    assert set(document["scopes_supported"]) == {*claims.PERSON_SCOPES, "matters.read", "matters.submit"}
    assert {"openid", "profile", "email", "address", "phone", "offline_access"} <= set(document["scopes_supported"])
    assert {name for names in claims.SCOPE_CLAIMS.values() for name in names} <= set(document["claims_supported"])
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert set(document["response_types_supported"]) == {"code", *FRONT_CHANNEL}
    assert document["response_modes_supported"] == list(RESPONSE_MODES)
    assert document["subject_types_supported"] == ["public", "pairwise"]


@pytest.mark.parametrize("grant_type", sorted(GRANTS))
def test_every_listed_grant_is_known_at_the_token_endpoint(side: TokenSide, grant_type: str) -> None:
    response = side.caller().token(grant_type)
    assert response.status_code == 200 or response.json["error"] != "unsupported_grant_type"


def test_every_listed_algorithm_signs(side: TokenSide, document: dict[str, Any]) -> None:
    listed = document["id_token_signing_alg_values_supported"]
    assert listed[0] == "RS256"
    for alg in listed:
        caller = side.caller(f"client-{alg}", id_token_signed_response_alg=alg)
        assert side.read(side.tokens(caller, side.person())["id_token"], alg).header["alg"] == alg


def test_it_says_how_requests_may_come(document: dict[str, Any]) -> None:
    """Discovery §3, RFC 9101 §10.5, RFC 9126 §5."""
    for name in ("request_parameter_supported", "request_uri_parameter_supported", "require_request_uri_registration"):
        assert document[name] is True
    assert document["require_pushed_authorization_requests"] is False
    assert document["require_signed_request_object"] is False
    assert document["request_object_signing_alg_values_supported"] == ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"]
    assert document["request_object_encryption_alg_values_supported"] == ["RSA-OAEP-256", "ECDH-ES"]
    assert "A256GCM" in document["request_object_encryption_enc_values_supported"]


def test_unsigned_request_objects_are_offered_only_where_openings_are(
    make_app: Callable[..., Flask], new_http: Callable[[Flask], FlaskClient]
) -> None:
    document = new_http(make_app(openings_allowed=True)).get(BOTH[0]).json
    assert "none" in document["request_object_signing_alg_values_supported"]


def test_it_follows_the_settings(make_app: Callable[..., Flask], new_http: Callable[[Flask], FlaskClient]) -> None:
    app = make_app(issuer="https://login.example.cn", key_algorithms=("ES256",), resource_scopes={"a.b": "x"})
    document = new_http(app).get(BOTH[0]).json
    assert document["issuer"] == "https://login.example.cn"
    assert document["token_endpoint"] == "https://login.example.cn/token"
    assert document["id_token_signing_alg_values_supported"] == ["ES256"]
    assert "a.b" in document["scopes_supported"]


def test_two_contributors_of_one_list_are_merged(monkeypatch: pytest.MonkeyPatch, app: Flask) -> None:
    def more(_settings: Any) -> dict[str, Any]:
        return {"grant_types_supported": ["client_credentials", "urn:example:grant"]}

    monkeypatch.setattr(discovery, "_contributors", lambda: (lambda _: {"grant_types_supported": ["a"]}, more))
    found = discovery.metadata(app.extensions["tongxing"].settings)
    assert found["grant_types_supported"] == ["a", "client_credentials", "urn:example:grant"]


# --- the keys -------------------------------------------------------------------------------------------------------


def test_the_jwks_holds_public_keys_each_for_one_use_and_with_its_own_id(http: FlaskClient) -> None:
    keys = http.get("/jwks").json["keys"]
    assert {key["alg"] for key in keys if key["use"] == "sig"} == {"RS256", "ES256", "PS256", "EdDSA"}
    assert {key["alg"] for key in keys if key["use"] == "enc"} == {"RSA-OAEP-256", "ECDH-ES"}
    assert len({key["kid"] for key in keys}) == len(keys)
    for key in keys:
        assert key["use"] in {"sig", "enc"}
        assert {"d", "p", "q", "dp", "dq", "qi", "k"}.isdisjoint(key)
        assert not import_key(key).is_private


def test_after_a_rotation_old_and_new_keys_are_published(side: TokenSide) -> None:
    from idp.protocol import keys

    caller = side.caller()
    before = side.http.get("/jwks")
    token = caller.token("client_credentials").json["access_token"]
    with side.work() as context:
        keys.rotate_now(context)
    after = side.http.get("/jwks")
    old, new = ({key["kid"] for key in answer.json["keys"]} for answer in (before, after))
    assert old < new
    assert before.headers["ETag"] != after.headers["ETag"]
    assert side.read(token).claims["client_id"] == "client"
    assert side.read(caller.token("client_credentials").json["access_token"]).header["kid"] in new - old


# --- how it is served -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PUBLIC_DOCUMENTS)
def test_documents_may_be_kept_for_an_hour_and_asked_for_again_by_tag(http: FlaskClient, path: str) -> None:
    first = http.get(path)
    assert first.status_code == 200
    assert first.content_type == "application/json"
    assert first.headers["Cache-Control"] == "public, max-age=3600"
    again = http.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert http.get(path, headers={"If-None-Match": '"another"'}).status_code == 200


@pytest.mark.parametrize("path", PUBLIC_DOCUMENTS)
def test_documents_cost_no_statement_and_set_no_cookie(http: FlaskClient, statements: Count, path: str) -> None:
    with statements() as seen:
        response = http.get(path)
    assert len(seen) == 0, seen
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("path", PUBLIC_DOCUMENTS)
def test_documents_are_not_posted_to(http: FlaskClient, path: str) -> None:
    assert http.post(path).status_code == 405
    assert http.head(path).status_code == 200


# --- CORS -----------------------------------------------------------------------------------------------------------

OPEN_PATHS = ["/token", "/userinfo", "/revoke", *PUBLIC_DOCUMENTS]
ORIGIN = "http://127.0.0.1:9009"


def ask(http: FlaskClient, path: str, origin: str) -> Any:
    method = "POST" if path in {"/token", "/revoke"} else "GET"
    return http.open(path, method=method, headers={"Origin": origin})


@pytest.mark.parametrize("path", OPEN_PATHS)
def test_pages_of_a_public_client_may_read_the_answers(side: TokenSide, path: str) -> None:
    side.caller("public", token_endpoint_auth_method="none")
    response = ask(side.http, path, ORIGIN)
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert response.headers["Access-Control-Expose-Headers"] == "WWW-Authenticate, DPoP-Nonce"
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert "Origin" in response.headers["Vary"]


@pytest.mark.parametrize("path", OPEN_PATHS)
def test_the_question_beforehand_is_answered(side: TokenSide, path: str) -> None:
    side.caller("public", token_endpoint_auth_method="none")
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "DPoP"}
    response = side.http.options(path, headers=asked)
    assert (response.status_code, response.data) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert response.headers["Access-Control-Allow-Methods"] == "GET, POST"
    assert response.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type, DPoP"
    assert int(response.headers["Access-Control-Max-Age"]) > 0


FOREIGN = [
    "http://127.0.0.1:9010",
    "https://127.0.0.1:9009",
    "http://127.0.0.1",
    "http://127.0.0.1:9009/",
    "HTTP://127.0.0.1:9009",
    "http://evil.example",
    "null",
    "*",
    "",
    "é".encode().decode("latin-1"),
]


@pytest.mark.parametrize("origin", FOREIGN)
def test_other_origins_may_not(side: TokenSide, origin: str) -> None:
    side.caller("public", token_endpoint_auth_method="none")
    for path in OPEN_PATHS:
        assert "Access-Control-Allow-Origin" not in ask(side.http, path, origin).headers
        response = side.http.options(path, headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in response.headers
        assert "Access-Control-Allow-Methods" not in response.headers


def test_confidential_and_native_clients_open_nothing(side: TokenSide) -> None:
    side.caller("confidential")
    side.caller("native", token_endpoint_auth_method="none", redirect_uris=["app.example:/callback"])
    assert "Access-Control-Allow-Origin" not in ask(side.http, "/token", ORIGIN).headers
    assert "Access-Control-Allow-Origin" not in ask(side.http, "/token", "app.example:").headers


@pytest.mark.parametrize("path", ["/authorize", "/introspect", "/logout"])
def test_no_other_endpoint_is_opened(side: TokenSide, path: str) -> None:
    side.caller("public", token_endpoint_auth_method="none")
    for method in ("GET", "POST", "OPTIONS"):
        response = side.http.open(path, method=method, headers={"Origin": ORIGIN})
        assert "Access-Control-Allow-Origin" not in response.headers


def test_a_browser_application_reads_its_whole_exchange(side: TokenSide) -> None:
    caller = side.caller("public", token_endpoint_auth_method="none")
    code = side.code(caller, side.person())
    data = {"grant_type": "authorization_code", **code.parameters()}
    response = caller.post("/token", data, headers={"Origin": ORIGIN})
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (200, ORIGIN)
    wrong = caller.post("/token", data, headers={"Origin": ORIGIN})
    assert (wrong.status_code, wrong.headers["Access-Control-Allow-Origin"]) == (400, ORIGIN)


def test_a_known_origin_costs_no_statement_and_a_stranger_one_a_second(
    side: TokenSide, statements: Count, clock: Clock
) -> None:
    side.caller("public", token_endpoint_auth_method="none")
    ask(side.http, "/jwks", ORIGIN)
    with statements() as seen:
        for _ in range(5):
            ask(side.http, "/jwks", ORIGIN)
            ask(side.http, "/jwks", "http://evil.example")
    assert len(seen) == 0, seen
    clock.advance(2)
    with statements() as seen:
        for _ in range(5):
            ask(side.http, "/jwks", ORIGIN)
            ask(side.http, "/jwks", "http://evil.example")
    assert len(seen) == 1, seen


def test_a_client_registered_later_is_learnt(side: TokenSide, clock: Clock) -> None:
    assert "Access-Control-Allow-Origin" not in ask(side.http, "/jwks", ORIGIN).headers
    side.caller("public", token_endpoint_auth_method="none")
    clock.advance(2)
    assert ask(side.http, "/jwks", ORIGIN).headers["Access-Control-Allow-Origin"] == ORIGIN


def test_strangers_make_us_read_what_changed_and_not_every_client(
    side: TokenSide, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from idp.storage import clients

    side.caller("public", token_endpoint_auth_method="none")
    ask(side.http, "/jwks", ORIGIN)
    began_at = clock()
    with monkeypatch.context() as patched:
        patched.setattr(clients, "list_all", lambda _db: pytest.fail("all clients are read again"))
        for number in range(1, 11):
            clock.advance(5)
            with side.work() as context:  # it took its time, and stands there since just now
                metadata = {"redirect_uris": [f"https://late-{number}.example/"], "token_endpoint_auth_method": "none"}
                clients.put(context.db, f"late-{number}", metadata, began_at)
            for origin in (f"https://evil-{number}.example", f"https://late-{number}.example", ORIGIN):
                response = ask(side.http, "/jwks", origin)
                assert ("Access-Control-Allow-Origin" in response.headers) == ("evil" not in origin)
            clock.advance(1)
    clock.advance(1)
    assert "Access-Control-Allow-Origin" in ask(side.http, "/jwks", "https://late-1.example").headers


def test_an_origin_is_forgotten_with_its_client(side: TokenSide, clock: Clock) -> None:
    from idp.storage import clients

    caller = side.caller("public", token_endpoint_auth_method="none")
    ask(side.http, "/jwks", ORIGIN)
    with side.work() as context:
        clients.put(context.db, "public", caller.client.metadata, context.now, is_active=False)
    clock.advance(61)
    assert "Access-Control-Allow-Origin" not in ask(side.http, "/jwks", ORIGIN).headers


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        (REDIRECT_URI, ORIGIN),
        ("https://app.example.cn/cb", "https://app.example.cn"),
        ("https://APP.example.cn:443/cb?x=y", "https://app.example.cn"),
        ("http://app.example.cn:80/", "http://app.example.cn"),
        ("https://app.example.cn:8443/", "https://app.example.cn:8443"),
        ("http://[::1]:9009/cb", "http://[::1]:9009"),
        ("app.example:/callback", None),
        ("urn:ietf:wg:oauth:2.0:oob", None),
        ("https:///cb", None),
    ],
)
def test_origins_are_written_as_browsers_write_them(uri: str, origin: str | None) -> None:
    assert origin_of(uri) == origin


def test_a_confidential_clients_exchange_needs_no_origin(side: TokenSide) -> None:
    caller = side.caller()
    response = side.http.post(
        "/token", data={"grant_type": "client_credentials"}, headers=basic("client", caller.secret or "")
    )
    assert "Access-Control-Allow-Origin" not in response.headers
