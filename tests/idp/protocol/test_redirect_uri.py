"""Redirect URIs: equal character by character, or not registered; only a native application's loopback port varies."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some

from idp.crypto.jose import read_unverified
from idp.domain.client import Client
from idp.protocol.checks.redirect_uri import is_registered
from idp.protocol.messages import FormPost
from idp.protocol.responses import RESPONSE_MODES, Target, write_success
from tests.conftest import ISSUER
from tests.specs.conftest import Standing, standing  # noqa: F401 - a fixture

REGISTERED = ("https://client.example/callback", "http://127.0.0.1:9009/callback?x=1", "com.example.app:/callback")


def client(**metadata: Any) -> Client:
    return Client("client", {"redirect_uris": list(REGISTERED), **metadata})


near_misses = some.sampled_from(REGISTERED).flatmap(
    lambda uri: some.tuples(some.integers(0, len(uri)), some.text(max_size=3), some.integers(0, 2)).map(
        lambda cut: uri[: cut[0]] + cut[1] + uri[cut[0] + cut[2] :]
    )
)


@given(some.text() | near_misses | some.sampled_from(REGISTERED))
@settings(max_examples=500, deadline=None)
def test_ordinary_client_is_answered_only_where_it_registered_to_be(uri: str) -> None:
    assert is_registered(client(), uri) is (uri in REGISTERED)
    assert is_registered(client(application_type="native"), uri) is (uri in REGISTERED), "a confidential client"


@given(some.text() | near_misses | some.integers(-1, 70000).map(lambda port: f"http://127.0.0.1:{port}/callback?x=1"))
@example("http://127.0.0.1/callback?x=1")
@example("http://127.0.0.1:9009@evil.example/callback?x=1")
@settings(max_examples=500, deadline=None)
def test_native_clients_loopback_address_may_differ_in_its_port_alone(uri: str) -> None:
    native = client(application_type="native", token_endpoint_auth_method="none")
    if not is_registered(native, uri) or uri in REGISTERED:
        return
    parts = urlsplit(uri)
    assert (parts.scheme, parts.hostname, parts.path, parts.query) == ("http", "127.0.0.1", "/callback", "x=1")
    assert parts.port is None or 0 < parts.port < 65536
    assert parts.username is None and not parts.fragment


@given(
    some.sampled_from(REGISTERED),
    some.sampled_from([mode for mode in RESPONSE_MODES if mode != "jwt"]),
    some.none() | some.text(some.characters(exclude_categories=["Cs"]), min_size=1, max_size=50),
    some.booleans(),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_answer_arrives_as_it_was_meant_in_every_mode(
    standing: Standing,  # noqa: F811
    uri: str,
    mode: str,
    state: str | None,
    is_post: bool,
) -> None:
    with standing.provider.work() as context:
        reply = write_success(context, Target(client(), uri, mode, state), {"code": "c"}, is_post=is_post)
    expected = {"code": "c", "iss": ISSUER} | ({"state": state} if state is not None else {})
    if isinstance(reply.body, FormPost):
        assert reply.status == 200 and reply.body.action == uri
        told = dict(reply.body.fields)
    else:
        assert reply.status == (303 if is_post else 302)
        [(name, location)] = reply.headers
        assert name == "Location" and location.isascii() and location.startswith(uri)
        part = urlsplit(location).fragment if mode.startswith("fragment") else location.partition("?")[2]
        told = {name: values[0] for name, values in parse_qs(part).items() if name != "x"}
    if mode.endswith("jwt"):
        assert set(told) == {"response"}
        told = read_unverified(told["response"])[1]
        assert told.pop("aud") == "client" and told.pop("exp")
    assert told == expected
