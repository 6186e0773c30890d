from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Response, jsonify
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, RSAKey

from clients.kit.cache_control import LONGEST, SHORTEST, freshness
from clients.kit.errors import ProviderUnavailable, TokenInvalid
from clients.kit.http import HttpClient
from clients.kit.provider import REFETCH_INTERVAL, STALE_FOR, Provider
from tests.clients.op import TestProvider
from tests.proofs import encoded


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider(op: TestProvider, http: HttpClient, clock: Clock) -> Provider:
    return Provider(op.issuer, http, clock=clock)


@pytest.mark.parametrize("issuer", ["http://id.example", "https://id.example/", "id.example", ""])
def test_issuer_is_an_https_url_without_final_slash(http: HttpClient, issuer: str) -> None:
    with pytest.raises(ValueError, match="issuer"):
        Provider(issuer, http)


def test_nothing_is_fetched_before_it_is_needed(provider: Provider, op: TestProvider) -> None:
    assert not op.calls
    provider.endpoint("token_endpoint")
    provider.endpoint("jwks_uri")
    assert dict(op.calls) == {"openid-configuration": 1}


@pytest.mark.parametrize("issuer", ["{issuer}/", "{issuer}/x", "http://127.0.0.1:1", None, 7])
def test_document_of_another_issuer_is_refused(provider: Provider, op: TestProvider, issuer: Any) -> None:
    other = issuer.format(issuer=op.issuer) if isinstance(issuer, str) else issuer
    op.bend["discovery"] = lambda document: document.update(issuer=other)
    with pytest.raises(ProviderUnavailable, match="another issuer"):
        provider.metadata()


@pytest.mark.parametrize("answer", [("", 500), ("", 404), ("[]", 200), ("<html>", 200), ("", 302)])
def test_document_that_is_none_is_refused(provider: Provider, op: TestProvider, answer: tuple[str, int]) -> None:
    op.instead["openid-configuration"] = lambda: answer
    with pytest.raises(ProviderUnavailable):
        provider.metadata()


@pytest.mark.parametrize("url", ["http://id.example/token", "javascript:x", 7])
def test_insecure_endpoint_is_refused(provider: Provider, op: TestProvider, url: Any) -> None:
    op.bend["discovery"] = lambda document: document.update(token_endpoint=url)
    with pytest.raises(ProviderUnavailable, match="secure"):
        provider.endpoint("token_endpoint")


def test_endpoint_that_is_not_offered_is_told(provider: Provider) -> None:
    assert provider.find_endpoint("device_authorization_endpoint") is None
    with pytest.raises(ProviderUnavailable, match="device"):
        provider.endpoint("device_authorization_endpoint")


def test_document_is_used_as_long_as_its_cache_control_says(provider: Provider, op: TestProvider, clock: Clock) -> None:
    provider.metadata()
    clock.now += 3599
    provider.metadata()
    assert op.calls["openid-configuration"] == 1
    clock.now += 2
    provider.metadata()
    assert op.calls["openid-configuration"] == 2


def test_unreachable_provider_is_not_asked_again_for_two_seconds(
    provider: Provider, op: TestProvider, clock: Clock
) -> None:
    op.instead["openid-configuration"] = lambda: ("", 500)
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            provider.metadata()
    assert op.calls["openid-configuration"] == 1
    clock.now += 2
    del op.instead["openid-configuration"]
    assert provider.metadata()["issuer"] == op.issuer


def test_outdated_documents_serve_an_hour_longer_while_the_provider_is_down(
    provider: Provider, op: TestProvider, clock: Clock
) -> None:
    provider.key(op.key.kid, "RS256")
    op.instead["openid-configuration"] = op.instead["jwks"] = lambda: ("", 500)
    clock.now += 3600 + STALE_FOR - 1
    assert provider.key(op.key.kid, "RS256").kid == op.key.kid
    clock.now += 2
    with pytest.raises(ProviderUnavailable):
        provider.key(op.key.kid, "RS256")


def test_many_threads_fetch_once(op: TestProvider, http: HttpClient) -> None:
    provider = Provider(op.issuer, http)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(provider.key(op.key.kid, "RS256"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert (op.calls["openid-configuration"], op.calls["jwks"]) == (1, 1)


def test_waiting_for_another_threads_fetch_has_an_end(
    op: TestProvider, http: HttpClient, hang: Callable[[], None]
) -> None:
    http.timeout = timedelta(seconds=0.3)
    op.instead["openid-configuration"] = hang
    provider = Provider(op.issuer, http)
    errors: list[Exception] = []

    def ask() -> None:
        try:
            provider.metadata()
        except ProviderUnavailable as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(errors) == 4


# --- keys -------------------------------------------------------------------------------------------------------


def test_rotated_key_is_found_by_one_refetch(
    provider: Provider, op: TestProvider, other_key: RSAKey, clock: Clock
) -> None:
    provider.key(op.key.kid, "RS256")
    op.rotate(other_key)
    clock.now += REFETCH_INTERVAL
    assert provider.key(other_key.kid, "RS256").kid == other_key.kid
    assert op.calls["jwks"] == 2


def test_unknown_kids_refetch_at_most_once_a_minute(provider: Provider, op: TestProvider, clock: Clock) -> None:
    provider.key(op.key.kid, "RS256")
    for _ in range(3):
        with pytest.raises(TokenInvalid, match="kid"):
            provider.key("unknown", "RS256")
    assert op.calls["jwks"] == 1
    clock.now += REFETCH_INTERVAL
    for _ in range(3):
        with pytest.raises(TokenInvalid, match="kid"):
            provider.key("unknown", "RS256")
    assert op.calls["jwks"] == 2


def test_failed_refetches_count_as_well(provider: Provider, op: TestProvider, clock: Clock) -> None:
    provider.key(op.key.kid, "RS256")
    op.instead["jwks"] = lambda: ("", 500)
    clock.now += REFETCH_INTERVAL
    for _ in range(3):
        clock.now += 5
        with pytest.raises(TokenInvalid):
            provider.key("unknown", "RS256")
    assert op.calls["jwks"] == 2


@pytest.mark.parametrize("content", [{}, {"keys": {}}, {"keys": [1]}, {"keys": [{}] * 21}])
def test_what_is_no_key_set_is_refused(provider: Provider, op: TestProvider, content: object) -> None:
    op.instead["jwks"] = lambda: jsonify(content)
    with pytest.raises(ProviderUnavailable):
        provider.key("x", "RS256")


def test_keys_we_cannot_use_are_passed_over(provider: Provider, op: TestProvider) -> None:
    good = op.key.as_dict(private=False)
    strange: list[dict[str, Any]] = [
        {"kty": "AKP", "kid": "1"},
        {"kty": "RSA", "kid": "2"},
        {"kty": "RSA", "kid": "3", "n": "AQAB", "e": "AQAB"},
        {**good, "kid": "4", "use": "enc"},
        {**good, "kid": "5", "alg": "PS256"},
        {**good, "kid": "6", "n": 7},
        {**good, "kid": "9", "n": encoded(bytes(128) + b"\xff" * 128)},  # written longer than it is
        ECKey.generate_key("P-384", {"kid": "7"}).as_dict(private=False),
        OctKey.generate_key(256, {"kid": "8"}).as_dict(),
    ]
    op.bend["jwks"] = lambda content: content["keys"].extend(strange)
    assert provider.key(op.key.kid, "RS256").kid == op.key.kid
    for entry in strange:
        for algorithm in ("RS256", "ES256", "HS256", "none"):
            with pytest.raises(TokenInvalid):
                provider.key(entry["kid"], algorithm)


def test_same_kid_for_another_algorithm_is_not_used(provider: Provider, op: TestProvider) -> None:
    for algorithm in ("ES256", "PS256", "EdDSA"):
        with pytest.raises(TokenInvalid):
            provider.key(op.key.kid, algorithm)


# --- cache-control ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 3600),
        ("", 3600),
        ("public", 3600),
        ("max-age=600", 600),
        ("public, Max-Age=600, must-revalidate", 600),
        ('max-age="600"', 600),
        ("max-age=0", SHORTEST),
        ("no-store", SHORTEST),
        ("no-cache, max-age=600", SHORTEST),
        ("max-age=99999999", LONGEST),
        ("max-age=-5", 3600),
        ("max-age=soon", 3600),
        ("s-maxage=10", 3600),
    ],
)
def test_freshness_follows_max_age_within_limits(header: str | None, seconds: float) -> None:
    assert freshness(header) == seconds


@given(st.text())
def test_any_header_gives_a_freshness_within_limits(header: str) -> None:
    assert SHORTEST <= freshness(header) <= LONGEST


def test_answer_that_forbids_caching_is_kept_for_a_minute(provider: Provider, op: TestProvider, clock: Clock) -> None:
    def uncached() -> Response:
        response = jsonify(issuer=op.issuer)
        response.headers["Cache-Control"] = "no-store"
        return response

    op.instead["openid-configuration"] = uncached
    for _ in range(3):
        provider.metadata()
    assert op.calls["openid-configuration"] == 1
    clock.now += 61
    provider.metadata()
    assert op.calls["openid-configuration"] == 2
