"""Keys that clients publish: fetched once, again for an unknown kid, never more often than once in a minute."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask, Response
from hypothesis import given
from hypothesis import strategies as st

from idp import outbound
from idp.config import Settings
from idp.crypto.jose import JoseError
from idp.domain.client import Client
from idp.outbound import Answer, OutboundBusy, OutboundClient, OutboundFailed
from idp.protocol import client_keys
from idp.protocol.client_keys import MAX_KEYS, PublishedKeys, fits, imported, public_key, public_part
from tests.assertions import ISSUER, OMIT, AssertionKey, as_form
from tests.authorizing import answer, asking
from tests.clock import Clock
from tests.proofs import encoded
from tests.token_side import TokenSide

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KEYS = [AssertionKey.new("ES256", f"key-{number}") for number in range(3)]


class Site:
    """A client's own site that counts who asks; ``body`` is what it answers."""

    def __init__(self, serve: Callable[..., str]) -> None:
        self.body: Any = {"keys": []}
        self.status, self.media_type, self.asked = 200, "application/json", 0
        app = Flask("site")
        app.get("/jwks")(self._answer)
        self.base = serve(app)
        self.client = Client("rp", {"jwks_uri": f"{self.base}/jwks"})
        self.published = PublishedKeys(OutboundClient(Settings(outbound_allow=(urlsplit(self.base).netloc,))))

    def publish(self, *keys: AssertionKey) -> None:
        self.body = {"keys": [key.public_jwk for key in keys]}

    def find(self, kid: str | None, now: datetime = NOW) -> list[str]:
        header = {"alg": "ES256"} | ({"kid": kid} if kid else {})
        found = self.published.of(self.client, now, is_good=lambda jwk: fits(jwk, header, use="sig"))
        return [str(key["kid"]) for key in found]

    def _answer(self) -> Response:
        self.asked += 1
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body)
        return Response(body, self.status, content_type=self.media_type)


@pytest.fixture
def site(serve: Callable[..., str]) -> Site:
    return Site(serve)


def test_a_set_is_fetched_once_and_kept(site: Site) -> None:
    site.publish(*KEYS[:2])
    assert site.find("key-0") == ["key-0"]
    assert site.find("key-1", NOW + 59 * 60 * SECOND) == ["key-1"]
    assert site.find(None) == ["key-0", "key-1"]
    assert site.asked == 1


def test_after_an_hour_it_is_fetched_again(site: Site) -> None:
    site.publish(KEYS[0])
    site.find("key-0")
    site.publish(KEYS[1])
    assert site.find("key-0", NOW + 3599 * SECOND) == ["key-0"]
    assert site.find("key-0", NOW + 3600 * SECOND) == []
    assert site.asked == 2


def test_an_unknown_kid_fetches_again_a_minute_after_the_last_fetch_and_no_sooner(site: Site) -> None:
    """oidcc-refresh-token-rp-key-rotation waits exactly 60 seconds after the rotation."""
    site.publish(KEYS[0])
    assert site.find("key-0") == ["key-0"]
    site.publish(*KEYS[:2])
    assert site.find("key-1", NOW + 59.999 * SECOND) == []
    assert site.asked == 1
    assert site.find("key-1", NOW + 60 * SECOND) == ["key-1"]
    assert site.find("key-2", NOW + 61 * SECOND) == []
    assert site.find("key-0", NOW + 61 * SECOND) == ["key-0"]
    assert site.asked == 2


def test_a_strangers_made_up_kids_call_nobody(site: Site) -> None:
    site.publish(KEYS[0])
    for second in range(60):
        site.find(f"made-up-{second}", NOW + second * SECOND)
    assert site.asked == 1


def test_a_set_that_cannot_be_had_is_tried_once_in_a_minute(site: Site) -> None:
    site.status = 503
    assert [site.find("key-0", NOW + second * SECOND) for second in range(0, 60, 10)] == [[]] * 6
    assert site.asked == 1
    site.status = 200
    site.publish(KEYS[0])
    assert site.find("key-0", NOW + 60 * SECOND) == ["key-0"]


def test_what_was_known_goes_on_counting_while_the_set_cannot_be_had(site: Site) -> None:
    site.publish(KEYS[0])
    site.find("key-0")
    site.status = 500
    assert site.find("key-0", NOW + 7200 * SECOND) == ["key-0"]
    assert site.find("key-0", NOW + 7230 * SECOND) == ["key-0"]
    assert site.asked == 2


def test_another_address_is_another_set(site: Site) -> None:
    site.publish(KEYS[0])
    site.find("key-0")
    site.client = replace(site.client, metadata={"jwks_uri": f"{site.base}/jwks?new"})
    site.publish(KEYS[1])
    assert site.find("key-1") == ["key-1"]
    site.status = 500
    site.client = replace(site.client, metadata={"jwks_uri": f"{site.base}/jwks?newer"})
    assert site.find("key-1") == []  # nothing of the old address counts for the new one


def test_a_changed_registration_forgets_the_set(site: Site) -> None:
    site.publish(KEYS[0])
    site.find("key-0")
    site.published.forget("rp")
    site.publish(KEYS[1])
    assert site.find("key-1", NOW + SECOND) == ["key-1"]


def test_a_client_without_address_has_no_published_keys(site: Site) -> None:
    site.client = Client("rp", {})
    assert site.find("key-0") == [] and site.asked == 0


def test_copies_are_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_keys, "_MOST_CLIENTS", 3)
    site.publish(KEYS[0])
    for number in range(10):
        site.client = Client(f"rp-{number}", {"jwks_uri": f"{site.base}/jwks"})
        site.find("key-0")
    assert len(site.published._known) == 3


def test_only_the_first_twenty_keys_count(site: Site) -> None:
    site.body = {"keys": [KEYS[0].public_jwk | {"kid": f"n{number}"} for number in range(MAX_KEYS + 5)]}
    assert len(site.find(None)) == MAX_KEYS


HOSTILE = [
    b"",
    b"not json",
    b"\xff\xfe",
    b"[]",
    b"null",
    b"7",
    b'{"keys": 7}',
    b'{"keys": {"a": 1}}',
    b'{"keys": null}',
]
HOSTILE += [b'{"keys": [1, "a", null, [], {}]}', b'{"keys": [{"kty": "EC", "x": ' + b"9" * 5000 + b"}]}"]
HOSTILE += [b"[" * 60_000, b'{"keys":' * 9000, b'{"keys": [' + b"[" * 900 + b"]" * 900, b'{"keys": []}' + b" " * 70_000]


@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: repr(body[:16]))
def test_a_hostile_document_has_no_keys(site: Site, body: bytes) -> None:
    site.body = body
    assert site.find(None) == []
    assert site.find(None, NOW + 30 * SECOND) == [] and site.asked == 1


def test_a_key_that_is_no_public_key_is_left_out_and_the_others_count(site: Site) -> None:
    good = KEYS[0].public_jwk
    private = dict(KEYS[1].key.as_dict(private=True)) | {"kid": "private"}
    wrong = [good | {"kid": 7}, good | {"x5c": "text"}, good | {"x5c": [1]}, good | {"kty": ["EC"]}, good | {"x": None}]
    site.body = {"keys": [private, {"kty": "oct", "k": "AAAA"}, *wrong, good | {"deep": [[[]]]}]}
    assert site.find(None) == ["key-0"]
    assert "deep" not in next(iter(site.published._known["rp"].keys))


def test_a_redirect_is_not_followed(site: Site) -> None:
    site.status = 302
    assert site.find("key-0") == []


# --- many at once ---------------------------------------------------------------------------------------------------


class SlowOutbound:
    """Answers when told to; counts calls."""

    def __init__(self, answer: Answer | Exception) -> None:
        self.answer, self.calls = answer, 0
        self.begun, self.may_answer = threading.Event(), threading.Event()

    def get(self, url: str, headers: Any = None) -> Answer:
        self.calls += 1
        self.begun.set()
        self.may_answer.wait(10)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("result", "found"),
    [
        (Answer(200, {}, json.dumps({"keys": [KEYS[0].public_jwk]}).encode()), 1),
        (OutboundFailed("no answer in time"), 0),
        (RuntimeError("a defect"), None),
    ],
)
def test_many_requests_at_once_make_one_call_and_all_have_its_outcome(result: Any, found: int | None) -> None:
    slow = SlowOutbound(result)
    published = PublishedKeys(slow)  # type: ignore[arg-type]
    client = Client("rp", {"jwks_uri": "https://rp.example/jwks"})
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(published.of, client, NOW, is_good=bool)
        assert slow.begun.wait(10)
        others = [pool.submit(published.of, client, NOW, is_good=bool) for _ in range(6)]
        other_client = pool.submit(published.of, Client("none", {}), NOW, is_good=bool)
        assert other_client.result(10) == ()  # nobody else waits
        slow.may_answer.set()
        if found is None:
            with pytest.raises(RuntimeError):
                first.result(10)
            assert all(isinstance(other.exception(10), RuntimeError | None) for other in others)
        else:
            assert [len(one.result(10)) for one in (first, *others)] == [found] * 7
            assert slow.calls == 1
    assert published._under_way == {}


def test_few_wait_for_a_fetch_and_who_has_keys_already_does_not() -> None:
    slow = SlowOutbound(Answer(200, {}, json.dumps({"keys": [KEYS[0].public_jwk]}).encode()))
    published = PublishedKeys(slow, most_waiting=0)  # type: ignore[arg-type]
    client = Client("rp", {"jwks_uri": "https://rp.example/jwks"})
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(published.of, client, NOW, is_good=bool)
        assert slow.begun.wait(10)
        with pytest.raises(OutboundBusy):
            published.of(client, NOW, is_good=bool)
        slow.may_answer.set()
        assert len(first.result(10)) == 1
        slow.begun.clear()
        slow.may_answer.clear()
        later = NOW + timedelta(hours=2)
        again = pool.submit(published.of, client, later, is_good=bool)
        assert slow.begun.wait(10)
        assert len(published.of(client, later, is_good=bool)) == 1
        slow.may_answer.set()
        assert len(again.result(10)) == 1
    assert slow.calls == 2


def test_that_nobody_could_be_called_is_not_remembered() -> None:
    slow = SlowOutbound(OutboundBusy())
    slow.may_answer.set()
    published = PublishedKeys(slow)  # type: ignore[arg-type]
    client = Client("rp", {"jwks_uri": "https://rp.example/jwks"})
    for _ in range(2):
        with pytest.raises(OutboundBusy):
            published.of(client, NOW, is_good=bool)
    assert slow.calls == 2
    slow.answer = Answer(200, {}, json.dumps({"keys": [KEYS[0].public_jwk]}).encode())
    assert len(published.of(client, NOW, is_good=bool)) == 1


def test_while_nobody_may_be_called_known_keys_go_on_counting(site: Site) -> None:
    """The places are others'; a client whose keys are known must not pay for that."""
    site.publish(KEYS[0])
    assert site.find("key-0") == ["key-0"]
    busy = SlowOutbound(OutboundBusy())
    busy.may_answer.set()
    real, site.published._outbound = site.published._outbound, busy  # type: ignore[assignment]
    later = NOW + timedelta(minutes=61)
    assert site.find("key-0", later) == ["key-0"] and busy.calls == 1
    with pytest.raises(OutboundBusy):
        site.find("key-1", later)  # it may be a new one: nobody knows
    site.published._outbound = real
    site.publish(KEYS[1])
    assert site.find("key-1", later) == ["key-1"]  # that nobody could be called was not remembered


# --- in use ---------------------------------------------------------------------------------------------------------


def test_a_client_that_rotates_its_keys_logs_in_with_the_new_one(site: Site, side: TokenSide, clock: Clock) -> None:
    side.provider.parts["client_keys"] = site.published
    side.caller("rp", token_endpoint_auth_method="private_key_jwt", jwks_uri=f"{site.base}/jwks")

    def attempt(key: AssertionKey) -> int:
        form = {"grant_type": "client_credentials"} | key.form("rp", now=clock().timestamp())
        return side.http.post("/token", data=form).status_code

    site.publish(KEYS[0])
    assert attempt(KEYS[0]) == 200
    site.publish(KEYS[1])
    clock.advance(60)
    assert attempt(KEYS[1]) == 200
    assert attempt(KEYS[2]) == 401
    assert site.asked == 2


@pytest.mark.parametrize("way", ["assertion", "request object"])
def test_a_client_that_rotates_a_key_without_kid_is_known_by_the_new_one_a_minute_later(
    site: Site, side: TokenSide, clock: Clock, way: str
) -> None:
    """The signature says nothing of which key made it: that none of the known ones did is all there is to go by."""
    side.provider.parts["client_keys"] = site.published
    side.caller("rp", token_endpoint_auth_method="private_key_jwt", jwks_uri=f"{site.base}/jwks")

    def attempt(key: AssertionKey) -> str:
        if way == "assertion":
            signed = key.sign(key.claims("rp", clock().timestamp()), kid=OMIT)
            answered = side.http.post("/token", data={"grant_type": "client_credentials"} | as_form(signed)).json
            return str(answered.get("error", "good"))
        request = key.sign({"iss": "rp", "aud": ISSUER, "prompt": "none"}, kid=OMIT)
        return answer(side.http.get("/authorize", query_string=asking("rp", request=request)))["error"]

    good, bad = {
        "assertion": ("good", "invalid_client"),
        "request object": ("login_required", "invalid_request_object"),
    }[way]
    without = [{name: key.public_jwk[name] for name in ("kty", "crv", "x", "y")} for key in KEYS]
    site.body = {"keys": [without[0]]}
    assert attempt(KEYS[0]) == good
    site.body = {"keys": [without[1]]}
    clock.advance(59)
    assert attempt(KEYS[1]) == bad and site.asked == 1  # never more than once a minute
    clock.advance(1)
    assert attempt(KEYS[1]) == good and site.asked == 2
    assert attempt(KEYS[0]) == bad
    clock.advance(60)
    assert [attempt(KEYS[2]) for _ in range(3)] == [bad] * 3 and site.asked == 3
    assert attempt(KEYS[1]) == good


def test_a_client_whose_keys_are_not_to_be_had_is_refused_and_waits_once(
    site: Site, side: TokenSide, clock: Clock
) -> None:
    side.provider.parts["client_keys"] = site.published
    side.caller("rp", token_endpoint_auth_method="private_key_jwt", jwks_uri=f"{site.base}/jwks")
    site.status = 404
    for _ in range(3):
        form = {"grant_type": "client_credentials"} | KEYS[0].form("rp", now=clock().timestamp())
        assert side.http.post("/token", data=form).json["error"] == "invalid_client"
    assert site.asked == 1


@pytest.mark.parametrize("path", ["/token", "/authorize"])
def test_while_too_many_wait_for_clients_the_next_is_asked_to_come_again(side: TokenSide, path: str) -> None:
    slow = SlowOutbound(OutboundBusy())
    slow.may_answer.set()
    side.provider.parts.update(outbound=slow, client_keys=PublishedKeys(slow))  # type: ignore[arg-type]
    uri = "https://rp.example/request"
    side.caller(
        "rp", token_endpoint_auth_method="private_key_jwt", jwks_uri="https://rp.example/jwks", request_uris=[uri]
    )
    if path == "/token":
        response = side.http.post(path, data={"grant_type": "client_credentials"} | KEYS[0].form("rp"))
        assert response.json["error"] == "temporarily_unavailable"
    else:
        response = side.http.get(path, query_string=asking("rp", request_uri=uri))
        assert response.mimetype == "text/html"
    assert (response.status_code, response.headers["Retry-After"]) == (503, "3")


# --- every key that can be written down -----------------------------------------------------------------------------

VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.lists(st.text(max_size=3), max_size=3)
JWKS = st.dictionaries(
    st.sampled_from(["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use", "key_ops", "x5c", "d", "k"]),
    VALUES
    | st.sampled_from(["RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "AQAB", "sig", "ES256", "A" * 43, "A" * 342]),
)


MODULI = {
    "2048 bits": (1 << 2047 | 1, 256, True),
    "4096 bits": (1 << 4095 | 1, 512, True),
    "2047 bits": (1 << 2046 | 1, 256, False),
    "1024 bits": (1 << 1023 | 1, 128, False),
    "1024 bits written in 256 octets": (1 << 1023 | 1, 256, False),
    "2048 bits written in 257 octets": (1 << 2047 | 1, 257, False),
    "4097 bits": (1 << 4096 | 1, 513, False),
    "none": (0, 256, False),
}


@pytest.mark.parametrize(("modulus", "octets", "is_good"), MODULI.values(), ids=MODULI.keys())
def test_an_rsa_key_is_as_long_as_its_number_and_not_as_its_text(modulus: int, octets: int, is_good: bool) -> None:
    """FAPI 2.0 Security Profile §5.4.1; RFC 7518 §2 and §6.3.1.1: no leading zeros."""
    text = json.dumps({"kty": "RSA", "n": encoded(modulus.to_bytes(octets)), "e": "AQAB"})
    if is_good:
        assert public_key(text).key_type == "RSA"
    else:
        with pytest.raises(JoseError):
            public_key(text)


@given(JWKS | VALUES, st.sampled_from(["ES256", "RS256", "EdDSA", "ECDH-ES", "none", "\ud800"]))
def test_any_key_is_used_or_refused_by_a_jose_error(jwk: Any, alg: str) -> None:
    part = public_part(jwk)
    if part is None:
        return
    assert isinstance(fits(part, {"alg": alg}, use="sig"), bool)
    with contextlib.suppress(JoseError):
        imported(json.dumps(part, sort_keys=True))


@given(st.recursive(VALUES, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["keys", "kty"]), inner)))
def test_any_document_gives_keys_or_none(document: Any) -> None:
    class Site:
        def get(self, url: str, headers: Any = None) -> Answer:
            return Answer(200, {}, json.dumps(document).encode("utf-8", "surrogatepass"))

    published = PublishedKeys(Site())  # type: ignore[arg-type]
    found = published.of(Client("rp", {"jwks_uri": "https://rp.example/"}), NOW, is_good=lambda jwk: True)
    assert all(isinstance(key["kty"], str) for key in found)


def test_the_longest_wait_for_another_fetch_is_longer_than_the_longest_call() -> None:
    assert client_keys._LONGEST_WAIT > outbound.TOTAL_SECONDS
