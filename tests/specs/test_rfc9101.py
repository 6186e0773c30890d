"""RFC 9101 signed and encrypted request objects: what an object must be to count, and that nothing beside it does."""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as some
from werkzeug.test import TestResponse

from idp.context import Context
from idp.domain.account import Account
from idp.domain.grant import Grant
from idp.protocol.request_object_parameters import LISTS, NUMBERS, OBJECTS, TEXTS
from tests.assertions import ISSUER, OMIT, AssertionKey
from tests.authorizing import REDIRECT_URI, answer, asking, grant_of, page, text_of
from tests.clock import Clock
from tests.conftest import AddPerson, RegisterClient, SignIn
from tests.request_objects import encrypted, members, signed, unsigned
from tests.statements import Statements
from tests.token_side import Caller, TokenSide

Count = Callable[..., AbstractContextManager[Statements]]
Work = Callable[[], AbstractContextManager[Context]]


@pytest.fixture(scope="module")
def key() -> AssertionKey:
    return AssertionKey.new("ES256")


@pytest.fixture(scope="module")
def other_key() -> AssertionKey:
    return AssertionKey.new("ES256")


@pytest.fixture
def caller(side: TokenSide, key: AssertionKey) -> Caller:
    return side.caller("client", is_first_party=True, jwks={"keys": [key.public_jwk]})


@pytest.fixture
def person(add_person: AddPerson, sign_in: SignIn) -> Account:
    account = add_person(password=None)
    sign_in(account)
    return account


def ask(http: FlaskClient, **parameters: Any) -> TestResponse:
    return http.get("/authorize", query_string=urlencode({"client_id": "client"} | parameters, doseq=True))


def granted(work: Work, response: TestResponse) -> Grant:
    told = answer(response)
    assert "code" in told, told
    return grant_of(work, told["code"])


def moment(clock: Clock) -> float:
    return clock().timestamp()


# --- §5, §6.3: the object alone counts ------------------------------------------------------------------------------


@pytest.mark.usefixtures("caller", "person")
def test_object_holds_the_whole_request(http: FlaskClient, work: Work, key: AssertionKey) -> None:
    response = ask(http, request=signed(key, scope="openid profile", nonce="inside"))
    assert answer(response)["state"] == asking()["state"]
    grant = granted(work, response)
    assert grant.scope == {"openid", "profile"} and grant.nonce == "inside"
    assert grant.code_challenge == asking()["code_challenge"]


@pytest.mark.usefixtures("caller", "person")
def test_parameters_outside_do_not_count(http: FlaskClient, work: Work, key: AssertionKey) -> None:
    outside = {"state": "outside", "nonce": "outside", "prompt": "create", "redirect_uri": "https://evil.example/"}
    response = ask(http, request=signed(key, state=OMIT, nonce=OMIT), **outside)
    assert "state" not in answer(response)
    assert granted(work, response).nonce is None


@pytest.mark.usefixtures("caller", "person")
def test_object_may_be_posted(http: FlaskClient, key: AssertionKey) -> None:
    response = http.post("/authorize", data={"client_id": "client", "request": signed(key)})
    path, handle = page(response)
    assert "code" in answer(http.get(path, query_string={"interaction": handle}))


@pytest.mark.usefixtures("caller")
def test_object_that_expires_while_the_person_logs_in_has_done_its_work(
    http: FlaskClient, key: AssertionKey, clock: Clock, add_person: AddPerson, sign_in: SignIn
) -> None:
    _, handle = page(ask(http, request=signed(key, now=moment(clock))))
    clock.advance(800)
    sign_in(add_person(password=None))
    assert "code" in answer(http.get("/authorize", query_string={"interaction": handle}))


@pytest.mark.usefixtures("caller", "person")
def test_json_values_become_what_the_checks_expect(
    http: FlaskClient, work: Work, key: AssertionKey, clock: Clock
) -> None:
    request = signed(
        key,
        max_age=10_000,
        claims={"userinfo": {"nickname": None}, "id_token": {"acr": {"essential": True}}},
        resource=["http://127.0.0.1:8300", ISSUER],
        unheard_of={"a": [1]},
        other=None,
    )
    grant = granted(work, ask(http, request=request))
    assert grant.requested_claims == {"userinfo": {"nickname": None}, "id_token": {"acr": {"essential": True}}}
    assert grant.audience == ("http://127.0.0.1:8300", ISSUER)
    for change in ({"max_age": "10000"}, {"resource": ISSUER}, {"claims": '{"userinfo":{"nickname":null}}'}):
        assert "code" in answer(ask(http, request=signed(key, **change)))
    clock.advance(1)
    assert answer(ask(http, request=signed(key, max_age=0, prompt="none")))["error"] == "login_required"


WRONG_TYPES = [
    *({name: value} for name in sorted(TEXTS - {"client_id", "redirect_uri"}) for value in (7, None, ["x"], {}, True)),
    *({"max_age": value} for value in (1.5, True, None, [1], {}, 1e300)),
    *({"claims": value} for value in ([], 7, True, None)),
    *({"resource": value} for value in (7, {}, None, [7], [["x"]], [None])),
    {"state": "\ud800"},
    {"claims": {"userinfo": {"\udfff": None}}},
    {"resource": ["x", "\ud800"]},
]


@pytest.mark.parametrize("changes", WRONG_TYPES, ids=lambda value: ascii(value)[:60])
@pytest.mark.usefixtures("caller")
def test_member_of_a_wrong_type_is_refused(http: FlaskClient, key: AssertionKey, changes: dict[str, Any]) -> None:
    told = answer(ask(http, request=signed(key, **changes), redirect_uri=REDIRECT_URI))
    assert told["error"] == "invalid_request_object"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "banana"}, "unsupported_response_type"),
        ({"scope": "unheard-of"}, "invalid_scope"),
        ({"code_challenge": OMIT}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": -1}, "invalid_request"),
        ({"claims": {"userinfo": []}}, "invalid_request"),
        ({"resource": ["https://elsewhere.example"]}, "invalid_target"),
        ({"login_hint": "a\nb"}, "invalid_request"),
        ({"state": "x" * 1025}, "invalid_request"),
        ({"dpop_jkt": "short"}, "invalid_request"),
        ({"registration": {}}, "registration_not_supported"),
    ],
)
@pytest.mark.usefixtures("caller")
def test_parameters_inside_are_checked_like_any(
    http: FlaskClient, key: AssertionKey, changes: dict[str, Any], error: str
) -> None:
    assert answer(ask(http, request=signed(key, **changes)))["error"] == error


# --- §4, §6.1, §6.2, §10.8: what makes an object count --------------------------------------------------------------


def _at(offset: int) -> Callable[[float], int]:
    return lambda now: int(now) + offset


def described(value: Any) -> str:
    """A parameter's name in the list of tests, the same in every process: no addresses of objects."""
    return re.sub(r" at 0x[0-9a-f]+", "", ascii(value))[:50]


REFUSED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("§4 iss", {}, {"iss": "other"}),
    ("§4 iss", {}, {"iss": OMIT}),
    ("§4 iss", {}, {"iss": ["client"]}),
    ("§4 aud", {}, {"aud": "https://elsewhere.example"}),
    ("§4 aud", {}, {"aud": ISSUER + "/"}),
    ("§4 aud", {}, {"aud": ISSUER + "/authorize"}),
    ("§4 aud", {}, {"aud": []}),
    ("§4 aud", {}, {"aud": ["https://elsewhere.example"]}),
    ("§4 aud", {}, {"aud": {ISSUER: 1}}),
    ("§4 aud", {}, {"aud": OMIT}),
    ("§4 aud", {}, {"aud": None}),
    ("§6.3 client_id", {}, {"client_id": "other"}),
    ("§6.3 client_id", {}, {"client_id": OMIT}),
    ("§6.3 client_id", {}, {"client_id": ["client"]}),
    ("RFC 7519 §4.1.4", {}, {"exp": _at(0)}),
    ("RFC 7519 §4.1.4", {}, {"exp": _at(-600)}),
    ("RFC 7519 §4.1.4", {}, {"exp": OMIT}),
    ("RFC 7519 §4.1.4", {}, {"exp": "soon"}),
    ("RFC 7519 §4.1.4", {}, {"exp": None}),
    ("RFC 7519 §4.1.4", {}, {"exp": True}),
    ("RFC 7519 §4.1.4", {}, {"exp": 10**400}),
    ("RFC 7519 §4.1.4", {}, {"exp": float("nan")}),
    ("RFC 7519 §4.1.4", {}, {"exp": float("inf")}),
    ("RFC 7519 §4.1.5", {}, {"nbf": _at(60)}),
    ("RFC 7519 §4.1.5", {}, {"nbf": "now"}),
    ("RFC 7519 §4.1.5", {}, {"nbf": None}),
    ("RFC 7519 §4.1.6", {}, {"iat": _at(60)}),
    ("RFC 7519 §4.1.6", {}, {"iat": [1]}),
    ("§4 request", {}, {"request": "x.y.z"}),
    ("§4 request_uri", {}, {"request_uri": "urn:example:x"}),
    ("§4 request_uri", {}, {"request_uri": None}),
    ("§10.8 sub", {}, {"sub": "client"}),
    ("§10.8 typ", {"typ": "client-authentication+jwt"}, {}),
    ("§10.8 typ", {"typ": "dpop+jwt"}, {}),
    ("§10.8 typ", {"typ": "at+jwt"}, {}),
    ("§10.8 typ", {"typ": 7}, {}),
    ("§10.8 typ", {"typ": "JOSE"}, {}),
    ("RFC 7515 §4.1.11", {"crit": ["exp"], "exp": 1}, {}),
    ("§6.2 kid", {"kid": "unknown"}, {}),
    ("§6.2 kid", {"kid": 7}, {}),
]


@pytest.mark.parametrize(("section", "header", "changes"), REFUSED, ids=described)
@pytest.mark.usefixtures("caller")
def test_object_that_does_not_count_is_refused_at_the_redirect_uri_outside_or_on_a_page(
    http: FlaskClient, key: AssertionKey, clock: Clock, section: str, header: dict[str, Any], changes: dict[str, Any]
) -> None:
    now = moment(clock)
    settled = {name: value(now) if callable(value) else value for name, value in changes.items()}
    request = signed(key, now=now, header=header, **settled)
    told = answer(ask(http, request=request, redirect_uri=REDIRECT_URI, state="outside"))
    assert told["error"] == "invalid_request_object", section
    assert told["state"] == "outside" and told["iss"] == ISSUER
    response = ask(http, request=request)
    assert response.status_code == 400 and "Location" not in response.headers
    assert text_of(response, "error-code") == "invalid_request_object"
    assert text_of(response, "error-parameter") == "request"


ACCEPTED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("§4 aud", {}, {"aud": [ISSUER]}),
    ("§4 aud", {}, {"aud": ["https://elsewhere.example", ISSUER, 7]}),
    ("RFC 7519 §4.1.4", {}, {"exp": _at(1)}),
    ("RFC 7519 §4.1.4", {}, {"exp": _at(86_400)}),
    ("RFC 7519 §4.1.5", {}, {"nbf": _at(8)}),
    ("RFC 7519 §4.1.5", {}, {"nbf": OMIT}),
    ("RFC 7519 §4.1.5", {}, {"nbf": _at(-86_400)}),
    ("RFC 7519 §4.1.6", {}, {"iat": _at(8)}),
    ("RFC 7519 §2", {}, {"iat": 1.5}),
    ("RFC 7519 §4.1.7", {}, {"jti": "x"}),
    ("§10.8 sub", {}, {"sub": "somebody"}),
    ("§4 typ", {"typ": OMIT}, {}),
    ("§4 typ", {"typ": "JWT"}, {}),
    ("§4 typ", {"typ": "OautH-auThZ-REQ+jWt"}, {}),
    ("§4 typ", {"typ": "application/oauth-authz-req+jwt"}, {}),
    ("RFC 7515 §4.1.4", {"kid": OMIT}, {}),
]


@pytest.mark.parametrize(("section", "header", "changes"), ACCEPTED, ids=described)
@pytest.mark.usefixtures("caller", "person")
def test_object_that_is_good_enough_counts(
    http: FlaskClient, key: AssertionKey, clock: Clock, section: str, header: dict[str, Any], changes: dict[str, Any]
) -> None:
    now = moment(clock)
    settled = {name: value(now) if callable(value) else value for name, value in changes.items()}
    assert "code" in answer(ask(http, request=signed(key, now=now, header=header, **settled))), section


@pytest.mark.parametrize(
    "text", ["x", "x.y.z", "e30.e30.e30", "..", "....", "a" * 20_000, "é", "eyJhbGciOiJub25lIn0.W10."]
)
@pytest.mark.usefixtures("caller")
def test_what_is_no_jwt_is_refused(http: FlaskClient, text: str) -> None:
    assert answer(ask(http, request=text, redirect_uri=REDIRECT_URI))["error"] == "invalid_request_object"


@pytest.mark.usefixtures("caller")
def test_signature_must_be_by_a_key_of_this_client(
    http: FlaskClient, side: TokenSide, key: AssertionKey, other_key: AssertionKey
) -> None:
    """fapi2 ensure-request-object-with-invalid-signature-fails, ensure-matching-key-in-authorization-request."""
    side.caller("other", jwks={"keys": [other_key.public_jwk]})
    good = signed(key)
    head, body, signature = good.split(".")
    for request in (
        signed(other_key),
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{head}.{signed(key, scope='openid phone').split('.')[1]}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
    ):
        assert answer(ask(http, request=request, redirect_uri=REDIRECT_URI))["error"] == "invalid_request_object"


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_each_algorithm_of_the_profile_counts_and_only_the_registered_one_if_any(
    http: FlaskClient, side: TokenSide, alg: str
) -> None:
    key = AssertionKey.new(alg)
    for registered, is_good in ((None, True), (alg, True), ("ES256" if alg != "ES256" else "PS256", False)):
        side.caller("client", jwks={"keys": [key.public_jwk]}, request_object_signing_alg=registered)
        told = answer(ask(http, request=signed(key, prompt="none"), redirect_uri=REDIRECT_URI))
        assert told["error"] == ("login_required" if is_good else "invalid_request_object")


def test_hmac_with_the_public_key_or_the_secret_is_no_signature(http: FlaskClient, side: TokenSide) -> None:
    """RFC 8725 §3.1."""
    key = AssertionKey.new("RS256")
    caller = side.caller("client", jwks={"keys": [key.public_jwk]})
    for secret in (key.key.as_pem(private=False), (caller.secret or "").encode()):
        text = signed(key, header={"alg": "HS256"}).rpartition(".")[0]
        mac = base64.urlsafe_b64encode(hmac.digest(secret, text.encode(), "sha256")).rstrip(b"=").decode()
        told = answer(ask(http, request=f"{text}.{mac}", redirect_uri=REDIRECT_URI))
        assert told["error"] == "invalid_request_object"


def test_keys_published_at_an_address_count(
    make_app: Callable[..., Flask],
    new_http: Callable[[Flask], FlaskClient],
    register_client: RegisterClient,
    serve: Callable[..., str],
    key: AssertionKey,
) -> None:
    site = Flask("client")
    site.add_url_rule("/jwks", "jwks", lambda: {"keys": [key.public_jwk]})
    address = serve(site)
    app = make_app(outbound_allow=(address.removeprefix("http://"),))
    register_client(provider=app.extensions["tongxing"], jwks_uri=f"{address}/jwks")
    assert answer(ask(new_http(app), request=signed(key, prompt="none")))["error"] == "login_required"


# --- §6.1: encrypted to us ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["RSA-OAEP-256", "ECDH-ES"])
@pytest.mark.parametrize("enc", ["A256GCM", "A128GCM", "A128CBC-HS256", "A256CBC-HS512"])
@pytest.mark.usefixtures("caller", "person")
def test_encrypted_object_is_opened_with_the_published_key(
    http: FlaskClient, key: AssertionKey, alg: str, enc: str
) -> None:
    request = encrypted(http.get("/jwks").json, signed(key), alg, enc)
    assert "code" in answer(ask(http, request=request))


@pytest.mark.usefixtures("caller", "person")
def test_encrypted_object_may_say_outside_whose_it_is(http: FlaskClient, key: AssertionKey) -> None:
    """RFC 7519 §5.3; RFC 7516 §4: header members that are not known are ignored."""
    request = encrypted(http.get("/jwks").json, signed(key), issuer="client")
    assert "code" in answer(ask(http, request=request))


@pytest.mark.usefixtures("caller")
def test_encryption_is_no_signature(http: FlaskClient, key: AssertionKey) -> None:
    jwks = http.get("/jwks").json
    good = encrypted(jwks, signed(key))
    for request in (
        encrypted(jwks, unsigned()),
        encrypted(jwks, "not a token"),
        encrypted(jwks, good),
        encrypted(jwks, signed(key), kid="unknown"),
        good[:-4] + "AAAA",
        "." + good.partition(".")[2],
        good.replace(".", "..", 1),
    ):
        assert answer(ask(http, request=request, redirect_uri=REDIRECT_URI))["error"] == "invalid_request_object"


# --- §10.5: clients that must sign ----------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["client", "deployment"])
def test_beside_an_object_that_must_be_signed_nothing_counts(
    make_app: Any, new_http: Any, register_client: RegisterClient, add_person: AddPerson, sign_in: SignIn, by: str
) -> None:
    """§10.5: otherwise whoever hands the link on adds what the object lacks: a redirect URI, a challenge, claims
    (OpenID Connect Core §6.1 merges them for clients that need not sign)."""
    app = make_app(require_signed_request_object=by == "deployment")
    provider, http, key = app.extensions["tongxing"], new_http(app), AssertionKey.new()
    metadata = {"jwks": {"keys": [key.public_jwk]}} | (
        {"require_signed_request_object": True} if by == "client" else {}
    )
    register_client(is_first_party=True, provider=provider, **metadata)
    sign_in(add_person(password=None, provider=provider), http=http)
    beside = {"response_type": "code", "scope": "openid profile", "nonce": "outside", "state": "outside"}
    response = ask(http, request=signed(key, state=OMIT, nonce=OMIT, scope="openid"), **beside)
    assert "state" not in answer(response)
    grant = granted(provider.work, response)
    assert (grant.nonce, grant.scope) == (None, {"openid"})
    without = ask(http, request=signed(key, code_challenge=OMIT), **asking(code_challenge="A" * 43))
    assert answer(without)["error"] == "invalid_request"


def test_client_that_must_sign_is_refused_without(http: FlaskClient, side: TokenSide, key: AssertionKey) -> None:
    caller = side.caller("client", jwks={"keys": [key.public_jwk]}, require_signed_request_object=True)
    told = answer(http.get("/authorize", query_string=asking()))
    assert told["error"] == "invalid_request" and told["state"] == asking()["state"]
    assert caller.post("/par", asking()).json["error"] == "invalid_request"
    assert page(ask(http, request=signed(key)))[0] == "/login"
    assert caller.post("/par", {"request": signed(key)}).status_code == 201


def test_deployment_may_demand_signatures_of_every_client(
    make_app: Callable[..., Flask],
    new_http: Callable[[Flask], FlaskClient],
    register_client: RegisterClient,
    key: AssertionKey,
) -> None:
    app = make_app(require_signed_request_object=True)
    register_client(provider=app.extensions["tongxing"], jwks={"keys": [key.public_jwk]})
    http = new_http(app)
    assert http.get("/.well-known/openid-configuration").json["require_signed_request_object"] is True
    assert answer(http.get("/authorize", query_string=asking()))["error"] == "invalid_request"
    assert page(ask(http, request=signed(key)))[0] == "/login"


@pytest.mark.usefixtures("caller", "person")
def test_object_may_be_sent_again_while_it_is_valid(http: FlaskClient, key: AssertionKey) -> None:
    """Only clients of the message-signing profile say each request anew (test_fapi2_authorization)."""
    request = signed(key, jti="one")
    assert "code" in answer(ask(http, request=request))
    assert "code" in answer(ask(http, request=request))


# --- RFC 9126 §3: pushed --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("person")
def test_object_may_be_pushed_and_then_it_alone_counts(
    http: FlaskClient, caller: Caller, work: Work, key: AssertionKey, clock: Clock
) -> None:
    form = {"request": signed(key, nonce="inside", state=OMIT, now=moment(clock)), "nonce": "form", "state": "form"}
    response = caller.post("/par", form | {"redirect_uri": "https://evil.example/", "response_type": "code"})
    assert response.status_code == 201, response.text
    answered = ask(http, request_uri=response.json["request_uri"])
    assert "state" not in answer(answered)
    assert granted(work, answered).nonce == "inside"


@pytest.mark.parametrize(("section", "header", "changes"), REFUSED, ids=described)
def test_pushed_object_that_does_not_count_is_refused_at_once(
    caller: Caller, key: AssertionKey, clock: Clock, section: str, header: dict[str, Any], changes: dict[str, Any]
) -> None:
    now = moment(clock)
    settled = {name: value(now) if callable(value) else value for name, value in changes.items()}
    response = caller.post("/par", {"request": signed(key, now=now, header=header, **settled)})
    assert (response.status_code, response.json["error"]) == (400, "invalid_request_object"), section


def test_pushed_object_of_another_client_is_refused(side: TokenSide, caller: Caller, key: AssertionKey) -> None:
    other = side.caller("other", jwks={"keys": [key.public_jwk]})
    assert other.post("/par", {"request": signed(key)}).json["error"] == "invalid_request_object"
    assert caller.post("/par", {"request": signed(key), "client_id": "other"}).json["error"] == "invalid_request"


# --- what it costs, and that nothing breaks it ----------------------------------------------------------------------


@pytest.mark.usefixtures("caller", "person")
def test_object_costs_no_statement(http: FlaskClient, key: AssertionKey, statements: Count) -> None:
    answer(http.get("/authorize", query_string=asking()))
    with statements() as plain:
        answer(http.get("/authorize", query_string=asking()))
    with statements() as by_object:
        answer(ask(http, request=signed(key)))
    assert len(by_object) == len(plain), by_object


json_values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = some.sampled_from(
    [*sorted(TEXTS | NUMBERS | OBJECTS | LISTS), "iss", "aud", "exp", "nbf", "iat", "jti", "sub", "request", "foo"]
)
INDEPENDENT = hypothesis_settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@INDEPENDENT
@given(some.dictionaries(names, json_values, max_size=4))
def test_any_members_end_in_an_answer_and_never_in_a_crash(
    standing_caller: Caller, key: AssertionKey, changes: dict[str, Any]
) -> None:
    request = key.sign(json.dumps(members() | changes).encode())
    response = ask(standing_caller.http, request=request, redirect_uri=REDIRECT_URI)
    assert response.status_code in (302, 400)
    assert standing_caller.post("/par", {"request": request}).status_code in (201, 400)


@INDEPENDENT
@given(
    some.lists(some.text(max_size=30) | some.sampled_from(["e30", "eyJhbGciOiJub25lIn0", ""]), max_size=6).map(".".join)
    | some.binary(max_size=40).map(lambda raw: raw.decode("latin-1"))
)
def test_any_text_ends_in_an_answer_and_never_in_a_crash(standing_caller: Caller, text: str) -> None:
    response = standing_caller.post("/par", {"request": text})
    assert response.status_code in (201, 400)
    if text and response.json["error"] != "invalid_request":
        assert response.json["error"] == "invalid_request_object"


@INDEPENDENT
@given(some.dictionaries(some.sampled_from(["alg", "enc", "kid", "zip", "epk", "typ", "cty", "crit"]), json_values))
def test_any_header_of_an_encrypted_object_ends_in_an_answer(standing_caller: Caller, header: dict[str, Any]) -> None:
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    response = standing_caller.post("/par", {"request": f"{head}.AA.AA.AA.AA"})
    assert (response.status_code, response.json["error"]) == (400, "invalid_request_object")


@pytest.fixture
def standing_caller(caller: Caller) -> Caller:
    """The same for all examples of a property."""
    return caller
