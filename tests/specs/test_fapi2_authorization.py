"""FAPI 2.0 Security Profile §5.3.2.2 and Message Signing §5.3.1, §5.4.1 at the pushed-request and the authorization
endpoint, one test for each module of the certification (its names after fapi2-security-profile-final-)."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.context import Context
from idp.domain.grant import Grant
from tests.assertions import ISSUER, OMIT, AssertionKey
from tests.authorizing import CHALLENGE, VERIFIER, asking, grant_of, location, page, text_of
from tests.clock import Clock
from tests.conftest import AddPerson, SignIn
from tests.proofs import ProofKey
from tests.request_objects import members, signed, unsigned
from tests.token_side import TokenSide

Work = Callable[[], AbstractContextManager[Context]]
CALLBACK = "https://rp.example/callback"
SECOND_CALLBACK = CALLBACK + "?dummy1=lorem&dummy2=ipsum"


@dataclass
class FapiClient:
    """A client of a FAPI profile as its own program sees itself: it pushes, and reads what comes back."""

    side: TokenSide
    key: AssertionKey
    clock: Clock
    id: str = "fapi"
    redirect_uri: str = CALLBACK

    @property
    def http(self) -> FlaskClient:
        return self.side.http

    @property
    def now(self) -> float:
        return self.clock().timestamp()

    def parameters(self, **changes: Any) -> dict[str, Any]:
        return asking(self.id, **({"redirect_uri": self.redirect_uri} | changes))

    def post(self, form: dict[str, Any], headers: dict[str, str] | None = None, **claims: Any) -> TestResponse:
        return self.http.post("/par", data=form | self.key.form(self.id, self.now, **claims), headers=headers)

    def push(self, **changes: Any) -> TestResponse:
        return self.post(self.parameters(**changes))

    def object(self, key: AssertionKey | None = None, **changes: Any) -> str:
        """A signed request object as the message-signing profile wants it."""
        wanted = {"redirect_uri": self.redirect_uri, "response_mode": "jwt"} | changes
        return signed(key or self.key, self.id, self.now, **wanted)

    def push_object(self, **changes: Any) -> TestResponse:
        return self.post({"request": self.object(**changes)})

    def bring(self, pushed: TestResponse, **beside: Any) -> TestResponse:
        """What the browser gets for the reference, with whatever else stands in the address."""
        assert pushed.status_code == 201, pushed.text
        query = {"client_id": self.id, "request_uri": pushed.json["request_uri"]} | beside
        return self.http.get("/authorize", query_string=urlencode(query, doseq=True))

    def read(self, response: TestResponse) -> dict[str, Any]:
        """The answer, taken out of the JWT where it is one (JARM §2.4)."""
        found = location(response)
        assert found.startswith(self.redirect_uri), found
        told = dict(parse_qsl(urlsplit(found).query))
        if "response" not in told:
            return told
        claims = self.side.read(told["response"], "PS256", "ES256", "EdDSA").claims
        assert (claims["iss"], claims["aud"]) == (ISSUER, self.id)
        return dict(claims)

    def exchange(self, response: TestResponse, verifier: str | None) -> TestResponse:
        """The code of an answer redeemed with a verifier, and a proof of possession."""
        form = {"grant_type": "authorization_code", "code": self.read(response)["code"]}
        form |= {"redirect_uri": self.redirect_uri} | ({"code_verifier": verifier} if verifier else {})
        proof = ProofKey.new(clock=self.clock).header()
        return self.http.post("/token", data=form | self.key.form(self.id, self.now), headers=proof)

    def grant(self, response: TestResponse) -> Grant:
        told = self.read(response)
        assert "code" in told, told
        return grant_of(self.side.work, told["code"])


@pytest.fixture(scope="module")
def key() -> AssertionKey:
    return AssertionKey.new("PS256")


@pytest.fixture(scope="module")
def second_key() -> AssertionKey:
    return AssertionKey.new("ES256", "key-2")


def registered(
    side: TokenSide, clock: Clock, key: AssertionKey, client_id: str, profile: str, redirect_uri: str
) -> FapiClient:
    side.caller(
        client_id,
        is_first_party=True,
        profile=profile,
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [key.public_jwk]},
        redirect_uris=[redirect_uri],
        authorization_signed_response_alg="PS256",
        id_token_signed_response_alg="PS256",
    )
    return FapiClient(side, key, clock, client_id, redirect_uri)


@pytest.fixture
def first(side: TokenSide, clock: Clock, key: AssertionKey, add_person: AddPerson, sign_in: SignIn) -> FapiClient:
    """The first client, and a person signed in in the browser."""
    sign_in(add_person(password=None))
    return registered(side, clock, key, "fapi", "fapi2", CALLBACK)


@pytest.fixture
def second(side: TokenSide, clock: Clock, second_key: AssertionKey) -> FapiClient:
    return registered(side, clock, second_key, "fapi-2", "fapi2", SECOND_CALLBACK)


@pytest.fixture
def signing(side: TokenSide, clock: Clock, key: AssertionKey, add_person: AddPerson, sign_in: SignIn) -> FapiClient:
    """The first client of the message-signing profile, and a person signed in in the browser."""
    sign_in(add_person(password=None))
    return registered(side, clock, key, "fapi", "fapi2-signing", CALLBACK)


def refused(response: TestResponse, *errors: str) -> None:
    assert response.status_code == 400, response.text
    assert response.json["error"] in errors
    assert response.content_type == "application/json"


# --- base -----------------------------------------------------------------------------------------------------------


def test_discovery_end_point_verification(http: FlaskClient) -> None:
    document = http.get("/.well-known/openid-configuration").json
    assert document["pushed_authorization_request_endpoint"].startswith(ISSUER)
    assert document["require_pushed_authorization_requests"] is False  # others come by us too
    assert {"PS256", "ES256", "EdDSA"} <= set(document["request_object_signing_alg_values_supported"])
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["code_challenge_methods_supported"] == ["S256"]


def test_happy_flow(first: FapiClient, second: FapiClient) -> None:
    for client in (first, second):
        told = client.read(client.bring(client.push()))
        assert told["state"] == asking()["state"] and told["iss"] == ISSUER
        assert len(told["code"]) >= 43
    assert "dummy1=lorem&dummy2=ipsum&" in location(second.bring(second.push()))


def test_happy_flow_of_plain_oauth(first: FapiClient) -> None:
    """The plan's variant openid=plain_oauth: a scope of a resource server, neither nonce nor ID token."""
    check_plain_oauth(first, first.bring(first.push(scope="matters.read", nonce=None)))


def test_happy_flow_of_plain_oauth_by_signed_messages(signing: FapiClient) -> None:
    check_plain_oauth(signing, signing.bring(signing.push_object(scope="matters.read", nonce=OMIT)))


def check_plain_oauth(client: FapiClient, answered: TestResponse) -> None:
    assert client.read(answered).keys() >= {"code", "state", "iss"}
    given = client.exchange(answered, VERIFIER).json
    assert (given["token_type"], given["scope"], "id_token" in given) == ("DPoP", "matters.read", False)
    claims = client.side.read(given["access_token"], "PS256").claims
    assert (claims["aud"], claims["cnf"].keys()) == ("http://127.0.0.1:8300", {"jkt"})


def test_user_rejects_authentication(first: FapiClient) -> None:
    first.clock.advance(1)
    _, handle = page(first.bring(first.push(prompt="login")))
    login = first.http.get("/login", query_string={"interaction": handle})
    token = login.text.split('name="csrf_token" value="')[1].split('"')[0]
    cancelled = first.http.post("/authorize/cancel", data={"interaction": handle, "csrf_token": token})
    assert first.read(first.http.get(location(cancelled)))["error"] == "access_denied"


def test_ensure_other_scope_order_succeeds(first: FapiClient) -> None:
    assert first.grant(first.bring(first.push(scope="profile openid"))).scope == {"openid", "profile"}


# --- state and nonce ------------------------------------------------------------------------------------------------


def test_ensure_authorization_request_without_state_success(first: FapiClient) -> None:
    assert "state" not in first.read(first.bring(first.push(state=None)))


@pytest.mark.parametrize(
    "nonce",
    [None, "n" * 64, "n" * 384],
    ids=[
        "ensure-authorization-request-without-nonce-success",
        "ensure-authorization-request-with-64-char-nonce-success",
        "ensure-authorization-request-with-long-nonce",
    ],
)
def test_ensure_authorization_request_without_with_64_and_with_long_nonce_success(
    first: FapiClient, nonce: str | None
) -> None:
    assert first.grant(first.bring(first.push(nonce=nonce))).nonce == nonce


def test_ensure_authorization_request_with_long_state(first: FapiClient) -> None:
    assert first.read(first.bring(first.push(state="s" * 384)))["state"] == "s" * 384


@pytest.mark.parametrize(
    "name",
    ["nonce", "state"],
    ids=[
        "ensure-different-nonce-inside-and-outside-request-object",
        "ensure-different-state-inside-and-outside-request-object",
    ],
)
def test_ensure_different_nonce_or_state_inside_and_outside_request_object(first: FapiClient, name: str) -> None:
    """What stands beside the reference does not count."""
    response = first.bring(first.push(**{name: "inside"}), **{name: "outside"})
    assert (first.grant(response).nonce if name == "nonce" else first.read(response)["state"]) == "inside"


def test_state_only_outside_request_object_not_used(signing: FapiClient) -> None:
    assert "state" not in signing.read(signing.bring(signing.push_object(state=OMIT), state="outside"))


# --- redirect URI and response type ---------------------------------------------------------------------------------


def test_ensure_redirect_uri_in_authorization_request(first: FapiClient) -> None:
    refused(first.push(redirect_uri=None), "invalid_request")


def test_ensure_request_object_without_redirect_uri_fails(signing: FapiClient) -> None:
    refused(signing.push_object(redirect_uri=OMIT), "invalid_request", "invalid_request_object")


def test_plain_fapi_tolerate_unregistered_redirect_uri(first: FapiClient) -> None:
    """We do not tolerate one: exact registration holds for everybody."""
    for redirect_uri in (CALLBACK + "/bad", SECOND_CALLBACK, "https://evil.example/"):
        refused(first.push(redirect_uri=redirect_uri), "invalid_request")


@pytest.mark.parametrize("response_type", ["code id_token", "token", "code token", "id_token", "code id_token token"])
def test_ensure_response_type_code_idtoken_fails_and_token_fails(first: FapiClient, response_type: str) -> None:
    refused(first.push(response_type=response_type), "unsupported_response_type", "unauthorized_client")


@pytest.mark.parametrize(
    ("redirect_uri", "application_type", "is_good"),
    [
        ("http://rp.example/callback", "web", False),
        ("http://127.0.0.1:9009/callback", "web", False),
        ("http://127.0.0.1:9009/callback", "native", True),
        ("http://[::1]:9009/callback", "native", True),
        ("http://127.0.0.1.evil.example/callback", "native", False),
        ("com.example.app:/callback", "native", False),
        ("HTTPS://rp.example/callback", "web", True),
    ],
)
def test_redirect_uri_is_https_or_a_native_applications_own_machine(
    side: TokenSide, clock: Clock, key: AssertionKey, redirect_uri: str, application_type: str, is_good: bool
) -> None:
    """Security Profile §5.3.2.2 item 10."""
    client = registered(side, clock, key, "fapi", "fapi2", redirect_uri)
    side.caller("fapi", **(client_metadata(side, "fapi") | {"application_type": application_type}))
    response = client.push()
    assert response.status_code == (201 if is_good else 400)
    if not is_good:
        assert response.json["error"] == "invalid_request"


def client_metadata(side: TokenSide, client_id: str) -> dict[str, Any]:
    with side.work() as context:
        found = context.find_client(client_id)
    assert found is not None
    return dict(found.metadata)


# --- pushed requests ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["fapi2", "fapi2-signing"])
def test_ensure_unsigned_authorization_request_without_using_par_fails(
    side: TokenSide, clock: Clock, key: AssertionKey, profile: str
) -> None:
    client = registered(side, clock, key, "fapi", profile, CALLBACK)
    mode = "jwt" if profile == "fapi2-signing" else None
    response = side.http.get("/authorize", query_string=client.parameters(response_mode=mode))
    told = client.read(response)
    assert told["error"] == "invalid_request" and told["state"] == asking()["state"]


def test_signed_authorization_request_without_using_par_fails(signing: FapiClient) -> None:
    beside = signing.parameters(request=signing.object(), response_mode="jwt")
    told = signing.read(signing.http.get("/authorize", query_string=beside))
    assert told["error"] == "invalid_request"
    alone = {"client_id": signing.id, "request": signing.object()}
    response = signing.http.get("/authorize", query_string=alone)
    assert response.status_code == 400 and text_of(response, "error-parameter") == "redirect_uri"


def test_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(
    first: FapiClient, add_person: AddPerson, sign_in: SignIn
) -> None:
    first.clock.advance(1)
    pushed = first.push(prompt="login")
    (before, _), (after, handle) = (page(first.bring(pushed)) for _ in range(2))
    assert before == after == "/login"
    sign_in(add_person(password=None))
    assert "code" in first.read(first.http.get("/authorize", query_string={"interaction": handle}))


def test_par_attempt_reuse_request_uri(first: FapiClient) -> None:
    pushed = first.push()
    assert "code" in first.read(first.bring(pushed))
    told = first.read(first.bring(pushed))
    assert told["error"] == "invalid_request_uri" and told["state"] == asking()["state"]


def test_par_attempt_to_use_expired_request_uri(first: FapiClient, clock: Clock) -> None:
    pushed = first.push()
    assert pushed.json["expires_in"] <= 600
    clock.advance(pushed.json["expires_in"])
    told = first.read(first.bring(pushed))
    assert told["error"] == "invalid_request_uri" and told["state"] == asking()["state"]


def test_par_attempt_to_use_request_uri_for_different_client(first: FapiClient, second: FapiClient) -> None:
    pushed = first.push()
    response = second.bring(pushed)
    assert response.status_code == 400 and text_of(response, "error-code") == "invalid_request_uri"
    told = second.read(second.bring(pushed, redirect_uri=SECOND_CALLBACK))
    assert told["error"] == "invalid_request_uri"


REQUEST_URI = "urn:fdc:example.com:E2ooXxELkEFSKR90ymYV-BbwAvCC2TozHfSb_mMCw2s"


def test_par_authorization_request_containing_request_uri_form_param(first: FapiClient) -> None:
    refused(first.push(request_uri=REQUEST_URI), "invalid_request")


def test_par_authorization_request_containing_request_uri_form_param_beside_an_object(signing: FapiClient) -> None:
    refused(signing.post({"request": signing.object(), "request_uri": REQUEST_URI}), "invalid_request")


def test_par_attempt_invalid_http_method(first: FapiClient) -> None:
    response = first.http.put("/par", data=first.parameters() | first.key.form("fapi", first.now))
    assert response.status_code == 405


def test_par_without_duplicate_parameters(first: FapiClient) -> None:
    pushed = first.push()
    assert "code" in first.read(first.bring(pushed)), "client_id and request_uri are enough"
    beside = {name: first.parameters()[name] for name in ("response_type", "scope", "redirect_uri")}
    assert "code" in first.read(first.bring(first.push(), **beside)), "and no harm where others stand beside them"


# --- PKCE -----------------------------------------------------------------------------------------------------------


def test_par_ensure_pkce_required(first: FapiClient) -> None:
    refused(first.push(code_challenge=None, code_challenge_method=None), "invalid_request")


def test_par_plain_pkce_rejected(first: FapiClient) -> None:
    refused(first.push(code_challenge_method="plain"), "invalid_request")
    refused(first.push(code_challenge_method=None), "invalid_request")


@pytest.mark.parametrize("verifier", [None, "x" * 64, VERIFIER + "x", CHALLENGE])
def test_ensure_pkce_code_verifier_required_and_incorrect_pkce_code_verifier_rejected(
    first: FapiClient, verifier: str | None
) -> None:
    refused(first.exchange(first.bring(first.push()), verifier), "invalid_grant")


def test_right_verifier_is_accepted(first: FapiClient) -> None:
    assert first.exchange(first.bring(first.push()), VERIFIER).status_code == 200


# --- the key that may redeem the code -------------------------------------------------------------------------------


def test_ensure_mismatched_dpop_jkt_fails(first: FapiClient) -> None:
    other = ProofKey.new(clock=first.clock)
    response = first.post(first.parameters(dpop_jkt=other.jkt), ProofKey.new(clock=first.clock).header("/par"))
    refused(response, "invalid_dpop_proof", "invalid_request")


@pytest.mark.parametrize("way", ["header", "parameter", "both", "object"])
def test_ensure_dpopproof_at_par_endpoint_binding_success_and_dpop_auth_code_binding_success(
    first: FapiClient, way: str
) -> None:
    key = ProofKey.new(clock=first.clock)
    said = {"dpop_jkt": key.jkt} if way in ("parameter", "both") else {}
    headers = key.header("/par") if way in ("header", "both") else {}
    request = {"request": first.object(dpop_jkt=key.jkt, response_mode=OMIT)}
    response = first.post(request if way == "object" else first.parameters(**said), headers)
    assert first.grant(first.bring(response)).dpop_jkt == key.jkt


# --- client assertions at the pushed-request endpoint ---------------------------------------------------------------


def test_par_ensure_jwt_client_assertions_nbf_8_seconds_in_the_future_is_accepted(first: FapiClient) -> None:
    ahead = int(first.now) + 8
    assert first.post(first.parameters(), nbf=ahead, iat=ahead).status_code == 201


def test_par_ensure_jwt_client_assertions_nbf_over_60_seconds_in_the_future_fails(first: FapiClient) -> None:
    ahead = int(first.now) + 61
    for claims in ({"nbf": ahead}, {"iat": ahead}):
        assert first.post(first.parameters(), **claims).status_code == 401


@pytest.mark.parametrize("audience", [[ISSUER], [ISSUER, ISSUER + "/par"], ISSUER + "/par", ISSUER + "/token"])
def test_par_test_array_par_endpoint_url_and_token_endpoint_url_as_audience_fails(
    first: FapiClient, audience: Any
) -> None:
    response = first.post(first.parameters(), aud=audience)
    assert (response.status_code, response.json["error"]) == (401, "invalid_client")


def test_assertion_is_no_request_object_and_no_object_an_assertion(signing: FapiClient) -> None:
    """RFC 9101 §10.8."""
    about_itself = signing.key.claims(signing.id, signing.now, nbf=int(signing.now))
    object_in_disguise = signing.key.sign(members(signing.id, signing.now) | about_itself)
    refused(signing.post({"request": object_in_disguise}), "invalid_request_object")
    form = {"client_assertion_type": signing.key.form(signing.id)["client_assertion_type"]}
    response = signing.http.post("/par", data=form | {"client_assertion": signing.object(jti="x")})
    assert response.status_code == 401


# --- message signing ------------------------------------------------------------------------------------------------


def test_ensure_request_object_with_multiple_aud_succeeds(signing: FapiClient) -> None:
    pushed = signing.push_object(aud=[ISSUER, "https://other1.example.com", "invalid"])
    assert "code" in signing.read(signing.bring(pushed))


def test_ensure_request_object_with_nbf_8_seconds_in_the_future_is_accepted(signing: FapiClient) -> None:
    assert signing.push_object(nbf=int(signing.now) + 8).status_code == 201


@pytest.mark.parametrize(
    ("module", "changes"),
    [
        ("ensure-request-object-without-exp-fails", {"exp": lambda now: OMIT}),
        ("ensure-request-object-without-nbf-fails", {"nbf": lambda now: OMIT}),
        ("ensure-request-object-with-bad-aud-fails", {"aud": lambda now: ISSUER + "/par"}),
        ("ensure-request-object-with-exp-over-60-fails", {"exp": lambda now: now + 70 * 60}),
        ("ensure-request-object-with-nbf-over-60-fails", {"nbf": lambda now: now - 70 * 60}),
        ("ensure-expired-request-object-fails", {"exp": lambda now: now - 5 * 60}),
        ("par-authorization-request-containing-request_uri", {"request_uri": lambda now: "urn:example:x"}),
        ("nbf far ahead", {"nbf": lambda now: now + 60}),
        ("exp before nbf's hour is over, nbf longer ago", {"nbf": lambda now: now - 3601, "exp": lambda now: now - 1}),
        ("a life of more than an hour", {"nbf": lambda now: now - 1800, "exp": lambda now: now + 1801}),
    ],
)
def test_faulty_request_object_is_refused(
    signing: FapiClient, module: str, changes: dict[str, Callable[[int], Any]]
) -> None:
    settled = {name: value(int(signing.now)) for name, value in changes.items()}
    refused(signing.push_object(**settled), "invalid_request_object")


def test_ensure_signed_request_object_with_RS256_fails(side: TokenSide, signing: FapiClient) -> None:
    """Also where the client's key could sign so."""
    key = AssertionKey("RS256", signing.key.kid, signing.key.key)
    jwk = {name: value for name, value in signing.key.public_jwk.items() if name != "alg"}
    side.caller("fapi", **(client_metadata(side, "fapi") | {"jwks": {"keys": [jwk]}}))
    assert signing.push_object().status_code == 201
    refused(signing.post({"request": signing.object(key)}), "invalid_request_object")


def test_ensure_request_object_signature_algorithm_is_not_none(signing: FapiClient) -> None:
    about = {"iss": signing.id, "aud": ISSUER, "nbf": int(signing.now), "exp": int(signing.now) + 300}
    refused(signing.post({"request": unsigned(signing.id, redirect_uri=CALLBACK, **about)}), "invalid_request_object")


def test_ensure_request_object_with_invalid_signature_fails(signing: FapiClient) -> None:
    head, body, signature = signing.object().split(".")
    for bad in (signature[:-8] + "AAAAAAAA", signature[::-1], ""):
        refused(signing.post({"request": f"{head}.{body}.{bad}"}), "invalid_request_object")


def test_ensure_matching_key_in_authorization_request(
    side: TokenSide, clock: Clock, signing: FapiClient, second_key: AssertionKey
) -> None:
    registered(side, clock, second_key, "fapi-2", "fapi2-signing", SECOND_CALLBACK)
    refused(signing.post({"request": signing.object(second_key)}), "invalid_request_object")


def test_ensure_unsigned_request_at_par_endpoint_fails(signing: FapiClient) -> None:
    refused(signing.push(response_mode="jwt"), "invalid_request")


def test_response_must_be_asked_for_signed(signing: FapiClient) -> None:
    """Message Signing §5.4.1."""
    for mode in (OMIT, "query", "form_post"):
        refused(signing.push_object(response_mode=mode), "invalid_request")


def test_each_object_is_answered_once(signing: FapiClient) -> None:
    """Also when it is pushed twice, or signed twice with one jti."""
    request = signing.object()
    pushes = [signing.post({"request": request}) for _ in range(2)]
    assert "code" in signing.read(signing.bring(pushes[0]))
    assert signing.read(signing.bring(pushes[1]))["error"] == "invalid_request_uri"
    pushes = [signing.push_object(jti="one", nonce=nonce) for nonce in ("a", "b")]
    assert "code" in signing.read(signing.bring(pushes[0]))
    assert signing.read(signing.bring(pushes[1]))["error"] == "invalid_request_uri"
    assert "code" in signing.read(signing.bring(signing.push_object(jti="two")))


def test_claims_in_a_request_object_are_kept(signing: FapiClient) -> None:
    """test-claims-parameter-identity-claims, as far as the request goes."""
    claims = {"id_token": {"email": {"essential": True}}, "userinfo": {"name": None, "sub": None}}
    grant = signing.grant(signing.bring(signing.push_object(claims=claims)))
    assert json.loads(json.dumps(grant.requested_claims)) == claims
