"""OpenID Connect Core §6: request objects by value and by reference, merged with the parameters outside; unsigned only
by opening."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.context import Context, Provider
from idp.domain.account import Account
from idp.domain.grant import Grant
from tests.assertions import OMIT, AssertionKey
from tests.authorizing import REDIRECT_URI, answer, asking, grant_of, page, text_of
from tests.clock import Clock
from tests.conftest import AddPerson, RegisterClient, SignIn
from tests.request_objects import encrypted, signed, unsigned

Work = Callable[[], AbstractContextManager[Context]]
OPEN = {"openings": ["unsigned_request_object"]}
BARE = {"iss": OMIT, "aud": OMIT, "nbf": OMIT, "exp": OMIT, "client_id": OMIT}


@pytest.fixture(scope="module")
def key() -> AssertionKey:
    return AssertionKey.new("RS256")


@pytest.fixture
def app(make_app: Callable[..., Flask], site: Site) -> Flask:
    """A deployment that allows openings, and calls to the client's site."""
    return make_app(openings_allowed=True, outbound_allow=(site.address.removeprefix("http://"),))


@dataclass
class Site:
    """Where a client publishes its request objects."""

    address: str = ""
    answers: dict[str, Response] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def publish(self, path: str, text: str | bytes, status: int = 200, **headers: str) -> str:
        self.answers[path] = Response(text, status, content_type="application/oauth-authz-req+jwt", headers=headers)
        return f"{self.address}/{path}"


@pytest.fixture
def site(serve: Callable[..., str]) -> Site:
    served, made = Flask("client"), Site()

    @served.get("/<path:path>")
    def document(path: str) -> Response:
        made.calls.append(path)
        return made.answers.get(path) or Response(status=404)

    made.address = serve(served)
    return made


@pytest.fixture
def person(add_person: AddPerson, sign_in: SignIn) -> Account:
    account = add_person(password=None)
    sign_in(account)
    return account


@pytest.fixture
def register(register_client: RegisterClient, key: AssertionKey) -> Callable[..., None]:
    """Registers the client; ``request_uris`` are those whose content it may refer to."""

    def put(**metadata: Any) -> None:
        register_client("client", is_first_party=True, jwks={"keys": [key.public_jwk]}, **metadata)

    return put


def ask(http: FlaskClient, **parameters: Any) -> TestResponse:
    """As an OpenID Connect client does: what OAuth 2.0 needs stands outside too."""
    outside = {name: asking()[name] for name in ("client_id", "response_type", "scope", "redirect_uri")}
    sent = {name: value for name, value in (outside | parameters).items() if value is not None}
    return http.get("/authorize", query_string=urlencode(sent, doseq=True))


def granted(work: Work, response: TestResponse, redirect_uri: str = REDIRECT_URI) -> Grant:
    told = answer(response, redirect_uri)
    assert "code" in told, told
    return grant_of(work, told["code"])


# --- §6.1: by value, merged -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("person")
def test_parameters_of_both_places_add_up_and_those_inside_win(
    http: FlaskClient, register: Callable[..., None], work: Work, key: AssertionKey
) -> None:
    register()
    request = signed(key, state=OMIT, nonce="inside", scope="openid profile", prompt=OMIT)
    response = ask(http, request=request, state="outside", nonce="outside", login_hint="x", scope="openid phone")
    assert answer(response)["state"] == "outside"
    grant = granted(work, response)
    assert grant.nonce == "inside" and grant.scope == {"openid", "profile"}


@pytest.mark.usefixtures("person")
def test_merged_object_need_say_nothing_of_itself(
    http: FlaskClient, register: Callable[..., None], key: AssertionKey
) -> None:
    """§6.1: iss and aud should be there, exp and the rest may."""
    register()
    assert "code" in answer(ask(http, request=signed(key, **BARE)))
    assert "code" in answer(ask(http, request=signed(key, **(BARE | {"response_type": OMIT, "scope": OMIT}))))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "other"},
        {"aud": "https://elsewhere.example"},
        {"exp": 1},
        {"nbf": 2**40},
        {"client_id": "other"},
        {"response_type": "code id_token"},
        {"request_uri": "https://client.example/"},
        {"sub": "client"},
    ],
)
@pytest.mark.usefixtures("person")
def test_what_a_merged_object_says_of_itself_must_be_right(
    http: FlaskClient, register: Callable[..., None], key: AssertionKey, changes: dict[str, Any]
) -> None:
    register()
    told = answer(ask(http, request=signed(key, **(BARE | changes)), state="outside"))
    assert told["error"] == "invalid_request_object" and told["state"] == "outside"


@pytest.mark.parametrize("name", ["response_type", "scope"])
@pytest.mark.usefixtures("person")
def test_what_oauth_needs_must_stand_outside_too(
    http: FlaskClient, register: Callable[..., None], key: AssertionKey, name: str
) -> None:
    register()
    assert answer(ask(http, request=signed(key), **{name: None}))["error"] == "invalid_request"


@pytest.mark.parametrize("outside", [REDIRECT_URI + "_invalid", "https://evil.example/", None])
@pytest.mark.usefixtures("person")
def test_redirect_uri_inside_wins(
    http: FlaskClient, register: Callable[..., None], key: AssertionKey, outside: str | None
) -> None:
    """oidcc ensure-request-object-with-redirect-uri."""
    register(**OPEN)
    for request in signed(key), unsigned():
        assert "code" in answer(ask(http, request=request, redirect_uri=outside))


@pytest.mark.usefixtures("person")
def test_redirect_uri_inside_must_be_registered_too(
    http: FlaskClient, register: Callable[..., None], key: AssertionKey
) -> None:
    register()
    response = ask(http, request=signed(key, redirect_uri="https://evil.example/"))
    assert response.status_code == 400 and "Location" not in response.headers
    assert text_of(response, "error-parameter") == "redirect_uri"


@pytest.mark.usefixtures("person")
def test_repeated_parameter_beside_an_object_is_refused(
    http: FlaskClient, register: Callable[..., None], key: AssertionKey
) -> None:
    register()
    for repeated in {"nonce": ["a", "b"]}, {"request": [signed(key), signed(key)]}:
        assert answer(ask(http, **({"request": signed(key)} | repeated)))["error"] == "invalid_request"


@pytest.mark.usefixtures("person")
def test_claims_inside_ask_as_the_parameter_does(
    http: FlaskClient, register: Callable[..., None], work: Work, key: AssertionKey
) -> None:
    register()
    claims = {"id_token": {"acr": {"values": ["urn:tongxing:loa:1"]}}, "userinfo": {"email": {"essential": True}}}
    grant = granted(work, ask(http, request=signed(key, claims=claims), claims='{"userinfo":{"name":null}}'))
    assert grant.requested_claims == claims


# --- alg none -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("person")
def test_unsigned_object_counts_by_opening_only(http: FlaskClient, register: Callable[..., None], work: Work) -> None:
    """oidcc unsigned-request-object-supported-correctly-or-rejected-as-unsupported."""
    register(**OPEN)
    assert granted(work, ask(http, request=unsigned(nonce="inside"))).nonce == "inside"
    register(**OPEN, request_object_signing_alg="none")
    assert "code" in answer(ask(http, request=unsigned()))
    for metadata in ({}, {"request_object_signing_alg": "none"}, OPEN | {"request_object_signing_alg": "RS256"}):
        register(**metadata)
        assert answer(ask(http, request=unsigned()))["error"] == "invalid_request_object"


@pytest.mark.usefixtures("person")
def test_opening_counts_nothing_where_the_deployment_allows_none(
    make_app: Callable[..., Flask], new_http: Callable[[Flask], FlaskClient], register_client: RegisterClient
) -> None:
    app = make_app()
    register_client(provider=app.extensions["tongxing"], **OPEN)
    assert answer(ask(new_http(app), request=unsigned()))["error"] == "invalid_request_object"


@pytest.mark.parametrize("header", [{"alg": "None"}, {"alg": "NONE"}, {"alg": ""}, {"alg": None}, {"crit": ["x"]}])
@pytest.mark.usefixtures("person")
def test_none_is_spelt_one_way(http: FlaskClient, register: Callable[..., None], header: dict[str, Any]) -> None:
    register(**OPEN)
    assert answer(ask(http, request=unsigned(header=header)))["error"] == "invalid_request_object"


@pytest.mark.usefixtures("person")
def test_unsigned_object_has_no_signature(http: FlaskClient, register: Callable[..., None]) -> None:
    register(**OPEN)
    assert answer(ask(http, request=unsigned() + "AAAA"))["error"] == "invalid_request_object"


@pytest.mark.usefixtures("person")
def test_unsigned_object_never_passes_for_a_signed_one(http: FlaskClient, register: Callable[..., None]) -> None:
    register(**OPEN, require_signed_request_object=True)
    assert answer(ask(http, request=unsigned()))["error"] == "invalid_request"


# --- §6.2: by reference ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("person")
def test_registered_reference_is_fetched_once(
    http: FlaskClient, register: Callable[..., None], site: Site, work: Work, key: AssertionKey
) -> None:
    """oidcc request-uri-signed-rs256."""
    uri = site.publish("object", signed(key, nonce="inside", nbf=OMIT, exp=OMIT) + "\n")
    register(request_uris=[uri])
    assert granted(work, ask(http, request_uri=uri)).nonce == "inside"
    assert site.calls == ["object"]


@pytest.mark.usefixtures("person")
def test_unsigned_reference_counts_by_opening_only(
    http: FlaskClient, register: Callable[..., None], site: Site
) -> None:
    """oidcc request-uri-unsigned."""
    uri = site.publish("object", unsigned())
    register(request_uris=[uri], **OPEN)
    assert "code" in answer(ask(http, request_uri=uri))
    register(request_uris=[uri])
    assert answer(ask(http, request_uri=uri))["error"] == "invalid_request_object"


@pytest.mark.usefixtures("person")
def test_fragment_belongs_to_the_reference_and_is_no_checksum(
    http: FlaskClient, register: Callable[..., None], site: Site, key: AssertionKey
) -> None:
    """§6.2: it tells versions apart. The certification registers one that is the hash of nothing."""
    uri = site.publish("object", signed(key))
    register(request_uris=[f"{uri}#one"])
    assert "code" in answer(ask(http, request_uri=f"{uri}#one"))
    for other in (f"{uri}#two", uri):
        assert answer(ask(http, request_uri=other))["error"] == "invalid_request_uri"
    assert site.calls == ["object"]


@pytest.mark.usefixtures("person")
def test_new_content_counts_at_once(
    http: FlaskClient, register: Callable[..., None], site: Site, work: Work, key: AssertionKey
) -> None:
    uri = site.publish("object", signed(key, nonce="first"))
    register(request_uris=[uri])
    assert granted(work, ask(http, request_uri=uri)).nonce == "first"
    site.publish("object", signed(key, nonce="second"))
    assert granted(work, ask(http, request_uri=uri)).nonce == "second"


def test_page_that_leads_back_fetches_nothing_again(
    http: FlaskClient,
    register: Callable[..., None],
    site: Site,
    key: AssertionKey,
    clock: Clock,
    add_person: AddPerson,
    sign_in: SignIn,
) -> None:
    uri = site.publish("object", signed(key, now=clock().timestamp()))
    register(request_uris=[uri])
    _, handle = page(ask(http, request_uri=uri))
    posted = http.post("/authorize", data={"client_id": "client", "request_uri": uri})
    _, parked = page(posted)
    site.answers.clear()
    clock.advance(600)  # the object has expired meanwhile
    sign_in(add_person(password=None))
    for one in (handle, parked):
        assert "code" in answer(http.get("/authorize", query_string={"interaction": one}))
    assert site.calls == ["object"] * 2


@pytest.mark.parametrize(
    "uri",
    [
        "https://elsewhere.example/object",
        "http://elsewhere.example/object",
        "file:///etc/passwd",
        "urn:example:x",
        "x",
        "//",
        "javascript:alert(1)",
        "é",
    ],
)
@pytest.mark.usefixtures("person")
def test_unregistered_reference_is_never_called(
    http: FlaskClient, register: Callable[..., None], site: Site, key: AssertionKey, uri: str
) -> None:
    register(request_uris=[site.publish("object", signed(key))])
    assert answer(ask(http, request_uri=uri))["error"] == "invalid_request_uri"
    response = ask(http, request_uri=uri, redirect_uri=None)
    assert text_of(response, "error-code") == "invalid_request_uri"
    assert text_of(response, "error-parameter") == "request_uri"
    for near in ("object/", "object?x", "other", "object%23"):
        assert answer(ask(http, request_uri=f"{site.address}/{near}"))["error"] == "invalid_request_uri"
    assert site.calls == []


@pytest.mark.parametrize(
    ("text", "status", "headers", "error"),
    [
        ("", 404, {}, "invalid_request_uri"),
        ("", 500, {}, "invalid_request_uri"),
        ("", 204, {}, "invalid_request_uri"),
        ("", 302, {"Location": "/good"}, "invalid_request_uri"),
        ("x" * 70_000, 200, {}, "invalid_request_uri"),
        ("x", 200, {"Content-Encoding": "br"}, "invalid_request_uri"),
        ("", 200, {}, "invalid_request_object"),
        ("<html></html>", 200, {}, "invalid_request_object"),
        (b"\xff\xfe\x00", 200, {}, "invalid_request_object"),
        ("x.y.z", 200, {}, "invalid_request_object"),
    ],
)
@pytest.mark.usefixtures("person")
def test_reference_that_gives_no_object_is_refused(
    http: FlaskClient,
    register: Callable[..., None],
    site: Site,
    key: AssertionKey,
    text: str | bytes,
    status: int,
    headers: dict[str, str],
    error: str,
) -> None:
    site.publish("good", signed(key))
    uri = site.publish("object", text, status, **headers)
    register(request_uris=[uri])
    assert answer(ask(http, request_uri=uri))["error"] == error
    response = ask(http, request_uri=uri, redirect_uri=None)
    assert text_of(response, "error-code") == error and text_of(response, "error-parameter") == "request_uri"
    assert "good" not in site.calls


@pytest.mark.usefixtures("person")
def test_private_address_is_not_called_unless_the_deployment_allows_it(
    make_app: Callable[..., Flask],
    new_http: Callable[[Flask], FlaskClient],
    register_client: RegisterClient,
    site: Site,
    key: AssertionKey,
) -> None:
    app = make_app()
    uri = site.publish("object", signed(key))
    secret = uri.replace("http://", "https://")
    register_client(provider=app.extensions["tongxing"], jwks={"keys": [key.public_jwk]}, request_uris=[uri, secret])
    for one in (uri, secret):
        assert answer(ask(new_http(app), request_uri=one))["error"] == "invalid_request_uri"
    assert site.calls == []


@pytest.mark.usefixtures("person")
def test_no_connection_is_held_while_the_client_is_called(
    http: FlaskClient, register: Callable[..., None], provider: Provider, site: Site, key: AssertionKey
) -> None:
    uri = site.publish("object", signed(key))
    register(request_uris=[uri])
    held: list[int] = []
    outbound = provider.parts["outbound"]
    original = outbound.get

    def get(*args: Any) -> Any:
        held.extend(one.pool.checkedout() for one in (provider.engine, provider.alone))
        return original(*args)

    outbound.get = get
    page(http.post("/authorize", data={"client_id": "client", "request_uri": uri}))
    assert "code" in answer(ask(http, request_uri=uri))
    assert held == [0, 0, 0, 0]


# --- §6.1: encrypted ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["RSA-OAEP-256", "ECDH-ES"])
@pytest.mark.usefixtures("person")
def test_encrypted_object_counts_by_value_and_by_reference(
    http: FlaskClient, register: Callable[..., None], site: Site, work: Work, key: AssertionKey, alg: str
) -> None:
    jwks = http.get("/jwks").json
    uri = site.publish("object", encrypted(jwks, signed(key, nonce="inside"), alg))
    register(request_uris=[uri], request_object_encryption_alg=alg)
    assert granted(work, ask(http, request_uri=uri)).nonce == "inside"
    assert granted(work, ask(http, request=encrypted(jwks, signed(key, nonce="value"), alg))).nonce == "value"
    assert "code" in answer(ask(http, request=signed(key))), "encryption is the client's choice (Registration §2)"
