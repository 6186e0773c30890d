"""FAPI 2.0 Security Profile at the back channel: how its clients authenticate, what their tokens are bound to, how
codes and refresh tokens live (§5.3.2.1, §5.3.2.2, §5.4). Tests bear the names of the certification suite's modules.

The authorization request is in other files; DPoP by itself in test_rfc9449.py, certificates in test_rfc8705_tokens.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from idp.crypto.jose import read_unverified
from tests.assertions import ISSUER, OMIT, AssertionKey
from tests.clock import Clock
from tests.proofs import ProofKey
from tests.specs.test_rfc8705_tokens import CERTIFICATE, Connection, body, thumbprint
from tests.token_side import Caller, TokenSide, bearer


@pytest.fixture(scope="module")
def own() -> AssertionKey:
    return AssertionKey.new("PS256")


@pytest.fixture(scope="module")
def others() -> AssertionKey:
    return AssertionKey.new("ES256")


@pytest.fixture
def key(clock: Clock) -> ProofKey:
    return ProofKey.new(clock=clock)


@pytest.fixture
def other_key(clock: Clock) -> ProofKey:
    return ProofKey.new(clock=clock)


@pytest.fixture
def caller(side: TokenSide, own: AssertionKey) -> Caller:
    return register(side, "fapi", own)


@pytest.fixture
def second(side: TokenSide, others: AssertionKey) -> Caller:
    return register(side, "second", others)


def register(side: TokenSide, client_id: str, key: AssertionKey, **metadata: Any) -> Caller:
    known = {"profile": "fapi2", "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key.public_jwk]}}
    return side.caller(client_id, **known | metadata)


def ask(caller: Caller, own: AssertionKey, proof: ProofKey | None, form: dict[str, Any]) -> TestResponse:
    """A token request with an assertion, and with a proof where there is a key for it."""
    return caller.http.post("/token", data=form | own.form(caller.id), headers=proof.header() if proof else {})


def of_code(side: TokenSide, caller: Caller, **changes: Any) -> dict[str, Any]:
    return {"grant_type": "authorization_code"} | side.code(caller, side.person(), **changes).parameters()


def of_refresh(token: str) -> dict[str, Any]:
    return {"grant_type": "refresh_token", "refresh_token": token, "scope": "openid profile"}


CREDENTIALS = {"grant_type": "client_credentials"}


def error_of(response: TestResponse) -> tuple[int, str]:
    return response.status_code, response.json["error"]


def show(caller: Caller, key: ProofKey, token: str) -> TestResponse:
    return caller.http.get("/userinfo", headers=key.presenting(token))


# --- algorithms ------------------------------------------------------------------


@pytest.mark.parametrize("grant", ["code", "refresh", "credentials"])
def test_no_token_is_signed_by_an_algorithm_the_profile_forbids(
    side: TokenSide, caller: Caller, own: AssertionKey, key: ProofKey, grant: str
) -> None:
    """§5.4.1: PS256, ES256 or EdDSA for every JWT, access tokens too; others get these by our first algorithm."""
    form = CREDENTIALS if grant == "credentials" else of_code(side, caller)
    given = ask(caller, own, key, form).json
    if grant == "refresh":
        given = ask(caller, own, key, of_refresh(given["refresh_token"])).json
    for name in {"access_token", "id_token"} & given.keys():
        assert read_unverified(given[name])[0]["alg"] == "PS256"
        assert side.read(given[name], "PS256").claims["iss"] == ISSUER
    other = side.caller("other").token("client_credentials").json["access_token"]
    assert read_unverified(other)[0]["alg"] == "RS256"


def test_where_no_key_of_ours_fits_there_is_no_token(
    make_app: Any, new_http: Any, register_client: Any, own: AssertionKey, key: ProofKey
) -> None:
    app = make_app(key_algorithms=("RS256",))
    metadata = {"profile": "fapi2", "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [own.public_jwk]}}
    client, _ = register_client("fapi", provider=app.extensions["tongxing"], **metadata)
    response = ask(Caller(new_http(app), client), own, key, CREDENTIALS)
    assert error_of(response) == (400, "invalid_request")


# --- client assertion ------------------------------------------------------------


def test_happy_flow(side: TokenSide, caller: Caller, own: AssertionKey, key: ProofKey) -> None:
    given = ask(caller, own, key, of_code(side, caller)).json
    assert given["token_type"] == "DPoP"
    assert given["expires_in"] == 600
    assert len(given["refresh_token"]) >= 43
    assert show(caller, key, given["access_token"]).status_code == 200


def test_happy_flow_of_client_credentials(side: TokenSide, caller: Caller, own: AssertionKey, key: ProofKey) -> None:
    """The plan's profile fapi_client_credentials_grant: nobody's token but the client's, and none to refresh."""
    assert "client_credentials" in caller.http.get("/.well-known/openid-configuration").json["grant_types_supported"]
    given = ask(caller, own, key, CREDENTIALS | {"scope": "matters.read"}).json
    assert given.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert (given["token_type"], given["scope"]) == ("DPoP", "matters.read")
    claims = side.read(given["access_token"], "PS256").claims
    assert (claims["sub"], claims["client_id"], claims["cnf"]) == (caller.id, caller.id, {"jkt": key.jkt})


def test_refresh_token_of_plain_oauth(side: TokenSide, caller: Caller, own: AssertionKey, key: ProofKey) -> None:
    """The plan's variant openid=plain_oauth: no ID token at the code nor at the refresh, and no userinfo."""
    given = ask(caller, own, key, of_code(side, caller, scope=frozenset({"matters.read"}))).json
    again = ask(caller, own, key, of_refresh(given["refresh_token"]) | {"scope": "matters.read"}).json
    for answer in (given, again):
        assert "id_token" not in answer
        assert show(caller, key, answer["access_token"]).status_code in (401, 403)


def test_ensure_client_assertion_in_token_endpoint(
    side: TokenSide, caller: Caller, own: AssertionKey, key: ProofKey
) -> None:
    form = of_code(side, caller) | {"client_id": caller.id}
    response = caller.http.post("/token", data=form, headers=key.header())
    assert error_of(response) == (401, "invalid_client")


def test_ensure_client_id_in_token_endpoint(
    side: TokenSide, caller: Caller, second: Caller, own: AssertionKey, key: ProofKey
) -> None:
    """The second client's name and assertion, signed by the first one's key."""
    form = of_code(side, caller) | own.form(second.id) | {"client_id": second.id}
    assert error_of(caller.http.post("/token", data=form, headers=key.header())) == (401, "invalid_client")


def test_ensure_signed_client_assertion_with_RS256_fails(side: TokenSide, key: ProofKey) -> None:
    for registered in ({}, {"token_endpoint_auth_signing_alg": "RS256"}):
        rs256 = AssertionKey.new("RS256")
        caller = register(side, "rs256", rs256, **registered)
        assert error_of(ask(caller, rs256, key, CREDENTIALS)) == (401, "invalid_client")


ASSERTIONS: dict[str, tuple[dict[str, Any], bool]] = {
    "ensure-client-assertion-with-wrong-aud-fails": ({"aud": "https://www.other1.example.com/"}, False),
    "ensure-client-assertion-with-no-sub-fails": ({"sub": OMIT}, False),
    "par-test-array-as-audience-fails": ({"aud": [ISSUER]}, False),
    "par-test-par-endpoint-url-as-audience-fails": ({"aud": f"{ISSUER}/par"}, False),
    "par-test-token-endpoint-url-as-audience-fails": ({"aud": f"{ISSUER}/token"}, False),
    "issuer as a string": ({"aud": ISSUER}, True),
}


@pytest.mark.parametrize(("changes", "accepted"), ASSERTIONS.values(), ids=ASSERTIONS.keys())
def test_client_assertions(
    caller: Caller, own: AssertionKey, key: ProofKey, changes: dict[str, Any], accepted: bool
) -> None:
    response = caller.http.post("/token", data=CREDENTIALS | own.form(caller.id, **changes), headers=key.header())
    assert response.status_code == (200 if accepted else 401)


@pytest.mark.parametrize(
    ("offsets", "accepted"),
    [
        ({"exp": -300}, False),  # ensure-client-assertion-with-exp-is-5-minutes-in-past-fails
        ({"iat": 8, "nbf": 8}, True),  # par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted
        ({"iat": 61, "nbf": 61, "exp": 120}, False),  # …-nbf-over-60-seconds-in-the-future-fails
    ],
)
def test_times_of_client_assertions(
    caller: Caller, own: AssertionKey, key: ProofKey, offsets: dict[str, int], accepted: bool
) -> None:
    form = own.form(caller.id, key.moment(), **{name: key.moment(offset) for name, offset in offsets.items()})
    response = caller.http.post("/token", data=CREDENTIALS | form, headers=key.header())
    assert response.status_code == (200 if accepted else 401)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
@pytest.mark.parametrize("profile", ["fapi2", "fapi2-signing"])
def test_weak_authentication_lets_nobody_in(side: TokenSide, key: ProofKey, method: str, profile: str) -> None:
    caller = side.caller("weak", profile=profile, token_endpoint_auth_method=method)
    assert error_of(caller.post("/token", CREDENTIALS, key.header())) == (401, "invalid_client")


def test_a_shared_secret_lets_nobody_in(side: TokenSide, key: ProofKey) -> None:
    from joserfc.jwk import OctKey

    caller = side.caller("weak", profile="fapi2", token_endpoint_auth_method="client_secret_jwt")
    secret = AssertionKey("HS256", "", OctKey.import_key(caller.secret or ""))
    assert error_of(ask(caller, secret, key, CREDENTIALS)) == (401, "invalid_client")


# --- holder of key ------------------------------------------------------------


def test_ensure_holder_of_key_required(side: TokenSide, caller: Caller, own: AssertionKey, key: ProofKey) -> None:
    """No grant gives an unbound token, and the refusal uses nothing up."""
    form = of_code(side, caller)
    assert error_of(ask(caller, own, None, form)) == (400, "invalid_request")
    given = ask(caller, own, key, form).json
    assert error_of(ask(caller, own, None, of_refresh(given["refresh_token"]))) == (400, "invalid_request")
    assert error_of(ask(caller, own, None, CREDENTIALS)) == (400, "invalid_request")
    assert ask(caller, own, key, CREDENTIALS).json["token_type"] == "DPoP"


def test_the_certificate_binds_where_no_proof_is_brought(side: TokenSide, own: AssertionKey) -> None:
    caller = register(side, "mtls", own)
    reply = Connection(side).token(caller, **CREDENTIALS, **own.form("mtls"))
    answer = body(reply)
    assert answer["token_type"] == "Bearer"
    assert side.read(answer["access_token"], "PS256").claims["cnf"] == thumbprint(CERTIFICATE)


@pytest.mark.parametrize("scheme", ["dPOP", "dpop"])
def test_access_token_type_header_case_sensitivity(
    side: TokenSide, caller: Caller, own: AssertionKey, key: ProofKey, scheme: str
) -> None:
    token = ask(caller, own, key, of_code(side, caller)).json["access_token"]
    headers = key.presenting(token) | {"Authorization": f"{scheme} {token}"}
    assert caller.http.get("/userinfo", headers=headers).status_code == 200


def test_the_token_as_bearer_is_refused(side: TokenSide, caller: Caller, own: AssertionKey, key: ProofKey) -> None:
    token = ask(caller, own, key, of_code(side, caller)).json["access_token"]
    assert caller.http.get("/userinfo", headers=bearer(token)).status_code == 401
    assert show(caller, key, token).status_code == 200


# --- DPoP ------------------------------------------------------------


def test_check_dpop_proof_nbf_exp(side: TokenSide, caller: Caller, own: AssertionKey, key: ProofKey) -> None:
    times = {"nbf": key.moment(), "exp": key.moment(300)}
    form = of_code(side, caller) | own.form(caller.id)
    token = caller.http.post("/token", data=form, headers=key.header(**times)).json["access_token"]
    assert caller.http.get("/userinfo", headers=key.presenting(token, **times)).status_code == 200


@pytest.mark.parametrize(
    "offset",
    [-10, 8, 10],
    ids=[
        "ensure-dpopproof-with-iat-10seconds-before-succeeds",
        "8 seconds after, as other plans do",
        "ensure-dpopproof-with-iat-10seconds-after-succeeds",
    ],
)
def test_ensure_dpopproof_with_iat_10seconds_before_and_after_succeeds(
    side: TokenSide, caller: Caller, own: AssertionKey, key: ProofKey, offset: int
) -> None:
    iat = key.moment(offset)
    form = of_code(side, caller) | own.form(caller.id)
    token = caller.http.post("/token", data=form, headers=key.header(iat=iat)).json["access_token"]
    assert caller.http.get("/userinfo", headers=key.presenting(token, iat=iat)).status_code == 200


def test_ensure_token_endpoint_fails_with_mismatched_dpop_jkt(
    side: TokenSide, caller: Caller, own: AssertionKey, key: ProofKey, other_key: ProofKey
) -> None:
    """Whether the key was named in the authorization request (dpop_jkt) or proved at its pushing."""
    form = of_code(side, caller, dpop_jkt=key.jkt)
    assert error_of(ask(caller, own, other_key, form)) == (400, "invalid_grant")
    assert error_of(ask(caller, own, key, form)) == (400, "invalid_grant")  # burnt


def test_ensure_dpop_auth_code_binding_success(
    side: TokenSide, caller: Caller, own: AssertionKey, key: ProofKey
) -> None:
    assert ask(caller, own, key, of_code(side, caller, dpop_jkt=key.jkt)).status_code == 200


# --- code ------------------------------------------------------------


def test_ensure_authorization_code_is_bound_to_client(
    side: TokenSide, caller: Caller, second: Caller, others: AssertionKey, key: ProofKey
) -> None:
    assert error_of(ask(second, others, key, of_code(side, caller))) == (400, "invalid_grant")


def test_attempt_reuse_authorization_code_after_one_second(
    side: TokenSide, caller: Caller, own: AssertionKey, key: ProofKey, clock: Clock
) -> None:
    form = of_code(side, caller)
    token = ask(caller, own, key, form).json["access_token"]
    clock.advance(1)
    assert error_of(ask(caller, own, key, form)) == (400, "invalid_grant")
    assert show(caller, key, token).status_code == 401


@pytest.mark.parametrize(("seconds", "accepted"), [(59, True), (60, False), (62, False)])
def test_ensure_token_endpoint_fails_with_expired_auth_code(
    side: TokenSide, caller: Caller, own: AssertionKey, key: ProofKey, clock: Clock, seconds: int, accepted: bool
) -> None:
    form = of_code(side, caller)
    clock.advance(seconds)
    data = form | own.form(caller.id, key.moment())
    response = caller.http.post("/token", data=data, headers=key.header())
    assert response.status_code == (200 if accepted else 400)
    assert accepted or response.json["error"] == "invalid_grant"


# --- refresh ------------------------------------------------------------


def test_refresh_token(
    side: TokenSide,
    caller: Caller,
    second: Caller,
    own: AssertionKey,
    others: AssertionKey,
    key: ProofKey,
    other_key: ProofKey,
) -> None:
    """In the module's order: with another key, without authentication, without a proof, by another client."""
    given = ask(caller, own, key, of_code(side, caller)).json
    form = of_refresh(given["refresh_token"])
    following = ask(caller, own, other_key, form).json
    assert following["token_type"] == "DPoP"
    assert side.read(following["access_token"], "PS256").claims["cnf"] == {"jkt": other_key.jkt}
    response = caller.http.post("/token", data=form, headers=key.header())
    assert error_of(response) == (401, "invalid_client")
    response = caller.http.post("/token", data=form | {"client_id": caller.id}, headers=key.header())
    assert error_of(response) == (401, "invalid_client")
    assert error_of(ask(caller, own, None, form)) == (400, "invalid_request")
    assert error_of(ask(second, others, key, form)) == (400, "invalid_grant")
    assert ask(caller, own, key, form).status_code == 200


@pytest.mark.usefixtures("both_engines")
def test_the_refresh_token_is_not_replaced(
    side: TokenSide, caller: Caller, own: AssertionKey, key: ProofKey, clock: Clock
) -> None:
    """A lost answer does not lose the family: the old token works long after (§5.3.2.1)."""
    form = of_refresh(ask(caller, own, key, of_code(side, caller)).json["refresh_token"])
    tokens = set()
    for seconds in (0, 31, 86400):
        clock.advance(seconds)
        data = form | own.form(caller.id, key.moment())
        answer = caller.http.post("/token", data=data, headers=key.header()).json
        assert answer["refresh_token"] == form["refresh_token"]
        tokens.add(answer["access_token"])
    assert len(tokens) == 3


def test_each_use_moves_the_idle_end_and_never_the_absolute_one(
    side: TokenSide, caller: Caller, own: AssertionKey, key: ProofKey, clock: Clock
) -> None:
    form = of_refresh(ask(caller, own, key, of_code(side, caller)).json["refresh_token"])
    for days, accepted in ((13, True), (13, True), (5, False)):  # 14 days without use, 30 at most
        clock.advance(days * 86400)
        data = form | own.form(caller.id, key.moment())
        response = caller.http.post("/token", data=data, headers=key.header())
        assert response.status_code == (200 if accepted else 400)


def test_revocation_ends_it(side: TokenSide, caller: Caller, own: AssertionKey, key: ProofKey) -> None:
    given = ask(caller, own, key, of_code(side, caller)).json
    response = caller.http.post("/revoke", data={"token": given["refresh_token"]} | own.form(caller.id))
    assert response.status_code == 200
    assert show(caller, key, given["access_token"]).status_code == 401
    assert error_of(ask(caller, own, key, of_refresh(given["refresh_token"]))) == (400, "invalid_grant")
