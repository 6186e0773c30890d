"""OpenID Connect Back-Channel Logout §2.4 and §2.6, line by line."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from clients.kit.errors import ProviderUnavailable, TokenInvalid
from clients.kit.relying_party import RelyingParty
from tests.clients.op import LOGOUT_EVENT, TestProvider


def ago(seconds: int) -> int:
    return int(time.time()) - seconds


def test_good_token_names_session_and_identifier(rp: RelyingParty, op: TestProvider, now: datetime) -> None:
    notice = rp.verify_logout_token(op.logout_token("portal", sub="person-1", jti="j1"), now=now)
    assert (notice.issuer, notice.subject, notice.sid, notice.jti) == (op.issuer, "person-1", "sid-1", "j1")
    assert notice.expires_at - notice.issued_at == timedelta(seconds=120)


@pytest.mark.parametrize(
    ("subject", "sid"), [("person-1", None), (None, "sid-1"), ("person-1", "sid-1")], ids=["sub", "sid", "both"]
)
def test_subject_or_session_is_enough(
    rp: RelyingParty, op: TestProvider, now: datetime, subject: str | None, sid: str | None
) -> None:
    notice = rp.verify_logout_token(op.logout_token("portal", sub=subject, sid=sid), now=now)
    assert (notice.subject, notice.sid) == (subject, sid)


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("iss", {"iss": "http://127.0.0.1:1"}),
    ("iss", {"iss": None}),
    ("aud", {"aud": "other"}),
    ("aud", {"aud": None}),
    ("aud", {"aud": []}),
    ("exp", {"exp": ago(120)}),
    ("exp", {"exp": None}),
    ("iat", {"iat": ago(-86400)}),
    ("iat", {"iat": ago(200)}),
    ("iat", {"iat": None}),
    ("iat", {"iat": "now"}),
    ("jti", {"jti": None}),
    ("jti", {"jti": ""}),
    ("jti", {"jti": 7}),
    ("nonce", {"nonce": "n"}),
    ("nonce", {"nonce": ""}),
    ("sid", {"sid": None, "sub": None}),
    ("sid", {"sid": ""}),
    ("sid", {"sid": 7}),
    ("sub", {"sub": 7}),
    ("events", {"events": None}),
    ("events", {"events": {}}),
    ("events", {"events": LOGOUT_EVENT}),
    ("events", {"events": [LOGOUT_EVENT]}),
    ("events", {"events": {LOGOUT_EVENT: True}}),
    ("events", {"events": {"http://schemas.openid.net/event/other": {}}}),
]


@pytest.mark.parametrize(("claim", "overrides"), WRONG)
def test_wrong_claim_is_refused(
    rp: RelyingParty, op: TestProvider, now: datetime, claim: str, overrides: dict[str, Any]
) -> None:
    with pytest.raises(TokenInvalid) as invalid:
        rp.verify_logout_token(op.logout_token("portal", **overrides), now=now)
    assert invalid.value.claim == claim


@pytest.mark.parametrize("kind", ["JWT", "at+jwt", "logout+jwt+x", ""])
def test_token_of_another_type_is_refused(rp: RelyingParty, op: TestProvider, now: datetime, kind: str) -> None:
    with pytest.raises(TokenInvalid, match="typ"):
        rp.verify_logout_token(op.logout_token("portal", header={"typ": kind}), now=now)


def test_type_may_carry_the_application_prefix(rp: RelyingParty, op: TestProvider, now: datetime) -> None:
    assert rp.verify_logout_token(op.logout_token("portal", header={"typ": "application/LOGOUT+jwt"}), now=now)


def test_unsigned_and_foreign_signatures_are_refused(
    rp: RelyingParty, op: TestProvider, now: datetime, other_key: RSAKey
) -> None:
    for header in ({"alg": "none"}, {"_key": other_key}, {"_key": other_key, "kid": other_key.kid}):
        with pytest.raises(TokenInvalid):
            rp.verify_logout_token(op.logout_token("portal", header=header), now=now)


def test_id_token_does_not_pass_for_a_logout_token(rp: RelyingParty, op: TestProvider, now: datetime) -> None:
    grant = {"client_id": "portal", "nonce": "n", "auth_time": ago(0), "acr": "a"}
    with pytest.raises(TokenInvalid):
        rp.verify_logout_token(op.id_token(grant, "x"), now=now)


def test_token_may_be_up_to_two_minutes_old(rp: RelyingParty, op: TestProvider) -> None:
    token = op.logout_token("portal", exp=ago(-600))
    assert rp.verify_logout_token(token, now=datetime.now(UTC) + timedelta(seconds=170))
    with pytest.raises(TokenInvalid, match="iat"):
        rp.verify_logout_token(token, now=datetime.now(UTC) + timedelta(seconds=190))


def test_keys_that_cannot_be_had_are_unavailability(rp: RelyingParty, op: TestProvider, now: datetime) -> None:
    op.instead["jwks"] = lambda: ("", 500)
    with pytest.raises(ProviderUnavailable):
        rp.verify_logout_token(op.logout_token("portal"), now=now)
