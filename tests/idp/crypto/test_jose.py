from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import generate_key

from idp.crypto import jose
from idp.crypto.keyring import KeyRing, NoSigningKey
from idp.domain.signing_key import SigningKey

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KINDS: dict[str, tuple[Any, Any]] = {
    "RS256": ("RSA", 2048),
    "PS256": ("RSA", 2048),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
}


def signing_key(alg: str, kid: str = "", signs_from: datetime = NOW - timedelta(days=1)) -> SigningKey:
    key = generate_key(*KINDS[alg])
    names = {"kid": kid or alg, "alg": alg, "use": "sig"}
    return SigningKey(
        kid=kid or alg,
        alg=alg,
        private_jwk=dict(key.as_dict(private=True)) | names,
        public_jwk=dict(key.as_dict(private=False)) | names,
        published_at=signs_from,
        signs_from=signs_from,
        signs_until=signs_from + timedelta(days=10),
        gone_at=signs_from + timedelta(days=11),
    )


@pytest.fixture(scope="module")
def ring() -> KeyRing:
    return KeyRing([signing_key(alg) for alg in KINDS])


def claims(**more: Any) -> dict[str, Any]:
    return {"sub": "人", "exp": int(NOW.timestamp()) + 60} | more


def part(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


@pytest.mark.parametrize("alg", KINDS)
def test_what_is_signed_is_read_back(ring: KeyRing, alg: str) -> None:
    token = jose.sign(ring, alg, claims(), "at+jwt", NOW)
    assert jose.verify_own(ring, token, NOW, typ="at+jwt") == claims()


@pytest.mark.parametrize("alg", KINDS)
def test_every_token_names_its_key_algorithm_and_type(ring: KeyRing, alg: str) -> None:
    token = jose.sign(ring, alg, claims(), "logout+jwt", NOW)
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    assert header == {"alg": alg, "kid": alg, "typ": "logout+jwt"}


def test_a_token_of_another_type_is_refused(ring: KeyRing) -> None:
    token = jose.sign(ring, "RS256", claims(), "JWT", NOW)
    with pytest.raises(jose.TokenRefused):
        jose.verify_own(ring, token, NOW, typ="at+jwt")


@pytest.mark.parametrize("exp", [int(NOW.timestamp()), int(NOW.timestamp()) - 1, None, "soon", 1e12])
def test_a_token_past_its_end_or_without_one_is_refused(ring: KeyRing, exp: Any) -> None:
    token = jose.sign(ring, "RS256", claims(exp=exp), "at+jwt", NOW)
    with pytest.raises(jose.JoseError):
        jose.verify_own(ring, token, NOW, typ="at+jwt")


def test_a_hint_may_have_expired(ring: KeyRing) -> None:
    token = jose.sign(ring, "RS256", claims(exp=1), "JWT", NOW)
    assert jose.verify_own(ring, token, NOW, typ="JWT", may_be_expired=True)["exp"] == 1


def test_an_unknown_key_is_told_from_a_bad_signature(ring: KeyRing) -> None:
    other = KeyRing([signing_key("RS256", kid="another")])
    with pytest.raises(jose.UnknownKey):
        jose.verify_own(ring, jose.sign(other, "RS256", claims(), "at+jwt", NOW), NOW, typ="at+jwt")
    forged = KeyRing([signing_key("RS256", kid="RS256")])
    with pytest.raises(jose.TokenRefused) as refused:
        jose.verify_own(ring, jose.sign(forged, "RS256", claims(), "at+jwt", NOW), NOW, typ="at+jwt")
    assert not isinstance(refused.value, jose.UnknownKey)


def test_the_algorithm_is_the_keys_not_the_tokens(ring: KeyRing) -> None:
    """An RSA key for RS256 must not verify PS256, nor serve as an HMAC secret."""
    rs256 = ring.keys[0]
    as_ps256 = SigningKey(**{**rs256.__dict__, "alg": "PS256", "private_jwk": rs256.private_jwk | {"alg": "PS256"}})
    token = jose.sign(KeyRing([as_ps256]), "PS256", claims(), "at+jwt", NOW)
    with pytest.raises(jose.JoseError):
        jose.verify_own(ring, token, NOW, typ="at+jwt")


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "kid": "RS256", "typ": "at+jwt"},
        {"alg": "HS256", "kid": "RS256", "typ": "at+jwt"},
        {"alg": "RS256", "typ": "at+jwt"},
        {"alg": "RS256", "kid": 7, "typ": "at+jwt"},
        {"alg": "RS256", "kid": "RS256", "typ": "at+jwt", "crit": ["exp"], "exp": 1},
        {"alg": "RS256", "kid": "RS256", "typ": "at+jwt", "b64": False, "crit": ["b64"]},
        {"alg": ["RS256"], "kid": "RS256", "typ": "at+jwt"},
        {"kid": "RS256", "typ": "at+jwt"},
        ["RS256"],
        None,
        7,
    ],
)
def test_a_strange_header_is_refused(ring: KeyRing, header: Any) -> None:
    token = f"{part(header)}.{part(claims())}.{part(b'signature')}"
    with pytest.raises(jose.JoseError):
        jose.verify_own(ring, token, NOW, typ="at+jwt")


@pytest.mark.parametrize("payload", [b"[]", b"7", b"null", b"not json", b'"text"', b"\xff", b"[" * 100_000])
def test_signed_text_that_is_no_object_is_refused(ring: KeyRing, payload: bytes) -> None:
    from joserfc import jws

    kid, key = ring.signing("ES256", NOW)
    token = jws.serialize_compact({"alg": "ES256", "kid": kid, "typ": "at+jwt"}, payload, key)
    with pytest.raises(jose.JoseError):
        jose.verify_own(ring, token, NOW, typ="at+jwt")


@given(st.one_of(st.text(max_size=200), st.from_regex(r"[\w\-.]{0,60}\.[\w\-]{0,60}\.[\w\-]{0,60}", fullmatch=True)))
def test_any_other_text_is_refused_and_nothing_else_happens(text: str) -> None:
    for read in (lambda: jose.verify_own(KeyRing(), text, NOW, typ="at+jwt"), lambda: jose.read_unverified(text)):
        with pytest.raises(jose.JoseError):
            read()


def test_a_giant_is_refused_unread(ring: KeyRing) -> None:
    for read in (
        lambda: jose.verify_own(ring, "a" * 17_000, NOW, typ="JWT"),
        lambda: jose.read_unverified("a" * 17_000),
    ):
        with pytest.raises(jose.TokenRefused, match="size"):
            read()


def test_an_unverified_reading_needs_an_object_too(ring: KeyRing) -> None:
    with pytest.raises(jose.TokenRefused):
        jose.read_unverified(f"{part({'alg': 'RS256'})}.{part([])}.x")


@pytest.mark.parametrize(
    ("alg", "digest"),
    [
        ("RS256", hashlib.sha256),
        ("PS256", hashlib.sha256),
        ("ES256", hashlib.sha256),
        ("EdDSA", hashlib.sha512),
        ("Ed25519", hashlib.sha512),
    ],
)
def test_half_hashes_use_the_hash_of_the_algorithm(alg: str, digest: Any) -> None:
    whole = digest(b"value").digest()
    assert jose.half_hash(alg, "value") == base64.urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()


def test_a_half_hash_for_an_unknown_algorithm_is_an_error() -> None:
    with pytest.raises(KeyError):
        jose.half_hash("SM2", "value")


def test_no_algorithm_signs_without_a_key_of_its_own() -> None:
    with pytest.raises(NoSigningKey):
        jose.sign(KeyRing(), "RS256", claims(), "JWT", NOW)


def test_of_two_signing_keys_the_newest_signs_always() -> None:
    ring = KeyRing(
        [signing_key("ES256", "old", NOW - timedelta(days=5)), signing_key("ES256", "new", NOW - timedelta(days=1))]
    )
    assert {ring.signing("ES256", NOW)[0] for _ in range(20)} == {"new"}


def test_keys_neither_published_yet_nor_gone_are_used() -> None:
    ring = KeyRing([signing_key("ES256", "later", NOW + timedelta(days=1))])
    with pytest.raises(NoSigningKey):
        ring.signing("ES256", NOW)
    assert ring.verifying("later", NOW) is not None
    assert [key["kid"] for key in ring.jwks(NOW)["keys"]] == ["later"]
    assert ring.jwks(NOW + timedelta(days=20)) == {"keys": []}
    assert ring.verifying("later", NOW + timedelta(days=20)) is None


def test_no_private_half_is_published(ring: KeyRing) -> None:
    private = {"d", "p", "q", "dp", "dq", "qi", "k", "oth"}
    assert all(private.isdisjoint(key) for key in ring.jwks(NOW)["keys"])


def test_no_key_shows_itself_in_a_repr(ring: KeyRing) -> None:
    assert all("'d'" not in repr(key) and "'n'" not in repr(key) for key in ring.keys)
