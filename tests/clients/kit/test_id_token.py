"""OpenID Connect Core §3.1.3.7, line by line: each wrong ID token ends the login."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from clients.kit.errors import ProviderUnavailable, TokenInvalid
from tests.clients.kit.conftest import Journey
from tests.clients.op import signed_bytes


def ago(seconds: int) -> int:
    return int(time.time()) - seconds


WRONG_CLAIMS: list[tuple[str, str, Any]] = [
    ("step 2: another issuer", "iss", "http://127.0.0.1:1"),
    ("step 2: no issuer", "iss", None),
    ("step 3: another audience", "aud", "someone-else"),
    ("step 3: no audience", "aud", None),
    ("step 3: audience is no string", "aud", [1]),
    ("step 3: empty audience", "aud", []),
    ("step 3: an audience we do not trust beside us", "aud", ["portal", "someone-else"]),
    ("step 5: authorized party is another client", "azp", "someone-else"),
    ("step 9: expired", "exp", ago(120)),
    ("step 9: no expiry", "exp", None),
    ("step 9: expiry is a text", "exp", "tomorrow"),
    ("step 9: expiry is a truth value", "exp", True),
    ("step 9: expiry beyond all time", "exp", 10**30),
    ("step 10: issued in the future", "iat", ago(-86400)),
    ("step 10: issued long ago", "iat", ago(3600)),
    ("step 10: no issue time", "iat", None),
    ("not valid yet", "nbf", ago(-86400)),
    ("step 11: another nonce", "nonce", "other"),
    ("step 11: no nonce", "nonce", None),
    ("step 11: nonce is no string", "nonce", 7),
    ("§2: no subject", "sub", None),
    ("§2: subject is no string", "sub", 7),
    ("§2: subject too long", "sub", "x" * 256),
    ("§3.1.3.6: hash of another access token", "at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
    ("§3.1.3.6: hash is no string", "at_hash", 1),
]


@pytest.mark.parametrize(("claim", "value"), [row[1:] for row in WRONG_CLAIMS], ids=[row[0] for row in WRONG_CLAIMS])
def test_wrong_claim_ends_the_login(journey: Journey, claim: str, value: Any) -> None:
    def bend(claims: dict[str, Any]) -> None:
        if value is None:
            del claims[claim]
        else:
            claims[claim] = value

    journey.op.bend["id_token"] = bend
    with pytest.raises(TokenInvalid) as invalid:
        journey.log_in()
    assert invalid.value.claim == claim
    assert journey.op.calls["userinfo"] == 0


def test_audience_may_be_a_list_of_us_alone_with_us_as_authorized_party(journey: Journey) -> None:
    journey.op.bend["id_token"] = lambda claims: claims.update(aud=["portal"], azp="portal")
    assert journey.log_in().subject == "person-1"


def test_missing_access_token_hash_is_allowed_in_the_code_flow(journey: Journey) -> None:
    journey.op.bend["id_token"] = lambda claims: claims.pop("at_hash") and None
    assert journey.log_in().subject == "person-1"


def test_clocks_may_differ_by_less_than_a_minute(journey: Journey) -> None:
    journey.op.bend["id_token"] = lambda claims: claims.update(exp=ago(50), iat=ago(-50))
    assert journey.log_in().subject == "person-1"


# --- step 12, 13: acr and auth_time -----------------------------------------------------------------------------

ESSENTIAL = {"id_token": {"acr": {"essential": True, "values": ["urn:tongxing:loa:3"]}}}


@pytest.mark.parametrize("acr", ["urn:tongxing:loa:2", "", 3])
def test_essential_acr_that_was_not_reached_ends_the_login(journey: Journey, acr: object) -> None:
    journey.op.bend["id_token"] = lambda claims: claims.update(acr=acr)
    with pytest.raises(TokenInvalid, match="acr"):
        journey.log_in(claims=ESSENTIAL)


def test_essential_acr_that_was_reached_is_accepted(journey: Journey) -> None:
    journey.op.bend["id_token"] = lambda claims: claims.update(acr="urn:tongxing:loa:3")
    assert journey.log_in(claims=ESSENTIAL).acr == "urn:tongxing:loa:3"


def test_voluntary_acr_need_not_be_reached(journey: Journey) -> None:
    journey.op.reachable_acr = "urn:tongxing:loa:1"
    assert journey.log_in(acr_values="urn:tongxing:loa:3").acr == "urn:tongxing:loa:1"


@pytest.mark.parametrize("auth_time", [ago(400), ago(-86400), "now", None], ids=["old", "ahead", "text", "missing"])
def test_max_age_demands_a_recent_auth_time(journey: Journey, auth_time: object) -> None:
    journey.op.bend["id_token"] = lambda claims: claims.update(auth_time=auth_time)
    with pytest.raises(TokenInvalid, match="auth_time"):
        journey.log_in(max_age=300)


def test_recent_auth_time_satisfies_max_age(journey: Journey) -> None:
    assert journey.log_in(max_age=300).authenticated_at <= datetime.now(UTC)


# --- step 6–8: signature, algorithm, key ------------------------------------------------------------------------


def test_unsigned_token_is_refused(journey: Journey) -> None:
    journey.op.bend["id_token_header"] = lambda header: header.update(alg="none")
    with pytest.raises(TokenInvalid, match="alg"):
        journey.log_in()


def test_symmetric_algorithm_with_the_public_key_as_secret_is_refused(journey: Journey) -> None:
    confused = OctKey.import_key(b"x" * 32)
    journey.op.bend["id_token_header"] = lambda header: header.update(alg="HS256", _key=confused)
    with pytest.raises(TokenInvalid, match="alg"):
        journey.log_in()


def test_algorithm_off_the_clients_list_is_refused(journey: Journey) -> None:
    object.__setattr__(journey.rp.config, "algorithms", ("ES256",))
    with pytest.raises(TokenInvalid, match="alg"):
        journey.log_in()


def test_signature_by_another_key_under_the_same_kid_is_refused(journey: Journey, other_key: RSAKey) -> None:
    journey.op.bend["id_token_header"] = lambda header: header.update(_key=other_key)
    with pytest.raises(TokenInvalid, match="signature"):
        journey.log_in()


def test_changed_payload_is_refused(journey: Journey) -> None:
    def tamper(answer: dict[str, Any]) -> None:
        header, payload, signature = answer["id_token"].split(".")
        answer["id_token"] = f"{header}.{payload[:-4]}AAAA.{signature}"

    journey.op.bend["token"] = tamper
    with pytest.raises(TokenInvalid):
        journey.log_in()


@pytest.mark.parametrize("kid", ["unknown", 7, ["x"]])
def test_unknown_or_malformed_kid_is_refused(journey: Journey, kid: object) -> None:
    journey.op.bend["id_token_header"] = lambda header: header.update(kid=kid)
    journey.op.bend["id_token"] = lambda claims: None
    if not isinstance(kid, str):
        # The signer refuses to write such a header; the bytes are made by hand.
        token = signed_bytes(journey.op, b"{}")
        journey.op.bend.clear()
        journey.op.bend["token"] = lambda answer: answer.update(id_token=_with_kid(token, kid))
    with pytest.raises(TokenInvalid):
        journey.log_in()


def _with_kid(token: str, kid: object) -> str:
    import base64
    import json

    header = base64.urlsafe_b64encode(json.dumps({"alg": "RS256", "kid": kid}).encode()).rstrip(b"=").decode()
    return header + token[token.index(".") :]


def test_token_without_kid_is_accepted_only_while_there_is_one_key(journey: Journey, other_key: RSAKey) -> None:
    journey.op.bend["id_token_header"] = lambda header: header.update(kid=None)
    assert journey.log_in().subject == "person-1"
    journey.rp.provider._keys = None
    journey.op.published = [journey.op.key, other_key]
    with pytest.raises(TokenInvalid, match="kid"):
        journey.log_in()


def test_key_inside_the_token_is_not_trusted(journey: Journey, other_key: RSAKey) -> None:
    journey.op.bend["id_token_header"] = lambda header: header.update(
        jwk=other_key.as_dict(private=False), kid=other_key.kid, _key=other_key
    )
    with pytest.raises(TokenInvalid):
        journey.log_in()


@pytest.mark.parametrize("kind", ["ES256", "PS256", "EdDSA"])
def test_other_algorithms_of_the_list_work(journey: Journey, kind: str) -> None:
    key: Any = {
        "ES256": lambda: ECKey.generate_key("P-256", auto_kid=True),
        "PS256": lambda: RSAKey.generate_key(2048, auto_kid=True),
        "EdDSA": lambda: OKPKey.generate_key("Ed25519", auto_kid=True),
    }[kind]()
    journey.op.rotate(key, kind)
    if kind == "EdDSA":
        journey.op.bend["id_token"] = lambda claims: claims.pop("at_hash") and None
    assert journey.log_in().subject == "person-1"


@pytest.mark.parametrize(
    "token", ["", "a.b", "a.b.c", "..", "x" * 20_000, "é.é.é", "eyJhbGciOiJSUzI1NiJ9.e30", "a.b.c.d.e"]
)
def test_malformed_token_is_refused(journey: Journey, token: str) -> None:
    journey.op.bend["token"] = lambda answer: answer.update(id_token=token)
    with pytest.raises((TokenInvalid, ProviderUnavailable)):
        journey.log_in()


@pytest.mark.parametrize("payload", [b"[]", b"7", b"nothing", b'{"a":NaN}', b"\xff\xfe", b"[" * 5000])
def test_signed_payload_that_is_no_json_object_is_refused(journey: Journey, payload: bytes) -> None:
    token = signed_bytes(journey.op, payload)
    journey.op.bend["token"] = lambda answer: answer.update(id_token=token)
    with pytest.raises(TokenInvalid):
        journey.log_in()
