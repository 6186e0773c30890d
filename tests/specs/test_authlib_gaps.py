"""What Authlib 1.9.9 gets wrong, and what we do instead: items 1–11, 17–22 and 43 of our list, each over HTTP.

The items of the token side (12–16, 23–46) are in test_authlib_gaps_tokens.py. A test states our behaviour, not
Authlib's: an upgrade that changes anything is noticed, and an upstream fix lets us delete code.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient

from idp.crypto.jose import sign
from idp.protocol.authorize import AUTHORIZE_CHECKS, check_authorization_request
from tests.authorizing import REDIRECT_URI, answer, asking, location, text_of
from tests.conftest import ISSUER, AddPerson, RegisterClient, SignIn
from tests.specs.conftest import Standing
from tests.statements import counted


def authorize(standing: Standing, **changes: Any) -> Any:
    return standing.http.get("/authorize", query_string=urlencode(asking(**changes), doseq=True))


@pytest.mark.parametrize("text", ['"', "\\", "é", "代", "\u202e", "%22", "'><script>"])
@pytest.mark.parametrize("parameter", ["redirect_uri", "response_type"])
def test_01_forbidden_characters_are_refused_and_never_repeated(standing: Standing, parameter: str, text: str) -> None:
    response = authorize(standing, **{parameter: f"http://127.0.0.1:9009/{text}", "state": "s"})
    assert response.status_code in (302, 400)
    if parameter == "redirect_uri":
        assert "Location" not in response.headers
        assert "127.0.0.1:9009" not in response.get_data(as_text=True).partition("<main")[2]
    else:
        told = answer(response)
        assert told["error"] == "unsupported_response_type"
        assert text not in told["error_description"]


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic    ",
        "Basic é",
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic ====",
        "Basic " + base64.b64encode(b":").decode(),
        "Bearer nothing",
    ],
)
def test_02_malformed_basic_header_is_a_failed_authentication(standing: Standing, header: str) -> None:
    response = standing.http.post(
        "/token",
        data={"grant_type": "client_credentials"},
        headers={"Authorization": header.encode("utf-8").decode("latin-1")},
    )
    assert response.status_code == 401
    assert response.json is not None and response.json["error"] == "invalid_client"
    assert "WWW-Authenticate" in response.headers


@pytest.mark.parametrize("text", ["{}", "[]", "eyJhbGciOiJub25lIn0.eyJzY29wZSI6e319.", "\\", "😀"])
def test_03_broken_request_object_is_refused_whatever_it_holds(standing: Standing, text: str) -> None:
    assert answer(authorize(standing, request=text))["error"] == "invalid_request_object"


def test_04_every_advertised_authentication_method_works_or_fails_properly(standing: Standing) -> None:
    methods = standing.http.get("/.well-known/openid-configuration").json
    assert methods is not None
    for method in methods["token_endpoint_auth_methods_supported"]:
        forms: dict[str, dict[str, str]] = {
            "client_secret_post": {"client_id": "client", "client_secret": "wrong"},
            "none": {"client_id": "client"},
            "private_key_jwt": {
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": "e30.e30.e30",
            },
        }
        response = standing.http.post("/token", data={"grant_type": "client_credentials", **forms.get(method, {})})
        assert response.status_code in (400, 401), method
        assert response.json is not None and response.json["error"] == "invalid_client", method


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "unknown"},
        {"max_age": "abc"},
        {"claims": "not json"},
        {"id_token_hint": "garbage"},
        {"display": "unknown"},
        {"response_mode": "unknown"},
        {"nonce": ["a", "b"]},
    ],
)
def test_05_parameters_of_openid_connect_are_checked(standing: Standing, changes: dict[str, Any]) -> None:
    assert answer(authorize(standing, **changes))["error"] == "invalid_request"


def test_05_max_age_zero_asks_for_a_new_login(standing: Standing) -> None:
    assert answer(authorize(standing, max_age="0", prompt="none"))["error"] == "login_required"


def test_06_plain_http_behind_the_proxy_is_served_under_the_issuers_https(
    make_app: Callable[..., Any], new_http: Callable[[Any], FlaskClient], register_client: RegisterClient
) -> None:
    app = make_app(issuer="https://login.example")
    register_client(provider=app.extensions["tongxing"])
    response = new_http(app).get("/authorize", base_url="http://login.example", query_string=asking(prompt="none"))
    told = answer(response)
    assert told["error"] == "login_required" and told["iss"] == "https://login.example"
    assert "AUTHLIB_INSECURE_TRANSPORT" not in os.environ
    assert "max-age" in response.headers["Strict-Transport-Security"]


@pytest.mark.parametrize("name", ["client_secret", "client_assertion", "code_verifier", "code", "refresh_token"])
def test_07_secrets_in_the_query_of_a_token_request_are_refused(standing: Standing, name: str) -> None:
    response = standing.http.post(f"/token?{name}=x", data={"grant_type": "client_credentials"})
    assert response.status_code == 400
    assert response.json is not None and response.json["error"] == "invalid_request"


def test_07_a_grant_in_the_query_does_not_count(standing: Standing) -> None:
    response = standing.http.post("/token?grant_type=client_credentials&client_id=client", data={"scope": "openid"})
    assert response.status_code in (400, 401)


def test_07_posted_authorization_request_speaks_in_its_form_only(standing: Standing) -> None:
    query = urlencode(asking())
    response = standing.http.post(f"/authorize?{query}", data={"client_id": "client"})
    assert response.status_code == 400
    assert text_of(response, "error-parameter") == "redirect_uri"


# The first fault in the order of the checks, then another; whatever the order in the request.
_FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("invalid_request", {"state": "a\nb"}),
    ("invalid_request_object", {"request": "x"}),
    ("unsupported_response_type", {"response_type": "x"}),
    ("invalid_scope", {"scope": "x"}),
    ("unmet_authentication_requirements", {"claims": '{"id_token":{"acr":{"essential":true,"value":"x"}}}'}),
    ("invalid_target", {"resource": "x"}),
]


def test_08_of_several_faults_the_first_in_order_is_told(standing: Standing) -> None:
    for index, (error, fault) in enumerate(_FAULTS):
        for _other, later in _FAULTS[index + 1 :]:
            parameters = list((asking(**fault, **later)).items())
            for ordered in (parameters, parameters[::-1]):
                response = standing.http.get("/authorize", query_string=urlencode(ordered, doseq=True))
                assert answer(response)["error"] == error


def test_09_checks_may_run_again_because_they_leave_no_trace(standing: Standing) -> None:
    parameters = tuple(asking(claims='{"userinfo":{"name":null}}', max_age="5", resource=ISSUER).items())
    with standing.provider.work() as context, counted(standing.provider.engine, standing.provider.alone) as seen:
        context.find_client("client")
        before = len(seen)
        first = check_authorization_request(context, parameters)
        second = check_authorization_request(context, parameters)
        assert first == second
        assert len(seen) == before
    assert len(set(AUTHORIZE_CHECKS)) == len(AUTHORIZE_CHECKS)


@pytest.mark.parametrize("grant_type", ["authorization_code", "refresh_token", "client_credentials"])
def test_10_client_authentication_is_a_step_of_the_endpoint_for_every_grant(
    standing: Standing, grant_type: str
) -> None:
    response = standing.http.post("/token", data={"grant_type": grant_type, "code": "x", "refresh_token": "x"})
    assert response.status_code == 401
    assert response.json is not None and response.json["error"] == "invalid_client"


@pytest.mark.parametrize("redirect_uri", [None, "https://elsewhere.example/"])
@pytest.mark.parametrize(("_error", "fault"), _FAULTS)
def test_11_no_validated_redirect_uri_no_redirect(
    standing: Standing, redirect_uri: str | None, _error: str, fault: dict[str, Any]
) -> None:
    response = authorize(standing, **fault, redirect_uri=redirect_uri)
    assert response.status_code == 400 and "Location" not in response.headers
    # A request object may hold the redirect URI, so one that cannot be read is the first fault.
    assert text_of(response, "error-parameter") == ("request" if "request" in fault else "redirect_uri")


def test_17_response_mode_is_honoured_for_a_code(standing: Standing) -> None:
    assert "code" in answer(authorize(standing, response_mode="query"))
    assert 'name="code"' in authorize(standing, response_mode="form_post").get_data(as_text=True)
    assert set(answer(authorize(standing, response_mode="jwt"))) == {"response"}
    assert answer(authorize(standing, response_mode="web_message"))["error"] == "invalid_request"


def test_18_form_post_values_are_escaped_as_html(standing: Standing) -> None:
    text = authorize(standing, response_mode="form_post", state='a"b&<c %41').get_data(as_text=True)
    assert 'value="a&#34;b&amp;&lt;c %41"' in text
    assert "onload" not in text and "<script>" not in text


def test_19_errors_under_form_post_are_posted_too(standing: Standing) -> None:
    response = authorize(standing, response_mode="form_post", prompt="x")
    assert response.status_code == 200
    assert 'name="error" value="invalid_request"' in response.get_data(as_text=True)


@pytest.mark.parametrize(
    "response_type", ["token", "id_token", "code token", "id_token token", "code id_token", "none"]
)
def test_20_front_channel_tokens_do_not_exist(standing: Standing, response_type: str) -> None:
    parts = urlsplit(location(authorize(standing, response_type=response_type)))
    told = parse_qs(parts.fragment or parts.query)
    assert told["error"] == ["unsupported_response_type"]
    assert told["state"] == [asking()["state"]]
    assert "access_token" not in told and "id_token" not in told


def test_21_a_post_is_answered_by_303(standing: Standing) -> None:
    assert standing.http.post("/authorize", data=asking()).status_code == 303
    assert standing.http.post("/authorize", data=asking(prompt="x")).status_code == 303


def test_22_iss_is_in_every_answer(standing: Standing) -> None:
    assert answer(authorize(standing))["iss"] == ISSUER
    assert answer(authorize(standing, prompt="x"))["iss"] == ISSUER
    fragment = urlsplit(location(authorize(standing, response_type="token"))).fragment
    assert parse_qs(fragment)["iss"] == [ISSUER]
    for changes in {}, {"prompt": "x"}:
        text = authorize(standing, response_mode="form_post", **changes).get_data(as_text=True)
        assert f'name="iss" value="{ISSUER}"' in text


def test_43_only_an_id_token_of_this_very_session_spares_the_question(
    http: FlaskClient, register_client: RegisterClient, add_person: AddPerson, sign_in: SignIn, work: Any
) -> None:
    """The other cases of the end-session endpoint are in test_rp_initiated_logout.py."""
    register_client(post_logout_redirect_uris=[REDIRECT_URI])
    person = add_person(password=None)
    session = sign_in(person)
    good = {"iss": ISSUER, "sub": person.subject, "aud": "client", "sid": session.sid, "exp": 1}
    faults: list[tuple[str, dict[str, Any]]] = [
        ("JWT", {"iss": "https://elsewhere.example"}),
        ("at+jwt", {}),
        ("logout+jwt", {}),
        ("JWT", {"sub": "another"}),
        ("JWT", {"sid": "another"}),
    ]
    with work() as context:
        hints = [sign(context.keys, "RS256", good | changes, typ, context.now) for typ, changes in faults]
        good_hint = sign(context.keys, "RS256", good, "JWT", context.now)
    for hint in hints:
        response = http.get("/logout", query_string={"id_token_hint": hint})
        assert "Location" not in response.headers
        assert answer(http.get("/authorize", query_string=asking(prompt="none")))["error"] == "consent_required"
    response = http.get("/logout", query_string={"id_token_hint": good_hint, "post_logout_redirect_uri": REDIRECT_URI})
    assert location(response) == REDIRECT_URI
    assert answer(http.get("/authorize", query_string=asking(prompt="none")))["error"] == "login_required"
