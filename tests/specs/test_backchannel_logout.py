"""OpenID Connect Back-Channel Logout 1.0: the logout token as a relying party receives it, its delivery, and what
becomes of one that does not arrive."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from joserfc import jws
from joserfc.jwk import KeySet, generate_key

from idp.config import Upstream
from idp.context import Context, Provider
from idp.crypto.jwe import KEY_ALGORITHMS
from idp.crypto.random import hash_secret
from idp.domain.account import Account
from idp.domain.assurance import AssuranceMap
from idp.domain.session import Session
from idp.outbound import Answer, OutboundBusy
from idp.outbox import Dispatcher
from idp.protocol.client_keys import PublishedKeys
from idp.protocol.logout import end_session
from idp.storage import clients, grants, outbox, sessions
from idp.storage.sessions import UpstreamSession
from idp.worker import HANDLERS
from tests import logging_out
from tests.authorizing import answer, asking, grant_of, location
from tests.clock import Clock
from tests.conftest import ISSUER, AddPerson, RegisterClient, SignIn
from tests.front_channel import Recipient

Work = Callable[[], AbstractContextManager[Context]]
EVENT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass
class RelyingParty:
    """A relying party's back-channel endpoint that keeps what it was sent and answers as told."""

    port: int
    status: int = 200
    received: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}/backchannel-logout"

    def app(self) -> Flask:
        app = Flask("relying-party")

        @app.post("/backchannel-logout")
        def take() -> tuple[str, int]:
            self.received.append((request.content_type or "", request.form.to_dict(flat=False)))
            return "", self.status

        return app

    def tokens(self) -> list[str]:
        return [form["logout_token"][0] for _content_type, form in self.received]


@pytest.fixture
def party(serve: Callable[..., str], free_port: Callable[[], int]) -> RelyingParty:
    party = RelyingParty(free_port())
    serve(party.app(), party.port)
    return party


@pytest.fixture
def app(make_app: Callable[..., Flask], party: RelyingParty) -> Flask:
    return make_app(outbound_allow=(f"127.0.0.1:{party.port}",))


@pytest.fixture
def session(
    http: FlaskClient,
    register_client: RegisterClient,
    add_person: AddPerson,
    sign_in: SignIn,
    work: Work,
    party: RelyingParty,
) -> Session:
    """A session in which the client `client` got tokens."""
    register_client(is_first_party=True, backchannel_logout_uri=party.uri)
    session = sign_in(add_person(password=None))
    redeem(http, work)
    return session


def redeem(http: FlaskClient, work: Work, **changes: Any) -> None:
    code = answer(http.get("/authorize", query_string=asking(**changes)))["code"]
    with work() as context:
        assert grants.consume_code(context.db, hash_secret(code), changes.get("client_id", "client"), context.now)


def end(work: Work, session: Session, **options: Any) -> str:
    with work() as context:
        return end_session(context, session, reason="test", **options)


def deliver(provider: Provider) -> int:
    return Dispatcher(provider, HANDLERS).deliver_due()


def decoded(token: str, provider: Provider) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, the signature checked with the published keys."""
    keys = KeySet.import_key_set(provider.keys.jwks(provider.clock()))
    found = jws.deserialize_compact(token, keys, algorithms=["RS256", "ES256", "PS256"])
    return found.headers(), json.loads(found.payload)


def test_logout_token_is_what_the_specification_says(
    session: Session, work: Work, provider: Provider, party: RelyingParty, clock: Clock
) -> None:
    """§2.4, §2.5."""
    end(work, session)
    assert deliver(provider) == 1
    [(content_type, form)] = party.received
    assert content_type.startswith("application/x-www-form-urlencoded")
    assert list(form) == ["logout_token"], "nothing else is in the body"
    header, claims = decoded(form["logout_token"][0], provider)
    assert header["typ"] == "logout+jwt" and header["alg"] == "RS256" and header["kid"]
    issued_at = int(clock.now.timestamp())
    jti = claims.pop("jti")
    assert jti
    assert claims == {
        "iss": ISSUER,
        "aud": "client",
        "iat": issued_at,
        "exp": issued_at + 120,
        "events": {EVENT: {}},
        "sub": claims["sub"],
        "sid": session.sid,
    }
    assert "nonce" not in claims


def test_token_is_signed_as_the_client_wants_its_id_tokens(
    http: FlaskClient,
    session: Session,
    work: Work,
    provider: Provider,
    party: RelyingParty,
    register_client: RegisterClient,
) -> None:
    register_client("es", is_first_party=True, backchannel_logout_uri=party.uri, id_token_signed_response_alg="ES256")
    redeem(http, work, client_id="es")
    end(work, session, exclude_client="client")
    deliver(provider)
    [token] = party.tokens()
    header, claims = decoded(token, provider)
    assert header["alg"] == "ES256" and claims["aud"] == "es"


@pytest.mark.parametrize("alg", KEY_ALGORITHMS)
def test_token_is_encrypted_as_the_client_wants_its_id_tokens(
    session: Session,
    work: Work,
    provider: Provider,
    party: RelyingParty,
    register_client: RegisterClient,
    alg: str,
) -> None:
    """§2.4, §2.6 step 1: signed inside, and its issuer to be read outside (RFC 7519 §5.3)."""
    recipient = Recipient.new(alg)
    wishes = {"id_token_encrypted_response_alg": alg, "id_token_encrypted_response_enc": "A256GCM"}
    register_client("client", is_first_party=True, backchannel_logout_uri=party.uri, jwks=recipient.jwks, **wishes)
    end(work, session)
    deliver(provider)
    [token] = party.tokens()
    outside, inside = recipient.open(token)
    assert outside["alg"] == alg and outside["enc"] == "A256GCM"
    assert (outside["cty"], outside["kid"], outside["iss"]) == ("JWT", recipient.kid, ISSUER)
    header, claims = decoded(inside, provider)
    assert (header["typ"], claims["aud"], claims["sid"]) == ("logout+jwt", "client", session.sid)


UNREADABLE = {
    "no key": ({}, "no key to which this could be encrypted"),
    "a key that is not to be had": ({"jwks_uri": "https://127.0.0.1:1/jwks"}, "no key to which"),
    "too many wait": ({"jwks_uri": "https://rp.example/jwks"}, "too many calls"),
}


@pytest.mark.parametrize(("metadata", "told"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_token_that_cannot_be_encrypted_is_never_sent_readable_but_tried_again(
    session: Session,
    work: Work,
    provider: Provider,
    party: RelyingParty,
    register_client: RegisterClient,
    metadata: dict[str, Any],
    told: str,
) -> None:
    if told == "too many calls":
        provider.parts["client_keys"] = PublishedKeys(Busy())  # type: ignore[arg-type]
    metadata = metadata | {"id_token_encrypted_response_alg": "ECDH-ES"}
    register_client("client", is_first_party=True, backchannel_logout_uri=party.uri, **metadata)
    batch = end(work, session)
    deliver(provider)
    with work() as context:
        [delivery] = outbox.list_batch(context.db, batch)
    assert delivery.status == "pending" and told in (delivery.last_error or "")
    assert party.received == []


class Busy:
    """Too many wait for others already."""

    def get(self, _url: str, _headers: Any = None) -> Answer:
        raise OutboundBusy


@pytest.mark.parametrize(
    "metadata",
    [
        {"id_token_signed_response_alg": "none"},
        {"backchannel_logout_session_required": True},
        {"backchannel_logout_session_required": False},
    ],
    ids=repr,
)
def test_token_is_signed_and_names_person_and_session_whatever_is_registered(
    http: FlaskClient,
    session: Session,
    work: Work,
    provider: Provider,
    party: RelyingParty,
    register_client: RegisterClient,
    metadata: dict[str, Any],
) -> None:
    """§2.2, §2.4: never unsigned, even for a client that takes unsigned ID tokens."""
    register_client("client", is_first_party=True, backchannel_logout_uri=party.uri, **metadata)
    end(work, session)
    deliver(provider)
    header, claims = decoded(party.tokens()[0], provider)
    assert header["alg"] == "RS256" and claims["sub"] and claims["sid"] == session.sid


def test_module_backchannel_rp_initiated_logout(
    http: FlaskClient,
    provider: Provider,
    party: RelyingParty,
    register_client: RegisterClient,
    add_person: AddPerson,
    sign_in: SignIn,
) -> None:
    """Certification: the ID token's sub and sid come back in the logout token, the browser with the state only."""
    sign_in(add_person(password=None))
    rp = logging_out.party(
        http,
        register_client,
        "rp",
        backchannel_logout_uri=party.uri,
        backchannel_logout_session_required=True,
    )
    rp.log_in()
    assert location(rp.log_out()) == f"{logging_out.RETURN}?state={'s' * 128}"
    assert deliver(provider) == 1
    [(_content_type, form)] = party.received
    assert set(form) == {"logout_token"}
    _header, claims = decoded(form["logout_token"][0], provider)
    assert (claims["sub"], claims["sid"]) == (rp.claims["sub"], rp.claims["sid"]) and "nonce" not in claims
    assert rp.silent_error() == "login_required"


def test_refused_delivery_is_repeated_with_a_fresh_token_until_it_arrives(
    session: Session, work: Work, provider: Provider, party: RelyingParty, clock: Clock
) -> None:
    """§2.8 and ours: retries with growing pauses; every attempt has its own jti and its own two minutes."""
    party.status = 500
    batch = end(work, session)
    deliver(provider)
    assert deliver(provider) == 0, "not before its pause is over"
    clock.advance(60)
    deliver(provider)
    party.status = 204
    clock.advance(600)
    deliver(provider)
    claims = [decoded(token, provider)[1] for token in party.tokens()]
    assert len(claims) == 3 and len({found["jti"] for found in claims}) == 3
    assert claims[2]["exp"] == int(clock.now.timestamp()) + 120
    with work() as context:
        [delivery] = outbox.list_batch(context.db, batch)
    assert delivery.status == "delivered" and delivery.attempts == 3


def test_delivery_that_never_arrives_becomes_a_visible_dead_letter(
    session: Session, work: Work, provider: Provider, party: RelyingParty, clock: Clock
) -> None:
    party.status = 400
    batch = end(work, session)
    for _ in range(400):
        clock.advance(timedelta(minutes=5))
        deliver(provider)
    with work() as context:
        [delivery] = outbox.list_batch(context.db, batch)
        assert [dead.id for dead in outbox.list_dead(context.db)] == [delivery.id]
    assert delivery.status == "failed" and delivery.last_error == "answered 400"


def test_address_that_may_not_be_called_is_never_called(
    http: FlaskClient, session: Session, work: Work, provider: Provider, register_client: RegisterClient
) -> None:
    register_client("inner", is_first_party=True, backchannel_logout_uri="http://127.0.0.1:1/logout")
    redeem(http, work, client_id="inner")
    batch = end(work, session, exclude_client="client")
    deliver(provider)
    with work() as context:
        [delivery] = outbox.list_batch(context.db, batch)
    assert delivery.status != "delivered" and delivery.last_error


def test_client_that_is_gone_is_a_dead_letter_at_once(session: Session, work: Work, provider: Provider) -> None:
    batch = end(work, session)
    with work() as context:
        clients.put(context.db, "client", {"redirect_uris": []}, context.now, is_active=False)
    provider.client_cache.clear()
    deliver(provider)
    with work() as context:
        [delivery] = outbox.list_batch(context.db, batch)
    assert delivery.status == "failed"


def test_session_ends_once_and_takes_its_grants_with_it(
    http: FlaskClient, session: Session, work: Work, register_client: RegisterClient, party: RelyingParty
) -> None:
    """Core §11: offline access outlives the session."""
    register_client("offline", is_first_party=True)
    code = answer(http.get("/authorize", query_string=asking("offline", scope="openid offline_access")))["code"]
    online = answer(http.get("/authorize", query_string=asking()))["code"]
    first, second = end(work, session), end(work, session)
    assert first == second
    with work() as context:
        assert len(outbox.list_batch(context.db, first)) == 1
    revoked = grant_of(work, online)
    assert not grant_of(work, code).is_revoked
    assert revoked.is_revoked and revoked.revoked_reason == "test"


def test_who_asked_for_the_end_need_not_be_told(session: Session, work: Work) -> None:
    with work() as context:
        batch = end_session(context, session, reason="test", exclude_client="client")
        assert outbox.list_batch(context.db, batch) == []


@pytest.mark.parametrize("is_told", [True, False])
def test_upstream_that_logged_the_person_in_is_told_unless_it_knows(
    make_app: Callable[..., Flask], add_person: AddPerson, is_told: bool
) -> None:
    upstream = Upstream(
        name="national",
        label={"zh": "国家政务服务平台登录", "en": "National platform"},
        issuer="https://national.example",
        client_id="region",
        private_jwk=generate_key("EC", "P-256", parameters={"kid": "test"}).as_dict(private=True),
        assurance=AssuranceMap(cap=3, levels={}),
        entity_name={"zh": "国家政务服务平台", "en": "National Platform"},
    )
    provider: Provider = make_app(upstreams=(upstream,)).extensions["tongxing"]
    person: Account = add_person(provider=provider, password=None)
    with provider.work() as context:
        session, _ = sessions.add(
            context.db,
            context.vault,
            account_id=person.id,
            level=2,
            amr=("fed",),
            source="national",
            is_choice_made=True,
            user_agent="",
            address="",
            now=context.now,
            expires_at=context.now + timedelta(hours=1),
            upstream=UpstreamSession("https://national.example", "subject", "upstream-sid", "e30.e30.e30"),
        )
    with provider.work() as context:
        found = sessions.find(context.db, session.id)
        assert found is not None
        batch = end_session(context, found, reason="test", notify_upstream=is_told)
        told = [(item.kind, item.recipient, item.payload) for item in outbox.list_batch(context.db, batch)]
    assert told == ([("upstream_session_end", "national", {"sid": "upstream-sid"})] if is_told else [])


def test_module_backchannel_logout_discovery_endpoint_verification(http: FlaskClient) -> None:
    """§2.1."""
    told = http.get("/.well-known/openid-configuration").json
    assert told is not None
    assert told["backchannel_logout_supported"] is True
    assert told["backchannel_logout_session_supported"] is True
    assert told["end_session_endpoint"] == ISSUER + "/logout"
