"""The whole site: a real nginx with our configuration in front of two nodes that share PostgreSQL and Redis.

Logins go through it, certificates reach the provider in TLS (RFC 8705), what callers say in a proxy's name reaches
nobody, and what one node did the other knows at once.
"""

from __future__ import annotations

import socket
import ssl
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from idp.protocol import mtls
from idp.storage import sessions
from tests.certificates import DAY, Authority, Held, dns_names, self_signed
from tests.databases import PostgreSQLPool, make_aged
from tests.journeys.foreign_client import Attempt, ForeignClient, payload
from tests.journeys.site import USER, Directly, Site, running_site
from tests.nginx import HOST, MTLS_HOST

DN = "CN=fleet,O=车队"
CC = {"grant_type": "client_credentials"}
SPOOFED = {
    "Forwarded": "for=203.0.113.9;host=evil.example;proto=http",
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "http",
    "X-Real-IP": "203.0.113.9",
    "X_Forwarded_For": "203.0.113.9",
}


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, postgresql_pool: PostgreSQLPool, redis_server: str
) -> Iterator[Site]:
    make_aged(redis_server)
    with (
        postgresql_pool.database() as url,
        running_site(tmp_path_factory.mktemp("site"), url, redis_server) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def basic(site: Site) -> ForeignClient:
    site.register("basic")
    return site.foreign("basic")


@pytest.fixture(scope="module")
def held(site: Site) -> Held:
    """The certificate of the clients ``authority`` (tls_client_auth) and ``own`` (self_signed_tls_client_auth)."""
    found = site.authority.issue(DN)
    site.register("authority", token_endpoint_auth_method="tls_client_auth", tls_client_auth_subject_dn=DN)
    site.register("own", token_endpoint_auth_method="self_signed_tls_client_auth", jwks={"keys": [found.jwk()]})
    return found


def outcome(response: httpx.Response) -> tuple[int, str | None]:
    return response.status_code, response.json().get("error")


OK, REFUSED = (200, None), (401, "invalid_client")


# --- through nginx --------------------------------------------------------------------------------------------------


def test_a_login_goes_through(site: Site, basic: ForeignClient) -> None:
    person = site.person()
    tokens = basic.log_in(person, USER)
    assert basic.userinfo(tokens["access_token"]).json()["sub"] == tokens["claims"]["sub"]
    assert basic.refresh(tokens["refresh_token"]).status_code == 200
    assert basic.introspect(tokens["access_token"])["active"] is True
    assert person.cookie("__Host-tx_session")
    page = person.open(f"{site.issuer}/account")
    assert page.status == 200
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert page.headers.get_list("X-Content-Type-Options") == ["nosniff"]
    assert page.headers["Server"] == "nginx"


def test_every_address_in_the_document_is_on_one_of_the_two_hosts(site: Site, basic: ForeignClient) -> None:
    for name, value in basic.metadata.items():
        if name.endswith(("_endpoint", "_uri")):
            assert value.startswith(f"{site.issuer}/"), name
    for name, value in basic.metadata["mtls_endpoint_aliases"].items():
        assert value == basic.metadata[name].replace(site.issuer, site.mtls_url)


def test_long_requests_arrive(site: Site) -> None:
    http, long = site.client(), {"Authorization": "Bearer " + "x" * 15_000}
    assert http.get(f"{site.issuer}/jwks", params={"a": "x" * 30_000}).status_code == 200
    assert http.get(f"{site.issuer}/userinfo", headers=long).status_code == 401
    assert outcome(http.post(f"{site.issuer}/token", data=CC | {"a": "x" * 60_000})) == REFUSED


# --- certificates ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("client_id", ["authority", "own"])
def test_a_client_authenticates_by_its_certificate(site: Site, held: Held, client_id: str) -> None:
    client = site.foreign(client_id, site.client(held))
    aliases = client.metadata["mtls_endpoint_aliases"]
    attempt = push(client, aliases["pushed_authorization_request_endpoint"])
    answer = client.read_answer(client.walk(site.person(), USER, attempt), attempt)
    form = {"grant_type": "authorization_code", "code": answer["code"], "code_verifier": attempt.verifier}
    form |= {"redirect_uri": attempt.redirect_uri, "client_id": client_id}
    assert outcome(client.http.post(client.endpoint("token"), data=form)) == REFUSED, (
        "no certificate is asked for there"
    )
    tokens = client.http.post(aliases["token_endpoint"], data=form)
    assert outcome(tokens) == OK
    form = {"client_id": client_id, "token": tokens.json()["access_token"]}
    assert client.http.post(aliases["introspection_endpoint"], data=form).json()["active"] is True
    assert client.http.post(aliases["revocation_endpoint"], data=form).status_code == 200
    assert client.http.post(aliases["introspection_endpoint"], data=form).json()["active"] is False


WRONG = {
    "none": lambda site: None,
    "another key": lambda site: site.authority.issue("CN=other"),
    "nobody's": lambda site: self_signed(DN),
    "another authority's": lambda site: Authority.new("CN=Clients").issue(DN),
}


@pytest.mark.parametrize("client_id", ["authority", "own"])
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@pytest.mark.usefixtures("held")
def test_no_other_certificate_does(site: Site, client_id: str, wrong: Any) -> None:
    response = site.client(wrong(site)).post(f"{site.mtls_url}/token", data=CC | {"client_id": client_id})
    assert outcome(response) == REFUSED


@pytest.mark.parametrize(
    "dates", [{"begins": -2 * DAY, "ends": -DAY / 24}, {"begins": DAY / 24}], ids=["past", "future"]
)
def test_a_certificate_out_of_its_time_gets_the_protocols_refusal(site: Site, dates: Any) -> None:
    """nginx would refuse it by a page of its own."""
    untimely = site.authority.issue("CN=untimely", **dates)
    site.register("untimely", token_endpoint_auth_method="tls_client_auth", tls_client_auth_subject_dn="CN=untimely")
    response = site.client(untimely).post(f"{site.mtls_url}/token", data=CC | {"client_id": "untimely"})
    assert outcome(response) == REFUSED
    timely = site.authority.issue("CN=untimely")
    assert outcome(site.client(timely).post(f"{site.mtls_url}/token", data=CC | {"client_id": "untimely"})) == OK


def test_a_long_chain_and_a_large_certificate_arrive(site: Site) -> None:
    middle = Authority.new("CN=Middle", by=site.authority)
    names = [f"n{number}.{'x' * 60}.example" for number in range(80)]
    large = middle.issue("CN=large", names=dns_names(*names))
    site.register("large", token_endpoint_auth_method="self_signed_tls_client_auth", jwks={"keys": [large.jwk()]})
    assert len(large.header["X-Client-Certificate"]) > 8000
    assert outcome(site.client(large).post(f"{site.mtls_url}/token", data=CC | {"client_id": "large"})) == OK


def test_the_mutual_tls_host_is_for_programs_only(site: Site, held: Held) -> None:
    http = site.client(held)
    for path in "/", "/login", "/authorize", "/account", "/jwks", "/static/tongxing.css":
        assert http.get(f"{site.mtls_url}{path}").status_code == 400


# --- what callers say in a proxy's name -----------------------------------------------------------------------------


@pytest.mark.parametrize("client_id", ["authority", "own"])
@pytest.mark.parametrize("host", ["public", "mutual TLS", "mutual TLS, with another certificate"])
@pytest.mark.parametrize("name", ["X-Client-Certificate", "x_client_certificate", "X-Client_Certificate"])
def test_nobody_shows_a_certificate_by_a_header(site: Site, held: Held, client_id: str, host: str, name: str) -> None:
    http = site.client(self_signed() if host.endswith("certificate") else None)
    url = site.issuer if host == "public" else site.mtls_url
    headers = SPOOFED | {name: held.header["X-Client-Certificate"]}
    response = http.post(f"{url}/token", data=CC | {"client_id": client_id}, headers=headers)
    assert outcome(response) == REFUSED


def test_nobody_says_from_where_they_call(site: Site, basic: ForeignClient) -> None:
    person = site.person()
    person._client.headers.update(SPOOFED)
    tokens = basic.log_in(person, USER)
    assert _session_address(site, tokens["claims"]["sid"]) == "127.0.0.1"


def test_nodes_believe_nginx_and_nobody_else(site: Site, basic: ForeignClient, held: Held) -> None:
    """The same headers straight to a node: from the proxy's address they count, from another they do not."""
    certificate = held.header["X-Client-Certificate"]
    for address, expected in ("127.0.0.1", OK), ("127.0.0.2", REFUSED):
        http = site.direct(0, address, X_Client_Certificate=certificate)
        assert outcome(http.post(f"{site.mtls_url}/token", data=CC | {"client_id": "own"})) == expected
        assert outcome(http.post(f"{site.issuer}/token", data=CC | {"client_id": "own"})) == REFUSED
    for address, seen in ("127.0.0.1", "203.0.113.9"), ("127.0.0.2", "127.0.0.2"):
        person = site.person(Directly(site.nodes[0], address, {"X-Forwarded-For": "203.0.113.9"}))
        tokens = basic.log_in(person, USER)
        assert _session_address(site, tokens["claims"]["sid"]) == seen


def test_what_the_proxy_says_unreadably_is_a_bad_request(site: Site) -> None:
    for headers in {"X_Forwarded_For": "somebody"}, {"X_Forwarded_Proto": "gopher"}:
        assert site.direct(0, **headers).get(f"{site.issuer}/jwks").status_code == 400
        assert site.direct(0, "127.0.0.2", **headers).get(f"{site.issuer}/jwks").status_code == 200


def test_another_name_is_not_answered_to(site: Site) -> None:
    assert site.client().get(f"{site.issuer}/jwks", headers={"Host": "evil.example"}).status_code == 400
    host = site.mtls_url.removeprefix("https://")
    answer = site.client().post(f"{site.issuer}/token", headers={"Host": host}, data=CC)
    assert answer.status_code == 421, "the name of the other host would skip its question for a certificate"


def _session_address(site: Site, sid: str) -> str:
    with site.provider.work() as context:
        found = sessions.find_by_sid(context.db, sid)
        assert found is not None
        return found.address


# --- two nodes ------------------------------------------------------------------------------------------------------


def test_what_one_node_gave_out_the_other_redeems(site: Site, basic: ForeignClient) -> None:
    for here, there in (0, 1), (1, 0):
        person = site.person(Directly(site.nodes[here]))
        attempt = basic.begin()
        answer = basic.read_answer(basic.walk(person, USER, attempt), attempt)
        other = site.foreign("basic", site.direct(there))
        tokens = other.exchange(answer["code"], attempt)
        back = site.foreign("basic", site.direct(here))
        assert back.userinfo(tokens["access_token"]).status_code == 200
        assert back.refresh(tokens["refresh_token"]).status_code == 200
        assert other.refresh(tokens["refresh_token"]).status_code == 400, "used at the other node"


def test_what_was_pushed_to_one_node_is_asked_of_the_other_once(site: Site, basic: ForeignClient) -> None:
    for here, there in (0, 1), (1, 0):
        attempt = push(site.foreign("basic", site.direct(here)), basic.endpoint("pushed_authorization_request"))
        person = site.person(Directly(site.nodes[there]))
        answer = basic.read_answer(basic.walk(person, USER, attempt), attempt)
        assert basic.exchange(answer["code"], attempt)["access_token"]
        again = basic.read_answer(basic.walk(site.person(Directly(site.nodes[here])), USER, attempt), attempt)
        assert again["error"] == "invalid_request_uri"


def push(client: ForeignClient, endpoint: str) -> Attempt:
    """An authorization request sent by the client itself (RFC 9126); the browser carries a reference only."""
    attempt = client.begin()
    parameters = dict(parse_qsl(urlsplit(attempt.url).query))
    pushed = client.post(endpoint, **parameters)
    assert pushed.status_code == 201, pushed.text
    reference = {"client_id": client.client_id, "request_uri": pushed.json()["request_uri"]}
    return replace(attempt, url=f"{client.endpoint('authorization')}?{urlencode(reference)}")


def test_a_login_may_change_nodes_at_every_step(site: Site, basic: ForeignClient) -> None:
    class Alternating(httpx.BaseTransport):
        def __init__(self) -> None:
            self._nodes, self.used = [Directly(node) for node in site.nodes], 0

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            self.used += 1
            return self._nodes[self.used % 2].handle_request(request)

        def close(self) -> None:
            for node in self._nodes:
                node.close()

    alternating = Alternating()
    tokens = basic.log_in(site.person(alternating), USER)
    assert tokens["claims"]["sub"] and alternating.used > 3


def test_a_revocation_is_seen_by_the_other_node_at_once(site: Site, basic: ForeignClient) -> None:
    for here, there in (0, 1), (1, 0):
        one, other = site.foreign("basic", site.direct(here)), site.foreign("basic", site.direct(there))
        for revoked in "access_token", "refresh_token":
            tokens = basic.log_in(site.person(), USER)
            assert other.userinfo(tokens["access_token"]).status_code == 200
            assert other.introspect(tokens["access_token"])["active"] is True
            answer = one.post(one.endpoint("revocation"), token=tokens[revoked])
            assert answer.status_code == 200
            assert other.userinfo(tokens["access_token"]).status_code == 401
            assert other.introspect(tokens["access_token"])["active"] is False
            assert other.refresh(tokens["refresh_token"]).status_code == (400 if revoked == "refresh_token" else 200)


def test_the_site_lives_while_one_node_does(site: Site, basic: ForeignClient) -> None:
    for node in site.nodes:
        person = site.person()
        attempt = basic.begin()
        page = person.open(attempt.url)
        node.stop()
        # What is only read nginx tries at the other node, and so it learns on each of its connections that this one is
        # gone; a POST it had already sent there when it learnt would be refused.
        page = person.open(page.url)
        assert basic.http.get(f"{site.issuer}/jwks").status_code == 200
        try:
            answer = basic.read_answer(basic.walk_on(person, USER, attempt, page), attempt)
            assert basic.exchange(answer["code"], attempt)["access_token"]
            for _ in range(4):
                assert basic.token(grant_type="client_credentials").status_code == 200
        finally:
            node.start()
            node.await_ready()


# --- TLS ------------------------------------------------------------------------------------------------------------


def _handshake(site: Site, host: str, tls: ssl.SSLContext) -> tuple[str | None, str]:
    """(protocol, cipher suite)"""
    with (
        socket.create_connection(("127.0.0.1", site.nginx.port), timeout=10) as plain,
        tls.wrap_socket(plain, server_hostname=host) as secured,
    ):
        cipher = secured.cipher()
        return secured.version(), cipher[0] if cipher else ""


def _only(site: Site, version: ssl.TLSVersion, ciphers: str | None = None) -> ssl.SSLContext:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are what we try
        tls = site.nginx.tls()
        tls.minimum_version = tls.maximum_version = version
        tls.set_ciphers(f"{ciphers or 'ALL'}:@SECLEVEL=0")
    return tls


HOSTS = {HOST: "ECDSA", MTLS_HOST: "RSA"}


@pytest.mark.parametrize("host", HOSTS)
def test_tls_1_3_is_spoken_by_preference(site: Site, host: str) -> None:
    assert _handshake(site, host, site.nginx.tls())[0] == "TLSv1.3"
    assert _handshake(site, host, _only(site, ssl.TLSVersion.TLSv1_3))[0] == "TLSv1.3"


@pytest.mark.parametrize(("host", "kind"), HOSTS.items())
def test_tls_1_2_has_forward_secrecy_and_gcm_only(site: Site, host: str, kind: str) -> None:
    for suite in f"ECDHE-{kind}-AES128-GCM-SHA256", f"ECDHE-{kind}-AES256-GCM-SHA384":
        assert _handshake(site, host, _only(site, ssl.TLSVersion.TLSv1_2, suite)) == ("TLSv1.2", suite)
    others = "ALL:!ECDHE-ECDSA-AES128-GCM-SHA256:!ECDHE-RSA-AES128-GCM-SHA256:!ECDHE-ECDSA-AES256-GCM-SHA384"
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        _handshake(site, host, _only(site, ssl.TLSVersion.TLSv1_2, f"{others}:!ECDHE-RSA-AES256-GCM-SHA384"))


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_nothing_older_is_spoken(site: Site, host: str, version: str) -> None:
    with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
        _handshake(site, host, _only(site, ssl.TLSVersion[version]))


def test_http_2_is_offered(site: Site) -> None:
    tls = site.nginx.tls()
    tls.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", site.nginx.port), timeout=10) as plain,
        tls.wrap_socket(plain, server_hostname=HOST) as secured,
    ):
        assert secured.selected_alpn_protocol() == "h2"


# --- certificate-bound tokens ---------------------------------------------------------------------------------------

BOUND = {"tls_client_certificate_bound_access_tokens": True}


@pytest.mark.parametrize("client_id", ["authority", "own", "basic"])
def test_bound_tokens_serve_whoever_holds_the_certificate(site: Site, held: Held, client_id: str) -> None:
    """RFC 8705 §3, for every way of authenticating; at every node, and at none without the certificate."""
    bound, metadata = f"bound-{client_id}", dict(BOUND)
    if client_id != "basic":
        with site.provider.work() as context:
            registered = context.find_client(client_id)
            assert registered is not None
            metadata |= registered.metadata
    site.register(bound, **metadata | BOUND)
    client = site.foreign(bound, site.client(held))
    aliases = client.metadata["mtls_endpoint_aliases"]
    attempt = push(client, aliases["pushed_authorization_request_endpoint"])
    answer = client.read_answer(client.walk(site.person(), USER, attempt), attempt)
    form = {"code": answer["code"], "code_verifier": attempt.verifier, "redirect_uri": attempt.redirect_uri}
    if client_id == "basic":
        response = client.post(client.endpoint("token"), grant_type="authorization_code", **form)
        assert outcome(response) == (400, "invalid_request"), "no certificate there, no bound token"
    tokens = client.post(aliases["token_endpoint"], grant_type="authorization_code", **form).json()
    assert payload(tokens["access_token"])["cnf"] == {"x5t#S256": mtls.thumbprint(held.der)}
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    for _ in site.nodes:
        assert client.http.get(aliases["userinfo_endpoint"], headers=header).status_code == 200
    for caller in None, self_signed(), site.authority.issue(DN):
        assert site.client(caller).get(aliases["userinfo_endpoint"], headers=header).status_code == 401
    assert client.http.get(client.endpoint("userinfo"), headers=header).status_code == 401
    spoofed = header | {"X-Client-Certificate": held.header["X-Client-Certificate"]}
    for url in client.endpoint("userinfo"), aliases["userinfo_endpoint"]:
        assert site.client().get(url, headers=spoofed).status_code == 401
    introspected = client.post(aliases["introspection_endpoint"], token=tokens["access_token"]).json()
    assert introspected["cnf"] == {"x5t#S256": mtls.thumbprint(held.der)}
