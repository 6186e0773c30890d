"""Nothing that anybody sends breaks a service, opens a door or says more than it should: over real sockets, against
the whole demonstration."""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import pytest

from tests.journeys.demo import Demo
from tests.journeys.foreign_client import JWT_BEARER, ForeignClient, forged
from tests.journeys.hostile import FORM, JSON, MARK, VALUES, Answer, encoded, exchange, pairs, send
from tests.person import Person

WORST = ("nul", "not UTF-8", "line break", "markup", "broken address", "foreign address")  # for every parameter
ROTATING = [name for name in VALUES if name not in WORST]  # one of them for each


@dataclass(frozen=True)
class Endpoint:
    """``service`` is a name of `_addresses`; ``parameters`` with values that are well formed, a name alone stands for
    itself with the value x."""

    service: str
    method: str
    path: str
    parameters: str = ""
    kind: str = "page"  # page, program (no CSRF token), bearer or basic

    @property
    def values(self) -> dict[str, str]:
        return {name: value or "x" for name, _, value in (word.partition("=") for word in self.parameters.split())}


AUTHORIZE = (
    "client_id=sandbox-other response_type=code redirect_uri=http://127.0.0.1:9012/callback scope=openid state nonce "
    "code_challenge=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa code_challenge_method=S256 prompt=none max_age=5 "
    "acr_values claims={} id_token_hint login_hint display=page ui_locales=en response_mode=query resource idp_hint "
    "interaction request request_uri dpop_jkt"
)
REFERENCE = "client_id=sandbox-other request_uri=urn:ietf:params:oauth:request_uri:x"
PUSHED = " ".join(word for word in AUTHORIZE.split() if word not in ("interaction", "request_uri"))
APPLY = "/matters/freight_practitioner_certificate/apply"
ENDPOINTS = [
    Endpoint("idp", "GET", "/authorize", AUTHORIZE),
    Endpoint("idp", "POST", "/authorize", AUTHORIZE, "program"),
    Endpoint("idp", "GET", "/authorize", REFERENCE),
    Endpoint("idp", "POST", "/par", PUSHED, "basic"),
    Endpoint("idp", "POST", "/par", "request=x.y.z", "basic"),
    Endpoint("idp", "POST", "/authorize/cancel", "interaction"),
    *(Endpoint("idp", "GET", path, "interaction next ui_locales") for path in ("/login", "/consent", "/act-as")),
    Endpoint("idp", "POST", "/login", "username password next=/account"),
    Endpoint("idp", "POST", "/consent", "interaction decision"),
    Endpoint("idp", "POST", "/select-account", "interaction decision"),
    Endpoint("idp", "POST", "/act-as", "interaction act_as"),
    Endpoint("idp", "GET", "/logout", "id_token_hint client_id post_logout_redirect_uri state ui_locales request"),
    Endpoint("idp", "POST", "/logout", "decision interaction"),
    Endpoint("idp", "POST", "/language", "locale=en next=/login"),
    Endpoint("idp", "GET", "/register", "interaction"),
    Endpoint("idp", "POST", "/register/phone", "phone"),
    Endpoint("idp", "POST", "/register/code", "code"),
    Endpoint("idp", "POST", "/register/identity", "name id_number"),
    Endpoint("idp", "POST", "/register/password", "password repeated terms"),
    Endpoint("idp", "POST", "/register/company", "uscc name is_representative"),
    Endpoint("idp", "POST", "/account/consents/withdraw", "client_id"),
    Endpoint("idp", "POST", "/account/sessions/end", "session"),
    Endpoint("idp", "POST", "/account/identities/unlink", "identity"),
    Endpoint("idp", "POST", "/account/organisations/accept", "mandate"),
    Endpoint("idp", "POST", "/account/organisations/act", "mandate"),
    Endpoint("idp", "POST", "/account/organisations/x/appoint", "number name role scope last_day"),
    Endpoint("idp", "POST", "/account/organisations/x/revoke", "mandate"),
    Endpoint("idp", "POST", "/account/security/password", "present new repeated"),
    Endpoint("idp", "POST", "/account/security/username", "username"),
    Endpoint("idp", "GET", "/upstream/national/callback", "code state iss error error_description"),
    Endpoint("idp", "POST", "/upstream/national/bind", "interaction username password"),
    Endpoint("idp", "POST", "/upstream/national/backchannel-logout", "logout_token", "program"),
    Endpoint("idp", "POST", "/token", "grant_type=authorization_code code redirect_uri code_verifier", "basic"),
    Endpoint("idp", "POST", "/token", "grant_type=refresh_token refresh_token scope", "basic"),
    Endpoint("idp", "POST", "/token", "grant_type=client_credentials scope=matters.read resource", "basic"),
    Endpoint("idp", "POST", "/token", "grant_type=client_credentials client_id client_secret", "program"),
    Endpoint("idp", "POST", "/token", f"client_assertion_type={JWT_BEARER} client_assertion=x.y.z", "program"),
    Endpoint("idp", "POST", "/introspect", "token token_type_hint", "basic"),
    Endpoint("idp", "POST", "/revoke", "token token_type_hint", "basic"),
    Endpoint("idp", "POST", "/session-end", "sid", "basic"),
    Endpoint("idp", "POST", "/userinfo", "access_token", "program"),
    Endpoint("idp", "GET", "/signed-out", "tell=browser ui_locales=en"),
    Endpoint("idp", "GET", "/.well-known/openid-configuration", "unheard_of", "program"),
    Endpoint("idp", "GET", "/jwks", "unheard_of", "program"),
    Endpoint("idp", "POST", "/clients", "client_name redirect_uris", "bearer"),
    Endpoint("idp", "GET", "/clients/sandbox-other", "unheard_of", "bearer"),
    Endpoint("idp", "GET", "/clients/sandbox-other/logo", "v"),
    Endpoint("national", "GET", "/authorize", "client_id redirect_uri"),
    Endpoint("national", "POST", "/language", "locale=en next=/login"),
    Endpoint("national", "POST", "/authority/persons/verify", "name id_number", "bearer"),
    Endpoint("hall", "GET", "/login", "next=/hall/ acr_values idp_hint prompt"),
    Endpoint("hall", "GET", "/callback", "code state iss error"),
    Endpoint("hall", "POST", "/language", "locale=en next=/identity"),
    Endpoint("hall", "POST", "/backchannel-logout", "logout_token", "program"),
    Endpoint("drivers", "GET", "/login", "next=/ acr_values idp_hint prompt"),
    Endpoint("drivers", "GET", "/callback", "code state iss error"),
    Endpoint("drivers", "POST", "/language", "locale=en next=/"),
    Endpoint("drivers", "POST", "/backchannel-logout", "logout_token", "program"),
    Endpoint("drivers", "GET", "/cases", "page"),
    Endpoint("drivers", "POST", APPLY, "v-report_date v-mobile idempotency_key"),
    Endpoint("matters", "GET", "/api/matters", "portal", "bearer"),
    Endpoint("matters", "GET", "/api/cases", "page", "bearer"),
    Endpoint("matters", "POST", "/language", "locale=en next=/", "program"),
    Endpoint("gateway", "GET", "/messages.json", "to", "program"),
]
# What stands in a header that a program sets: sent as bytes, as no library would let it go.
HEADERS = ("Authorization", "DPoP", "X-Client-Certificate", "Content-Type", "Accept", "Origin")
HEADER_VALUES = (
    *("", " ", ",", "x", "Basic", "Basic %", "Basic //8=", "Bearer", "Bearer ", "DPoP", "DPoP x.y.z", "a=b;c=d;q=nan"),
    *("eyJhbGciOiJub25lIn0.e30.", "e30.e30.e30", ".." + "A" * 5000, "\xff\xfe", "null", "[" * 3000, "-----BEGIN%20"),
)
PATHS = [
    ("idp", "GET", "/account/organisations/{}"),
    ("idp", "POST", "/account/organisations/{}/revoke"),
    ("idp", "GET", "/upstream/{}/start"),
    ("idp", "GET", "/clients/{}"),
    ("idp", "GET", "/clients/{}/logo"),
    ("idp", "GET", "/static/{}"),
    ("drivers", "GET", "/matters/{}"),
    ("drivers", "GET", "/cases/{}"),
    ("drivers", "POST", "/cases/{}/withdraw"),
    ("matters", "GET", "/api/matters/{}"),
    ("matters", "GET", "/api/cases/{}"),
    ("matters", "POST", "/api/cases/{}/withdrawal"),
    ("hall", "GET", "/{}"),
]
SEGMENTS = [
    *("%00", "%ff", ".", "..", "..%2f..%2fetc%2fpasswd", "%0d%0aSet-Cookie:%20evil=1", "%5c%5cevil.example"),
    *("%2f%2fevil.example", "';--", "{{7*7}}", "%f0%9f%91%a9", "a" * 3000),
]


@dataclass
class Siege:
    """The demonstration with an attacker inside: someone with an account, a session everywhere and forms to post."""

    target: dict[str, Any]
    person: Person
    client: ForeignClient
    tokens: dict[str, Any]
    forms: dict[str, str]

    @property
    def addresses(self) -> dict[str, str]:
        return _addresses(self.target)

    def headers(self, endpoint: Endpoint) -> dict[str, str]:
        if endpoint.kind == "basic":
            return self.client.authentication()[0]
        if endpoint.kind == "bearer":
            return {"Authorization": f"Bearer {self.tokens['access_token']}"}
        return {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.person.jar)}

    def send(self, endpoint: Endpoint, data: bytes, content_type: str | None = FORM, **options: Any) -> Answer:
        url = self.addresses[endpoint.service] + endpoint.path
        headers = self.headers(endpoint) | options.pop("headers", {})
        if endpoint.method == "GET":
            return send(url, query=data, headers=headers, **options)
        if endpoint.kind == "page" and content_type == FORM:
            data += b"&" + encoded("csrf_token", self.forms[endpoint.service].encode())
        return send(url, "POST", body=data, content_type=content_type, headers=headers, **options)


def _addresses(target: dict[str, Any]) -> dict[str, str]:
    return {
        "idp": target["issuer"],
        "national": target["national"]["issuer"],
        "hall": target["hall"],
        "drivers": target["portals"]["drivers"],
        "matters": target["matters"],
        "gateway": target["message_gateway"],
    }


@pytest.fixture(scope="module")
def siege(demo: Demo) -> Iterator[Siege]:
    with ExitStack() as stack:
        person, client = Person("en"), ForeignClient(demo.target, "confidential")
        stack.callback(person.close)
        stack.callback(client.close)
        user = demo.target["users"][0]
        tokens = client.log_in(person, user, scope="openid profile phone offline_access matters.read matters.submit")
        addresses = _addresses(demo.target)
        pages = {"idp": "/account/security", "national": "/login", "drivers": "/identity", "hall": "/"}
        person.open(addresses["drivers"] + "/cases")  # signs in there, silently
        forms = {name: _form_token(person, addresses[name] + path) for name, path in pages.items()}
        yield Siege(demo.target, person, client, tokens, forms)


def _form_token(person: Person, url: str) -> str:
    found = person.open(url).document.xpath("//input[@name='csrf_token']/@value")
    assert found, url
    return str(found[0])


def _check_harmless(answer: Answer, base: str, what: object) -> None:
    """What holds for every answer to whatever input."""
    assert 200 <= answer.status < 500, (answer.status, what)
    assert not any("evil" in cookie for cookie in answer.all("set-cookie")), what
    assert answer.get("x-content-type-options") == "nosniff", what
    assert "no-store" in answer.get("cache-control") or "public" in answer.get("cache-control"), what
    assert not re.search(r"Traceback|sqlalchemy|werkzeug", answer.text), what
    location = answer.get("location")
    if location:
        assert "evil.example" not in urlsplit(urljoin(base, location.replace("\\", "/"))).netloc, (location, what)
    if answer.is_page:
        _check_page(answer, what)


def _check_page(answer: Answer, what: object) -> None:
    policy = answer.get("content-security-policy")
    assert "default-src 'none'" in policy, what
    assert "frame-ancestors 'none'" in policy, what
    assert "unsafe" not in policy, what
    assert answer.get("referrer-policy") == "no-referrer", what
    assert MARK not in answer.text, what
    assert not re.search(r"style=\"|\son\w+=\"|<script(?![^>]*\ssrc=)", answer.text), what


def _named(endpoint: Endpoint) -> str:
    first = next(iter(endpoint.values.values()), "")
    return f"{endpoint.method} {endpoint.service}{endpoint.path} {first[:24]} {endpoint.kind}"


# --- every parameter of every endpoint --------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=_named)
def test_no_value_of_any_parameter_breaks_an_endpoint(siege: Siege, endpoint: Endpoint) -> None:
    good, base = endpoint.values, siege.addresses[endpoint.service]
    plain = siege.send(endpoint, pairs(good))
    _check_harmless(plain, base, "well formed")
    assert "This form can no longer be used" not in plain.text  # or nothing below would get past the door
    for number, name in enumerate(good):
        for value in (*WORST, ROTATING[number % len(ROTATING)]):
            answer = siege.send(endpoint, pairs(good | {name: VALUES[value]}))
            _check_harmless(answer, base, (name, value))
            if value in {"nul", "not UTF-8"}:
                assert answer.status >= 400 or "error=" in answer.get("location"), (name, value, answer.status)
        _check_harmless(siege.send(endpoint, pairs({key: good[key] for key in good if key != name})), base, name)
        _check_harmless(siege.send(endpoint, pairs(good) + b"&" + encoded(name, b"y")), base, f"{name} twice")


@pytest.mark.parametrize("endpoint", [one for one in ENDPOINTS if one.method == "POST"], ids=_named)
def test_no_body_breaks_an_endpoint(siege: Siege, endpoint: Endpoint) -> None:
    good, base = pairs(endpoint.values), siege.addresses[endpoint.service]
    bodies: list[tuple[bytes, str | None]] = [
        (b"x=" + b"a" * 70_000, FORM),
        (b"&".join(b"a%d=1" % number for number in range(3000)), FORM),
        (b"%ff=1&%00&=&&;%zz", FORM),
        (b"", FORM),
        (good, None),
        (good, "text/plain"),
        (good, "multipart/form-data"),
        (PART, "multipart/form-data; boundary=x"),
        *((text, JSON) for text in (b"null", b"[" * 50_000, b'{"a":NaN}', b'{"to":{},"text":[]}', b"\xff")),
    ]
    for body, content_type in bodies:
        answer = siege.send(endpoint, body, content_type)
        _check_harmless(answer, base, (content_type, body[:30]))
        assert answer.status >= 400 or len(body) < 70_000


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize(
    "endpoint", [one for one in ENDPOINTS if one.kind in ("basic", "bearer", "program")], ids=_named
)
def test_no_header_breaks_an_endpoint_for_programs(siege: Siege, endpoint: Endpoint, name: str) -> None:
    for value in HEADER_VALUES:
        answer = siege.send(endpoint, pairs(endpoint.values), headers={name: value})
        _check_harmless(answer, siege.addresses[endpoint.service], (name, value[:40]))


@pytest.mark.parametrize(("service", "method", "path"), PATHS)
def test_no_path_leads_elsewhere(siege: Siege, service: str, method: str, path: str) -> None:
    for segment in SEGMENTS:
        endpoint = Endpoint(
            service, method, path.format(segment), "mandate", "bearer" if service == "matters" else "page"
        )
        answer = siege.send(endpoint, pairs(endpoint.values))
        _check_harmless(answer, siege.addresses[service], segment)
        assert b"root:" not in answer.body


PART = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\nq\r\n--x--\r\n'
HEADERS: list[dict[str, str]] = [
    {"Cookie": "tx_idp_session=\xff\xfe; tx_idp_browser=" + "a" * 43},
    {"Cookie": ";;=;tx_idp_session; tx_idp_form=.x.y; tx_drivers=x; tx_hall=%00"},
    {"Authorization": "Basic \xff"},
    {"Authorization": "Basic /wA6/w=="},
    {"Authorization": "Bearer " + "x" * 9000},
    {"Authorization": "Bearer"},
    {"Accept-Language": "\xff;q=zz," * 20 + "en;q=nan"},
    {"X-Forwarded-For": "1.2.3.4, \xff", "X-Forwarded-Proto": "javascript", "X-Forwarded-Host": "evil.example"},
    {"Forwarded": "for=evil.example;host=evil.example;proto=https", "X-Original-URL": "/account"},
    {"Origin": "\xff", "Referer": "javascript:alert(1)"},
    {"Range": "bytes=9-1", "If-None-Match": '\xff"', "If-Modified-Since": "x"},
]
START_PAGES = [("idp", "/login"), ("idp", "/userinfo"), ("drivers", "/"), ("hall", "/"), ("matters", "/api/cases")]


@pytest.mark.parametrize(("service", "path"), START_PAGES)
def test_no_header_is_believed(siege: Siege, service: str, path: str) -> None:
    url = siege.addresses[service] + path
    for headers in HEADERS:
        answer = send(url, headers=headers)
        _check_harmless(answer, url, headers)
        assert "evil" not in answer.text + answer.get("location"), headers
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "NONSENSE"):
        _check_harmless(send(url, method), url, method)


@pytest.mark.parametrize("service", ["idp", "national", "hall", "drivers"])
def test_unknown_host_is_refused(siege: Siege, service: str) -> None:
    url = siege.addresses[service]
    for host in ("evil.example", "", f"{urlsplit(url).netloc}.evil.example", "127.0.0.1"):
        answer = send(url + "/login", host=host)
        assert answer.status == 400, host
        assert "evil" not in answer.text + answer.get("location")


@pytest.mark.parametrize("service", ["idp", "drivers", "hall", "matters", "gateway"])
def test_body_of_unknown_length_is_bounded_too(siege: Siege, service: str) -> None:
    parts = urlsplit(siege.addresses[service])
    path = {"matters": "/api/matters/x/cases", "gateway": "/messages"}.get(service, "/logout")
    head = (
        f"POST {parts.path}{path} HTTP/1.1\r\nHost: {parts.netloc}\r\nTransfer-Encoding: chunked\r\n"
        f"Content-Type: {FORM}\r\nConnection: close\r\n\r\n"
    )
    chunks = (b"4000\r\n" + b"a" * 0x4000 + b"\r\n") * 6 + b"0\r\n\r\n"
    answer = exchange(parts.hostname or "", parts.port or 80, head.encode() + chunks)
    assert 400 <= answer.status < 500


# --- where a browser may be sent --------------------------------------------------------------------------------------

FOREIGN = [
    *("//evil.example", "/\\evil.example", "https://evil.example/", "/%09/evil.example", "/\t/evil.example"),
    *("///evil.example", "javascript:alert(1)", " //evil.example", "/..//evil.example", "//[", "/\\/evil.example"),
]


@pytest.mark.parametrize("service", ["idp", "national", "drivers", "hall", "matters"])
def test_language_switch_leads_to_no_other_site(siege: Siege, service: str) -> None:
    endpoint = Endpoint(service, "POST", "/language", kind="program" if service == "matters" else "page")
    base = siege.addresses[service]
    for next_page in FOREIGN:
        answer = siege.send(endpoint, pairs({"locale": "en", "next": next_page}))
        assert answer.status in {303, 400}, (next_page, answer.status)
        _check_harmless(answer, base, next_page)


@pytest.mark.parametrize("service", ["idp", "drivers"])
def test_login_leads_to_no_other_site(siege: Siege, new_person: Callable[..., Person], service: str) -> None:
    base, form = siege.addresses[service], siege.target["login_form"]
    user = siege.target["users"][0]
    for next_page in FOREIGN[:4]:
        person = new_person("en")
        page = person.open(f"{base}/login?{urlencode({'next': next_page})}")
        who = {form["username_field"]: user["username"], form["password_field"]: user["password"]}
        page = person.submit(page, form["submit_id"], **who)
        assert urlsplit(page.url).netloc == urlsplit(base).netloc, next_page
        assert page.status in {200, 404}, next_page  # a page of ours, or a path where there is none


def test_redirect_uri_is_compared_as_it_is(siege: Siege) -> None:
    own = siege.client.registered["redirect_uri"]
    for wrong in (
        *(f"{own}?x=1", f"{own}/", f"{own}#f", own.replace("127.0.0.1", "localhost"), own.replace("9009", "9010")),
        *(own.replace("http:", "HTTP:"), own.upper(), f"{own}%2f..", f"{own} ", f"{own}\\@evil.example", ""),
        *(own.replace("/auth", "/x/../auth"), "//evil.example", "javascript:alert(1)", "http://127.0.0.1:9009@evil.x/"),
    ):
        query = pairs({"response_type": "code", "client_id": siege.client.client_id, "redirect_uri": wrong})
        answer = send(siege.client.endpoint("authorization"), query=query)
        assert (answer.status, answer.get("location")) == (400, ""), wrong
        assert 'id="error-parameter"' in answer.text
        assert "redirect_uri" in answer.text


# --- forms, sessions, other people's things ---------------------------------------------------------------------------

FORMS = [one for one in ENDPOINTS if one.method == "POST" and one.kind == "page"] + [
    Endpoint("idp", "POST", "/sign-out"),
    Endpoint("idp", "POST", "/account/sessions/end-all"),
    Endpoint("drivers", "POST", "/logout"),
    Endpoint("hall", "POST", "/logout"),
]


@pytest.mark.parametrize("endpoint", FORMS, ids=_named)
def test_form_of_another_site_changes_nothing(siege: Siege, endpoint: Endpoint) -> None:
    stranger = Person("en")
    foreign = _form_token(stranger, siege.addresses["idp"] + "/login")
    stranger.close()
    url = siege.addresses[endpoint.service] + endpoint.path
    for token in ({}, {"csrf_token": foreign}, {"csrf_token": ""}):
        body = pairs(endpoint.values | token)
        answer = send(url, "POST", body=body, headers=siege.headers(endpoint) | {"Origin": "http://evil.example"})
        assert answer.status == 400
        assert not answer.get("location")


def test_session_begins_under_a_new_secret_and_the_old_one_ends(
    siege: Siege, new_person: Callable[..., Person]
) -> None:
    person, user, name = new_person("en"), siege.target["users"][0], "tx_idp_session"
    planted = secrets.token_urlsafe(32)
    person.open(siege.addresses["idp"] + "/login")
    person._client.cookies.set(name, planted, domain="127.0.0.1")
    siege.client.log_in(person, user, scope="openid")
    first = person.cookie(name)
    siege.client.log_in(person, user, scope="openid", prompt="login")
    assert len({planted, first, person.cookie(name)}) == 3
    for stale in (planted, first):
        answer = send(siege.addresses["idp"] + "/account", headers={"Cookie": f"{name}={stale}"})
        assert answer.status in {302, 303}


def test_interaction_belongs_to_the_browser_it_began_in(siege: Siege, new_person: Callable[..., Person]) -> None:
    page = new_person("en").open(siege.client.begin().url)
    assert new_person("en").open(page.url).status == 400


def test_nobody_touches_other_peoples_things(siege: Siege, new_person: Callable[..., Person]) -> None:
    idp, users = siege.addresses["idp"], {user["username"]: user for user in siege.target["users"]}
    owner, visitor = new_person("en"), new_person("en")
    owner.sign_in(owner.open(idp + "/login"), "owner", users["owner"]["password"])
    visitor.sign_in(visitor.open(idp + "/login"), "visitor", users["visitor"]["password"])
    company = re.findall(r"/account/organisations/([0-9A-Z]{18})", owner.open(idp + "/account/organisations").text)[0]
    page = f"{idp}/account/organisations/{company}"
    mandates = owner.open(page).document.xpath("//input[@name='mandate']/@value")
    sessions = owner.open(idp + "/account/sessions").document.xpath("//*[@name='session']/@value")
    assert mandates
    assert sessions
    assert visitor.open(page).status == 404
    token = _form_token(visitor, idp + "/account/security")
    attacks = [(f"{idp}/account/sessions/end", {"session": value}) for value in sessions]
    attacks += [
        (url, {"mandate": mandates[0]})
        for url in (f"{idp}/account/organisations/{verb}" for verb in ("accept", "resign", "act", f"{company}/revoke"))
    ]
    for url, values in attacks:
        assert visitor._client.post(url, data=values | {"csrf_token": token}).status_code in {303, 403, 404}
    assert owner.open(page).document.xpath("//input[@name='mandate']/@value") == mandates
    assert owner.open(idp + "/account/sessions").path == "/account/sessions"


def test_known_and_unknown_people_are_answered_alike(siege: Siege) -> None:
    answers = []
    for username in ("visitor", "wisitor"):
        person = Person("en")
        page = person.open(siege.addresses["idp"] + "/login")
        answer = person.sign_in(page, username, "not the password of anybody")
        person.close()
        text = re.sub(r'(name="csrf_token"[^>]*value=")[^"]*|[0-9a-f]{16}', "", answer.text).replace(username, "")
        answers.append((answer.status, text, sorted(set(answer.headers) - {"date", "content-length"})))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("spelling", ["{}", " {} ", "+86{}", "0086{}", "１２"])
def test_failures_count_for_the_person_however_spelt(siege: Siege, spelling: str) -> None:
    """Whoever failed twice waits, under every name they know of the person; forwarded addresses are nobody's word."""
    agent = siege.target["users"][2]
    digits = agent["claims"]["phone_number"][-11:]
    text = spelling.format(digits) if "{" in spelling else digits.translate({48 + n: 0xFF10 + n for n in range(10)})
    answers = []
    for number, name in enumerate((agent["username"], agent["username"].upper(), text)):
        person = Person("en")
        person._client.headers["X-Forwarded-For"] = f"10.0.0.{number}"
        page = person.open(siege.addresses["idp"] + "/login")
        answers.append(person.sign_in(page, name, "not the password of anybody").status)
        person.close()
    assert answers[-1] == 429


# --- tokens where they do not belong ----------------------------------------------------------------------------------


def test_tokens_open_only_what_they_are_for(siege: Siege) -> None:
    tokens, client, cases = siege.tokens, siege.client, siege.addresses["matters"] + "/api/cases"
    assert _with_bearer(cases, tokens["access_token"]) == 200
    assert _with_bearer(client.endpoint("userinfo"), tokens["access_token"]) == 200
    header = {"alg": "none", "typ": "at+jwt"}
    wrong = [
        tokens["id_token"],
        tokens["refresh_token"],
        forged(tokens["access_token"], header),
        tokens["access_token"][:-8] + "AAAAAAAA",
        tokens["access_token"] + ".",
    ]
    for url, token in product((cases, client.endpoint("userinfo")), wrong):
        assert _with_bearer(url, token) == 401, (url, token[:20])
    itself = client.token(grant_type="client_credentials", scope="matters.read").json()["access_token"]
    for url in (cases, client.endpoint("userinfo")):  # a client is no person
        assert _with_bearer(url, itself) in {401, 403}


def _with_bearer(url: str, token: str) -> int:
    return send(url, headers={"Authorization": f"Bearer {token}"}).status


@pytest.mark.parametrize("service", ["idp/upstream/national", "hall", "drivers"])
def test_only_a_logout_token_of_the_provider_logs_out(siege: Siege, service: str) -> None:
    name, _, prefix = service.partition("/")
    url = "/".join(part for part in (siege.addresses[name], prefix, "backchannel-logout") if part)
    events: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
    unsigned = forged(siege.tokens["id_token"], {"alg": "none", "typ": "logout+jwt"}, events=events)
    for token in (siege.tokens["id_token"], siege.tokens["access_token"], unsigned, "x"):
        assert send(url, "POST", body=pairs({"logout_token": token})).status == 400
    assert _with_bearer(siege.client.endpoint("userinfo"), siege.tokens["access_token"]) == 200


def test_grants_serve_only_the_client_they_were_given_to(siege: Siege) -> None:
    other, tokens = ForeignClient(siege.target, "other"), siege.tokens
    try:
        assert other.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
        for kind in ("refresh_token", "access_token"):
            assert other.introspect(tokens[kind]) == {"active": False}
            other.post(other.endpoint("revocation"), token=tokens[kind])
            assert siege.client.introspect(tokens[kind])["active"]
        assert other.post(f"{other.issuer}/session-end", sid=tokens["claims"]["sid"]).status_code in {400, 401, 403}
        attempt = siege.client.begin(prompt="none", scope="openid")
        code = siege.client.read_answer(siege.client.walk(siege.person, {}, attempt), attempt)["code"]
        stolen = {"code": code, "redirect_uri": attempt.redirect_uri, "code_verifier": attempt.verifier}
        assert other.token(grant_type="authorization_code", **stolen).json()["error"] == "invalid_grant"
    finally:
        other.close()


def test_one_of_many_wins_a_race_and_keeps_nothing_of_a_replay(siege: Siege) -> None:
    client = siege.client
    attempt = client.begin(prompt="none", scope="openid offline_access")
    code = client.read_answer(client.walk(siege.person, {}, attempt), attempt)["code"]
    form = {"code": code, "redirect_uri": attempt.redirect_uri, "code_verifier": attempt.verifier}
    url, headers = client.endpoint("token"), client.authentication()[0]
    body = pairs({"grant_type": "authorization_code", **form})
    won = _race(lambda: send(url, "POST", body=body, headers=headers))
    assert _with_bearer(client.endpoint("userinfo"), json.loads(won.body)["access_token"]) == 401
    again = client.begin(prompt="none", scope="openid offline_access")
    tokens = client.exchange(client.read_answer(client.walk(siege.person, {}, again), again)["code"], again)
    body = pairs({"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]})
    won = _race(lambda: send(url, "POST", body=body, headers=headers))
    assert client.refresh(json.loads(won.body)["refresh_token"]).json()["error"] == "invalid_grant"


def _race(attack: Callable[[], Answer], runners: int = 8) -> Answer:
    """All at once; exactly one gets 200, the others 400."""
    start = threading.Barrier(runners)

    def run(_number: int) -> Answer:
        start.wait()
        return attack()

    with ThreadPoolExecutor(runners) as pool:
        answers = list(pool.map(run, range(runners)))
    assert sorted(answer.status for answer in answers) == [200, *[400] * (runners - 1)]
    return next(answer for answer in answers if answer.status == 200)


NOW_IS = "now plus"
ASSERTIONS: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"nbf": (NOW_IS, 8)}, True),
    ({"nbf": (NOW_IS, 61)}, False),
    ({"exp": (NOW_IS, -60)}, False),
    ({"exp": (NOW_IS, 3600)}, False),
    ({"exp": 10**400}, False),
    ({"exp": -(10**400)}, False),
    ({"iat": 10**400}, False),
    ({"exp": float("nan")}, False),
    ({"exp": float("inf")}, False),
    ({"exp": "9999999999"}, False),
    ({"exp": None}, False),
    ({"jti": None}, False),
    ({"jti": 5}, False),
    ({"aud": ["ISSUER"]}, False),
    ({"aud": "https://evil.example"}, False),
    ({"sub": "sandbox-confidential"}, False),
    ({"iss": "sandbox-confidential", "sub": "sandbox-confidential"}, False),
    ({"sub": {}}, False),
]


def test_assertion_counts_once_and_only_as_it_must_be(siege: Siege) -> None:
    client = ForeignClient(siege.target, "private_key_jwt", "EC")
    for changes, is_good in ASSERTIONS:
        words = {"ISSUER": client.issuer}
        claims = {
            name: int(time.time()) + value[1]
            if isinstance(value, tuple)
            else [words[item] for item in value]
            if isinstance(value, list)
            else value
            for name, value in changes.items()
        }
        assertion = client.assertion(**claims)
        form = {"grant_type": "client_credentials", "scope": "matters.read", "client_assertion_type": JWT_BEARER}
        body = pairs(form | {"client_assertion": assertion})
        first, second = (send(client.endpoint("token"), "POST", body=body) for _ in range(2))
        assert (first.status == 200) == is_good, (changes, first.status, first.text)
        assert second.status in {400, 401}, changes
    client.close()


def test_tables_above_name_what_exists(siege: Siege) -> None:
    """An endpoint that moved would be attacked in vain: none of them may be unknown."""
    for endpoint in ENDPOINTS:
        assert siege.send(endpoint, pairs(endpoint.values)).status not in {405, 501}, endpoint


# --- what stays behind ------------------------------------------------------------------------------------------------


def test_neither_logs_nor_databases_tell_who_people_are(demo: Demo, siege: Siege) -> None:
    """Runs last: after everything above has been refused, logged and stored."""
    secret = [siege.tokens[name] for name in ("access_token", "refresh_token", "id_token")]
    secret += [entry["client_secret"] for entry in demo.target["clients"].values() if "client_secret" in entry]
    for user in (*demo.target["users"], *demo.target["national"]["users"]):
        claims = user["claims"]
        secret += [user["password"], claims["name"], claims["email"], claims["phone_number"], claims["birthdate"]]
    files = [*demo.layout.directory.glob("*.sqlite3*"), *demo.layout.directory.glob("log/*")]
    assert len(files) > 10
    for file in files:
        content = file.read_bytes()
        assert not [text for text in secret if text.encode() in content], file.name
        assert not re.search(rb"eyJ[\w-]{20,}\.eyJ", content), file.name
        if file.suffix == ".log":
            assert b"Traceback" not in content, content[-3000:]
