"""OpenID Connect Core §3.1.2, RFC 6749 §4.1, RFC 7636, RFC 9207, RFC 8707: every parameter of an authorization request,
wrong in each way the text knows, row by row: section, what is sent, what comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient

from idp.config import Settings
from idp.context import Context
from tests.authorizing import CHALLENGE, REDIRECT_URI, answer, asking, grant_of, location, page, text_of
from tests.conftest import ISSUER, AddPerson, RegisterClient, SignIn
from tests.specs.conftest import Standing
from tests.statements import Statements, counted

Count = Callable[..., AbstractContextManager[Statements]]
Work = Callable[[], AbstractContextManager[Context]]


@pytest.fixture
def person_at_client(register_client: RegisterClient, add_person: AddPerson, sign_in: SignIn) -> None:
    """A first-party client and a person who is signed in."""
    register_client(is_first_party=True)
    sign_in(add_person(password=None))


LONG = "x" * 1025
CLAIMS_ERRORS = [
    "not json",
    "[]",
    '"text"',
    "null",
    '{"id_token": []}',
    '{"id_token": {"name": 1}}',
    '{"userinfo": {"name": {"essential": "yes"}}}',
    '{"userinfo": {"acr": {"values": "one"}}}',
    '{"id_token": {"sub": {"value": 7}}}',
    '{"userinfo": {"sub": {"values": ["x", 7]}}}',
    '{"userinfo": {"sub": {"value": ["x"]}}}',
    '{"id_token": {}, "id_token": {}}',
    '{"id_token": {"name": {"value": NaN}}}',
    '{"id_token": {"name": {"value": "\\u0000"}}}',
    '{"id_token": {"name": {"value": "\\ud800"}}}',
    '{"id_token": {"name": {"value": [[[[[[[[[[1]]]]]]]]]]}}}',
    "[" * 15_000,
]

REDIRECTED_ERRORS: list[tuple[str, dict[str, Any], str]] = [
    ("RFC 6749 §4.1.2.1", {"response_type": None}, "invalid_request"),
    ("RFC 6749 §3.1.1", {"response_type": "banana"}, "unsupported_response_type"),
    ("RFC 6749 §3.1.1", {"response_type": 'c"ode'}, "unsupported_response_type"),
    ("RFC 6749 §3.1.1", {"response_type": "代码"}, "unsupported_response_type"),
    ("RFC 6749 §3.1", {"response_type": ["code", "code"]}, "invalid_request"),
    ("RFC 6749 §3.1", {"state": ["a", "b"]}, "invalid_request"),
    ("RFC 6749 §3.1", {"nonce": ["a", "b"]}, "invalid_request"),
    ("RFC 6749 §3.1", {"scope": ["openid", "profile"]}, "invalid_request"),
    ("RFC 6749 §3.1", {"unheard_of": ["1", "1"]}, "invalid_request"),
    ("RFC 6749 App. A", {"state": "a\nb"}, "invalid_request"),
    ("RFC 6749 App. A", {"login_hint": "a\x7fb"}, "invalid_request"),
    ("limits", {"state": LONG}, "invalid_request"),
    ("limits", {"nonce": LONG}, "invalid_request"),
    ("limits", {"login_hint": "x" * 256}, "invalid_request"),
    ("Core §3.1.2.1 scope", {"scope": None}, "invalid_scope"),
    ("Core §3.1.2.1 scope", {"scope": "   "}, "invalid_scope"),
    ("RFC 6749 §3.3", {"scope": 'openid pro"file'}, "invalid_scope"),
    ("RFC 6749 §3.3", {"scope": "openid 姓名"}, "invalid_scope"),
    ("RFC 6749 §4.1.2.1", {"scope": "unheard-of"}, "invalid_scope"),
    ("RFC 6749 §4.1.2.1", {"scope": "offline_access"}, "invalid_scope"),
    ("Multiple Response Types §2.1", {"response_mode": "carrier-pigeon"}, "invalid_request"),
    ("RFC 7636 §4.4.1", {"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    ("RFC 7636 §4.4.1", {"code_challenge": None}, "invalid_request"),
    ("RFC 7636 §4.3", {"code_challenge_method": None}, "invalid_request"),
    ("RFC 9700 §2.1.1", {"code_challenge_method": "plain"}, "invalid_request"),
    ("RFC 7636 §4.3", {"code_challenge_method": "S512"}, "invalid_request"),
    ("RFC 7636 §4.2", {"code_challenge": CHALLENGE[:-1]}, "invalid_request"),
    ("RFC 7636 §4.2", {"code_challenge": CHALLENGE + "A"}, "invalid_request"),
    ("RFC 7636 §4.2", {"code_challenge": CHALLENGE[:-1] + "="}, "invalid_request"),
    ("Core §3.1.2.1 prompt", {"prompt": "perhaps"}, "invalid_request"),
    ("Core §3.1.2.1 prompt", {"prompt": "none login"}, "invalid_request"),
    ("Core §3.1.2.1 max_age", {"max_age": "abc"}, "invalid_request"),
    ("Core §3.1.2.1 max_age", {"max_age": "-1"}, "invalid_request"),
    ("Core §3.1.2.1 max_age", {"max_age": "1.5"}, "invalid_request"),
    ("Core §3.1.2.1 max_age", {"max_age": "9" * 30}, "invalid_request"),
    ("Core §3.1.2.1 max_age", {"max_age": "٣"}, "invalid_request"),
    ("Core §3.1.2.1 display", {"display": "hologram"}, "invalid_request"),
    ("Core §3.1.2.1 id_token_hint", {"id_token_hint": "garbage"}, "invalid_request"),
    ("Core §3.1.2.1 id_token_hint", {"id_token_hint": "e30.e30.e30"}, "invalid_request"),
    ("Core §6.1", {"request": "eyJhbGciOiJub25lIn0.e30."}, "invalid_request_object"),
    ("Core §6.2", {"request_uri": "https://client.example/request"}, "invalid_request_uri"),
    ("Core §7.2.1", {"registration": "{}"}, "registration_not_supported"),
    (
        "Core §5.5.1.1",
        {"claims": '{"id_token":{"acr":{"essential":true,"value":"x"}}}'},
        "unmet_authentication_requirements",
    ),
    ("RFC 9449 §10", {"dpop_jkt": "short"}, "invalid_request"),
    ("RFC 9449 §10", {"dpop_jkt": "a" * 44}, "invalid_request"),
    ("RFC 9449 §10", {"dpop_jkt": "a" * 42 + "="}, "invalid_request"),
    ("RFC 9449 §10", {"dpop_jkt": ["a" * 43, "b" * 43]}, "invalid_request"),
    ("RFC 8707 §2", {"resource": "https://elsewhere.example"}, "invalid_target"),
    ("RFC 8707 §2", {"resource": "not a URI"}, "invalid_target"),
    ("RFC 8707 §2", {"resource": "http://127.0.0.1:8300#fragment"}, "invalid_target"),
    ("RFC 8707 §2", {"resource": ["http://127.0.0.1:8300", "nowhere"]}, "invalid_target"),
    *[("Core §5.5", {"claims": text}, "invalid_request") for text in CLAIMS_ERRORS],
]


@pytest.mark.parametrize(("section", "changes", "error"), REDIRECTED_ERRORS, ids=lambda value: str(value)[:60])
def test_faulty_parameter_is_answered_by_the_specified_error_at_the_client(
    standing: Standing, section: str, changes: dict[str, Any], error: str
) -> None:
    with counted(standing.provider.engine, standing.provider.alone) as seen:
        told = answer(standing.http.get("/authorize", query_string=urlencode(asking(**changes), doseq=True)))
    assert told["error"] == error, section
    assert told["iss"] == ISSUER  # RFC 9207 §2: in errors too
    assert set(told) <= {"error", "error_description", "state", "iss"}
    state = asking(**changes).get("state")
    is_echoed = isinstance(state, str) and len(state) <= 1024 and "\n" not in state
    assert told.get("state") == (state if is_echoed else None)
    assert told["error_description"].isascii() and '"' not in told["error_description"]
    assert not any(text.startswith("INSERT") for text in seen.texts), "nothing is stored"


@pytest.mark.parametrize(("section", "changes", "error"), REDIRECTED_ERRORS[:12], ids=lambda value: str(value)[:60])
def test_faulty_parameter_of_a_posted_request_is_answered_the_same_way(
    standing: Standing, section: str, changes: dict[str, Any], error: str
) -> None:
    response = standing.http.post("/authorize", data=asking(**changes))
    assert answer(response)["error"] == error, section
    assert response.status_code == 303


PAGE_ERRORS: list[tuple[str, dict[str, Any], str, str]] = [
    ("RFC 6749 §4.1.2.1", {"client_id": None}, "invalid_request", "client_id"),
    ("RFC 6749 §4.1.2.1", {"client_id": "stranger"}, "invalid_client", "client_id"),
    ("RFC 6749 §4.1.2.1", {"client_id": "客户"}, "invalid_client", "client_id"),
    ("RFC 6749 §4.1.2.1", {"client_id": "x" * 300}, "invalid_client", "client_id"),
    ("RFC 6749 §3.1", {"client_id": ["client", "client"]}, "invalid_request", "client_id"),
    ("RFC 6749 §3.1.2.3", {"redirect_uri": None}, "invalid_request", "redirect_uri"),
    ("RFC 6749 §3.1", {"redirect_uri": [REDIRECT_URI, REDIRECT_URI]}, "invalid_request", "redirect_uri"),
    *[
        ("RFC 9700 §2.1", {"redirect_uri": uri}, "invalid_request", "redirect_uri")
        for uri in (
            "https://elsewhere.example/callback",
            REDIRECT_URI + "/",
            REDIRECT_URI + "?x=1",
            REDIRECT_URI + "#fragment",
            REDIRECT_URI.upper(),
            REDIRECT_URI.replace("9009", "9010"),
            REDIRECT_URI.replace("127.0.0.1", "127.0.0.1@evil.example"),
            REDIRECT_URI.replace("/callback", "/../callback"),
            REDIRECT_URI + '"',
            REDIRECT_URI + "\\",
            REDIRECT_URI + "é",
            " " + REDIRECT_URI,
            "javascript:alert(1)",
        )
    ],
]


@pytest.mark.parametrize(("section", "changes", "error", "parameter"), PAGE_ERRORS, ids=lambda value: str(value)[:60])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_client_or_redirect_uri_is_a_page_and_never_a_redirect(
    standing: Standing, section: str, changes: dict[str, Any], error: str, parameter: str, method: str
) -> None:
    http, query = standing.http, urlencode(asking(**changes), doseq=True)
    if method == "GET":
        response = http.get("/authorize", query_string=query)
    else:
        response = http.post("/authorize", data=query, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 400, section
    assert "Location" not in response.headers
    assert text_of(response, "error-code") == error
    assert text_of(response, "error-parameter") == parameter
    assert "elsewhere.example" not in response.get_data(as_text=True).partition("<main")[2]


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("Core §3.1.2.1", {"unheard_of": "1"}),
    ("Core §3.1.2.1 scope", {"scope": "profile openid unheard-of"}),
    ("Core §3.1.2.1 nonce", {"nonce": None}),
    ("RFC 6749 §4.1.1 state", {"state": None}),
    ("FAPI state", {"state": "s" * 384}),
    ("FAPI nonce", {"nonce": "n" * 384}),
    ("RFC 6749 §4.1.1 state", {"state": 'a"b&<c %41 中文'}),
    ("RFC 6749 §3.1", {"login_hint": ""}),
    ("Core §3.1.2.1 display", {"display": "popup"}),
    ("Core §3.1.2.1 ui_locales", {"ui_locales": "tlh fr en"}),
    ("Core §5.2", {"claims_locales": "fr"}),
    ("Core §3.1.2.1 login_hint", {"login_hint": "nobody@example.com"}),
    ("Core §3.1.2.1 max_age", {"max_age": "10000"}),
    ("Core §3.1.2.1 acr_values", {"acr_values": "1 2 urn:tongxing:loa:2"}),
    ("Core §3.1.2.1 prompt", {"prompt": "none"}),
    ("Core §5.5", {"claims": '{"userinfo":{"name":{"essential":true},"unknown":null},"other":7}'}),
    ("Core §5.5", {"claims": '{"id_token":{"acr":{"essential":true}}}'}),
    ("Core §5.5.1.1", {"claims": '{"id_token":{"acr":{"essential":true,"values":["x","urn:tongxing:loa:1"]}}}'}),
    ("Form Post §2", {"response_mode": "query"}),
    ("RFC 8707 §2", {"resource": ["http://127.0.0.1:8300", ISSUER]}),
    ("own", {"idp_hint": "nowhere"}),
]


@pytest.mark.parametrize(("section", "changes"), ACCEPTED, ids=lambda value: str(value)[:60])
def test_good_request_of_a_signed_in_person_is_answered_with_a_code(
    standing: Standing, section: str, changes: dict[str, Any]
) -> None:
    told = answer(standing.http.get("/authorize", query_string=urlencode(asking(**changes), doseq=True)))
    expected = {"code", "iss", "session_state"} | ({"state"} if "state" in asking(**changes) else set())
    assert set(told) == expected, section
    assert len(told["code"]) >= 43
    assert told["iss"] == ISSUER
    assert told.get("state") == asking(**changes).get("state")


@pytest.mark.usefixtures("person_at_client")
def test_silent_sign_on_costs_two_statements(http: FlaskClient, statements: Count) -> None:
    answer(http.get("/authorize", query_string=asking()))  # the client is in the process's copy now
    with statements() as seen:
        assert "code" in answer(http.get("/authorize", query_string=asking(prompt="none")))
    assert len(seen) <= 2, seen


def test_request_without_session_costs_one_statement(
    http: FlaskClient, register_client: RegisterClient, statements: Count
) -> None:
    register_client()
    http.get("/authorize", query_string=asking(prompt="none"))
    with statements() as seen:
        assert page(http.get("/authorize", query_string=asking()))[0] == "/login"
    assert len(seen) <= 1, seen


def test_every_error_of_prompt_none(
    http: FlaskClient, register_client: RegisterClient, add_person: AddPerson, sign_in: SignIn
) -> None:
    """Core §3.1.2.6."""
    register_client()
    silent = {"query_string": asking(prompt="none")}
    assert answer(http.get("/authorize", **silent))["error"] == "login_required"
    person = add_person(password=None)
    sign_in(person)
    assert answer(http.get("/authorize", **silent))["error"] == "consent_required"
    sign_in(person, is_choice_made=False)
    assert answer(http.get("/authorize", **silent))["error"] == "interaction_required"
    needing_3 = json.dumps({"id_token": {"acr": {"essential": True, "value": "urn:tongxing:loa:3"}}})
    told = answer(http.get("/authorize", query_string=asking(prompt="none", claims=needing_3)))
    assert told["error"] == "unmet_authentication_requirements"


def test_form_post_carries_the_answer_in_a_page(
    http: FlaskClient, register_client: RegisterClient, add_person: AddPerson, sign_in: SignIn
) -> None:
    """OAuth 2.0 Form Post Response Mode §2: escaped as HTML, nothing else; errors alike."""
    register_client(is_first_party=True)
    sign_in(add_person(password=None))
    for changes, member in ({}, "code"), ({"max_age": "x"}, "error"):
        state = 'a"b&<c %41'
        response = http.get("/authorize", query_string=asking(response_mode="form_post", state=state, **changes))
        assert response.status_code == 200
        text = response.get_data(as_text=True)
        assert f'action="{REDIRECT_URI}"' in text
        assert 'name="state" value="a&#34;b&amp;&lt;c %41"' in text
        assert f'name="{member}"' in text
        assert f'name="iss" value="{ISSUER}"' in text
        assert 'src="/static/form-post.js"' in text and "onload" not in text
        assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "changes", [{"response_type": "id_token"}, {"response_type": "token"}, {"response_mode": "fragment", "prompt": "x"}]
)
@pytest.mark.usefixtures("person_at_client")
def test_errors_of_front_channel_requests_go_where_the_client_listens(
    http: FlaskClient, changes: dict[str, Any]
) -> None:
    """Multiple Response Types §2.1: in the fragment."""
    found = urlsplit(location(http.get("/authorize", query_string=asking(**changes))))
    assert not found.query
    assert parse_qs(found.fragment)["error"][0] in ("unsupported_response_type", "invalid_request")


def test_query_of_a_registered_redirect_uri_is_kept(
    http: FlaskClient, register_client: RegisterClient, add_person: AddPerson, sign_in: SignIn
) -> None:
    """RFC 6749 §3.1.2."""
    uri = REDIRECT_URI + "?dummy1=lorem&dummy2=ipsum"
    register_client(is_first_party=True, redirect_uris=[uri])
    sign_in(add_person(password=None))
    told = answer(http.get("/authorize", query_string=asking(redirect_uri=uri)), uri + "&")
    assert told["dummy1"] == "lorem" and told["dummy2"] == "ipsum" and "code" in told


@pytest.mark.parametrize(
    ("given", "is_allowed"),
    [
        ("http://127.0.0.1:51004/callback", True),
        ("http://127.0.0.1/callback", True),
        ("http://127.0.0.1:51004/other", False),
        ("http://127.0.0.1:0/callback", False),
        ("http://127.0.0.1:99999/callback", False),
        ("http://localhost:51004/callback", False),
        ("https://127.0.0.1:51004/callback", False),
        ("http://[::1]:51004/callback", False),
    ],
)
def test_only_the_port_of_a_native_applications_loopback_address_may_vary(
    http: FlaskClient, register_client: RegisterClient, given: str, is_allowed: bool
) -> None:
    """RFC 8252 §7.3."""
    register_client(
        "native", token_endpoint_auth_method="none", application_type="native", redirect_uris=[REDIRECT_URI]
    )
    response = http.get("/authorize", query_string=asking("native", redirect_uri=given, prompt="none"))
    assert (response.status_code == 302) is is_allowed


def test_client_without_the_code_grant_is_refused(http: FlaskClient, register_client: RegisterClient) -> None:
    """RFC 6749 §4.1.2.1 unauthorized_client."""
    register_client("machine", grant_types=["client_credentials"])
    register_client("odd", response_types=["none"])
    for client_id in ("machine", "odd"):
        assert answer(http.get("/authorize", query_string=asking(client_id)))["error"] == "unauthorized_client"


def test_scope_the_client_did_not_register_is_refused(http: FlaskClient, register_client: RegisterClient) -> None:
    """RFC 6749 §4.1.2.1; OpenID Connect Core §11: offline_access is ignored instead."""
    register_client(scope="openid", is_first_party=True)
    assert answer(http.get("/authorize", query_string=asking(scope="openid phone")))["error"] == "invalid_scope"
    assert page(http.get("/authorize", query_string=asking(scope="openid offline_access")))[0] == "/login"


@pytest.mark.parametrize(
    ("is_allowed_here", "method", "error"),
    [
        (True, "client_secret_basic", None),
        (True, "none", "invalid_request"),
        (False, "client_secret_basic", "invalid_request"),
    ],
)
def test_request_without_pkce_needs_an_opening_of_a_confidential_client(
    make_app: Callable[..., Any],
    new_http: Callable[[Any], FlaskClient],
    register_client: RegisterClient,
    is_allowed_here: bool,
    method: str,
    error: str | None,
) -> None:
    app = make_app(openings_allowed=is_allowed_here)
    register_client(
        provider=app.extensions["tongxing"], openings=["request_without_pkce"], token_endpoint_auth_method=method
    )
    without = asking(code_challenge=None, code_challenge_method=None, prompt="none")
    told = answer(new_http(app).get("/authorize", query_string=without))
    assert told["error"] == (error or "login_required")


@pytest.mark.usefixtures("person_at_client")
def test_what_was_asked_for_is_kept_with_the_code(http: FlaskClient, settings: Settings, work: Work) -> None:
    claims = '{"id_token":{"email":{"essential":true},"made_up":null},"userinfo":{"nickname":null}}'
    asked = asking(
        claims=claims, acr_values="urn:tongxing:loa:1", scope="openid matters.read offline_access", nonce="n1"
    )
    grant = grant_of(work, answer(http.get("/authorize", query_string=asked))["code"])
    assert grant.scope == {"openid", "matters.read", "offline_access"}
    assert grant.audience == ("http://127.0.0.1:8300", settings.issuer)
    assert grant.nonce == "n1" and grant.code_challenge == CHALLENGE
    assert grant.acr == "urn:tongxing:loa:2"
    assert grant.requested_claims == {
        "id_token": {"email": {"essential": True}, "acr": {"values": ["urn:tongxing:loa:1"]}},
        "userinfo": {"nickname": None},
    }
    assert grant.code_expires_at is not None and grant.code_expires_at - grant.created_at == settings.code_lifetime


@pytest.mark.usefixtures("person_at_client")
def test_claims_of_scopes_the_client_may_not_have_cannot_be_asked_for_singly(
    http: FlaskClient, register_client: RegisterClient, work: Work
) -> None:
    register_client("curious", is_first_party=True, scope="openid")
    asked = asking("curious", claims='{"userinfo":{"id_number":{"essential":true},"name":null}}')
    code = answer(http.get("/authorize", query_string=asked))["code"]
    assert grant_of(work, code).requested_claims == {}


@pytest.mark.parametrize(
    ("demand", "error"),
    [
        ('{"id_token":{"sub":{"value":"ME"}}}', None),
        ('{"id_token":{"sub":{"values":["x","ME"]}}}', None),
        ('{"id_token":{"sub":{"values":[]}}}', None),
        ('{"id_token":{"sub":{"essential":true}},"userinfo":{"sub":null}}', None),
        ('{"id_token":{"sub":{"value":"ME"}},"userinfo":{"sub":{"values":["ME"]}}}', None),
        ('{"id_token":{"sub":{"value":"x"}}}', "login_required"),
        ('{"id_token":{"sub":{"values":["x","y"]}}}', "login_required"),
        ('{"userinfo":{"sub":{"values":["x"]}}}', "login_required"),
        ('{"id_token":{"sub":{"values":["ME"]}},"userinfo":{"sub":{"values":["x"]}}}', "login_required"),
        ('{"id_token":{"sub":{"value":"ME","values":["x"]}}}', "login_required"),
        ('{"id_token":{"auth_time":{"essential":true,"value":1}}}', None),
        ('{"userinfo":{"name":{"essential":true,"value":"x","values":["y",7,null]}}}', None),
        ('{"id_token":{"acr":{"values":["x"]}}}', None),
    ],
)
def test_claims_demand_a_person_by_value_or_values_and_of_other_claims_only_a_level(
    http: FlaskClient,
    register_client: RegisterClient,
    add_person: AddPerson,
    sign_in: SignIn,
    demand: str,
    error: str | None,
) -> None:
    """Core §5.5.1: a value asked for that cannot be given is no error, but of sub it names who must be there."""
    register_client(is_first_party=True)
    person = add_person(password=None)
    sign_in(person)
    claims = demand.replace("ME", person.subject)
    told = answer(http.get("/authorize", query_string=asking(prompt="none", claims=claims)))
    assert told.get("error") == error
