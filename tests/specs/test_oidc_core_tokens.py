"""ID tokens and UserInfo by OpenID Connect Core (§2, §3.1.3.3–§3.1.3.6, §5.3–§5.5, §12.2)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest

from idp.crypto.jose import half_hash
from idp.domain.assurance import Proof
from idp.storage import accounts
from tests.clock import Clock
from tests.statements import Statements
from tests.token_side import TokenSide

Count = Callable[..., AbstractContextManager[Statements]]
EVERYTHING: dict[str, Any] = {
    "name": "李娜",
    "given_name": "娜",
    "family_name": "李",
    "middle_name": "小",
    "nickname": "娜娜",
    "preferred_username": "lina",
    "profile": "https://example.cn/lina",
    "picture": "https://example.cn/lina.png",
    "website": "https://example.cn",
    "gender": "female",
    "birthdate": "1990-03-07",
    "zoneinfo": "Asia/Urumqi",
    "locale": "zh-CN",
    "updated_at": 1_700_000_000,
    "email": "lina@example.cn",
    "email_verified": True,
    "address": {"formatted": "新疆乌鲁木齐市", "country": "CN"},
    "phone_number": "+86 13800000000",
    "phone_number_verified": True,
}
SCOPES = {
    "profile": set(EVERYTHING) - {"email", "email_verified", "address", "phone_number", "phone_number_verified"},
    "email": {"email", "email_verified"},
    "address": {"address"},
    "phone": {"phone_number", "phone_number_verified"},
}


# --- §2, §3.1.3.3: the ID token -------------------------------------------------------------------------------------


def test_an_id_token_tells_of_the_login(side: TokenSide, clock: Clock) -> None:
    caller, person = side.caller(), side.person()
    tokens = side.tokens(caller, person)
    token = side.read(tokens["id_token"])
    now = int(clock().timestamp())
    assert set(token.header) == {"alg", "kid", "typ"}
    assert token.header["typ"] == "JWT"
    assert token.claims == {
        "iss": "http://127.0.0.1:8000",
        "sub": person.subject,
        "aud": "client",
        "exp": now + 600,
        "iat": now,
        "auth_time": now - 300,
        "acr": "urn:tongxing:loa:2",
        "amr": ["pwd"],
        "sid": "session-of-the-browser",
        "nonce": "n-0S6_WzA2Mj",
        "at_hash": half_hash("RS256", tokens["access_token"]),
    }


def test_without_a_nonce_in_the_request_there_is_none(side: TokenSide) -> None:
    tokens = side.tokens(side.caller(), side.person(), nonce=None)
    assert "nonce" not in side.read(tokens["id_token"]).claims


def test_without_a_session_there_is_no_sid(side: TokenSide) -> None:
    tokens = side.tokens(side.caller(), side.person(), sid=None)
    assert "sid" not in side.read(tokens["id_token"]).claims
    assert "sid" not in side.read(tokens["access_token"]).claims


@pytest.mark.parametrize("alg", ["RS256", "ES256", "PS256", "EdDSA"])
def test_a_client_gets_the_algorithm_it_registered(side: TokenSide, alg: str) -> None:
    tokens = side.tokens(side.caller(id_token_signed_response_alg=alg), side.person())
    token = side.read(tokens["id_token"], alg)
    assert token.header["alg"] == alg
    assert token.claims["at_hash"] == half_hash(alg, tokens["access_token"])


def test_claims_of_scopes_stay_out_of_the_id_token(side: TokenSide) -> None:
    tokens = side.tokens(
        side.caller(), side.person(**EVERYTHING), scope=frozenset({"openid", "profile", "email", "identity"})
    )
    assert {"name", "email", "id_number", "loa"}.isdisjoint(side.read(tokens["id_token"]).claims)


def test_claims_asked_for_by_name_are_there(side: TokenSide) -> None:
    asked = {"id_token": {"name": {"essential": True}, "email": None, "nickname": None}}
    tokens = side.tokens(
        side.caller(), side.person(email="a@b.cn"), requested_claims=asked, scope=frozenset({"openid"})
    )
    claims = side.read(tokens["id_token"]).claims
    assert (claims["name"], claims["email"]) == ("张伟", "a@b.cn")
    assert "nickname" not in claims  # the person has none


def test_the_assurance_may_be_asked_for_by_name(side: TokenSide) -> None:
    tokens = side.tokens(side.caller(), side.person(), requested_claims={"id_token": {"loa": None}})
    assert side.read(tokens["id_token"]).claims["loa"]["level"] == 2


def test_asking_for_userinfo_claims_does_not_fill_the_id_token(side: TokenSide) -> None:
    asked = {"userinfo": {"email": None}}
    tokens = side.tokens(side.caller(), side.person(email="a@b.cn"), requested_claims=asked)
    assert "email" not in side.read(tokens["id_token"]).claims


PROTOCOL = ["iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "amr", "sid", "nonce", "at_hash", "azp", "cnf"]


@pytest.mark.parametrize("name", PROTOCOL)
def test_a_persons_data_never_replace_a_protocol_claim(side: TokenSide, name: str) -> None:
    caller, person = side.caller(), side.person(**{name: "forged"})
    asked = {place: {name: {"essential": True}} for place in ("id_token", "userinfo")}
    tokens = side.tokens(caller, person, requested_claims=asked)
    assert side.read(tokens["id_token"]).claims.get(name) != "forged"
    assert side.userinfo(tokens["access_token"]).json.get(name) != "forged"


@pytest.mark.parametrize("name", ["id_number", "id_type", "loa", "email"])
def test_a_claim_is_given_by_name_only_to_clients_registered_for_a_scope_with_it(side: TokenSide, name: str) -> None:
    caller = side.caller(scope="openid profile")
    person = side.person(id_number="650102199003074518", email="a@b.cn")
    asked = {place: {name: None} for place in ("id_token", "userinfo")}
    tokens = side.tokens(caller, person, requested_claims=asked)
    assert name not in side.read(tokens["id_token"]).claims
    assert name not in side.userinfo(tokens["access_token"]).json


def test_a_refreshed_id_token_speaks_of_the_original_login(side: TokenSide, clock: Clock) -> None:
    caller = side.caller()
    tokens = side.tokens(caller, side.person())
    first = dict(side.read(tokens["id_token"]).claims)
    clock.advance(timedelta(hours=3))
    again = caller.refresh(tokens["refresh_token"]).json
    second = dict(side.read(again["id_token"]).claims)
    for name in ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid"):
        assert second[name] == first[name]
    assert second["iat"] == first["iat"] + 3 * 3600
    assert second["at_hash"] == half_hash("RS256", again["access_token"])
    assert "nonce" not in second


# --- §5.3, §5.4: UserInfo -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", [*SCOPES, "profile email", "profile email address phone"])
def test_a_scope_gives_its_claims_and_no_others(side: TokenSide, scope: str) -> None:
    person = side.person(**EVERYTHING)
    tokens = side.tokens(side.caller(), person, scope=frozenset(f"openid {scope}".split()))
    names = {name for item in scope.split() for name in SCOPES[item]}
    expected = {name: EVERYTHING[name] for name in names} | {"sub": person.subject}
    assert side.userinfo(tokens["access_token"]).json == expected


def test_openid_alone_gives_the_subject_alone(side: TokenSide) -> None:
    person = side.person(**EVERYTHING)
    tokens = side.tokens(side.caller(), person, scope=frozenset({"openid"}))
    assert side.userinfo(tokens["access_token"]).json == {"sub": person.subject}


def test_the_subject_is_that_of_the_id_token(side: TokenSide) -> None:
    tokens = side.tokens(side.caller(), side.person())
    assert side.userinfo(tokens["access_token"]).json["sub"] == side.read(tokens["id_token"]).claims["sub"]


def test_what_a_person_does_not_have_is_left_out(side: TokenSide) -> None:
    person = side.person(nickname=None)
    tokens = side.tokens(side.caller(), person, scope=frozenset({"openid", "profile", "email", "address"}))
    body = side.userinfo(tokens["access_token"]).json
    assert {"nickname", "email", "email_verified", "address", "locale"}.isdisjoint(body)
    assert None not in body.values()


def test_the_accounts_own_data_fill_in(side: TokenSide) -> None:
    person = side.person(username="zhangwei")
    body = side.userinfo(side.tokens(side.caller(), person)["access_token"]).json
    assert body["preferred_username"] == "zhangwei"
    assert body["updated_at"] == int(person.updated_at.timestamp())


def test_claims_are_current(side: TokenSide) -> None:
    caller, person = side.caller(), side.person()
    token = side.tokens(caller, person)["access_token"]
    with side.work() as context:
        accounts.update_claims(context.db, context.vault, person.id, {"name": "张卫"}, context.now)
    assert side.userinfo(token).json["name"] == "张卫"


def test_claims_asked_for_by_name_come_without_their_scope(side: TokenSide) -> None:
    asked = {"userinfo": {"email": None, "phone_number": {"essential": True}}}
    person = side.person(**EVERYTHING)
    tokens = side.tokens(side.caller(), person, scope=frozenset({"openid"}), requested_claims=asked)
    assert side.userinfo(tokens["access_token"]).json == {
        "sub": person.subject,
        "email": "lina@example.cn",
        "phone_number": "+86 13800000000",
    }


@pytest.mark.parametrize("asked", [{}, {"userinfo": None}, {"userinfo": []}, {"userinfo": {"unknown": None}}])
def test_requests_that_name_nothing_known_change_nothing(side: TokenSide, asked: dict[str, Any]) -> None:
    person = side.person(unknown="secret")
    tokens = side.tokens(side.caller(), person, scope=frozenset({"openid"}), requested_claims=asked)
    assert side.userinfo(tokens["access_token"]).json == {"sub": person.subject}


def test_the_identity_scope_gives_the_verified_identity_and_who_vouches_for_it(side: TokenSide, clock: Clock) -> None:
    person = side.person(id_number="650102199003074518")
    verified = clock().strftime("%Y-%m-%dT%H:%M:%SZ")
    clock.advance(60)
    tokens = side.tokens(side.caller(), person, scope=frozenset({"openid", "identity"}))
    assert side.userinfo(tokens["access_token"]).json == {
        "sub": person.subject,
        "name": "张伟",
        "id_type": "resident_id",
        "id_number": "650102199003074518",
        "loa": {"level": 2, "source": "authority", "method": "name_and_id_number", "verified_at": verified},
    }


def test_the_assurance_is_that_of_the_strongest_proof_still_valid(side: TokenSide, clock: Clock) -> None:
    person = side.person()
    ends = clock() + timedelta(minutes=5)
    with side.work() as context:
        face = Proof(3, "https://national.example", "face", context.now, expires_at=ends)
        accounts.add_proof(context.db, person.id, face, context.now)
    token = side.tokens(side.caller(), person, scope=frozenset({"openid", "identity"}))["access_token"]
    assert side.userinfo(token).json["loa"]["level"] == 3
    clock.advance(timedelta(minutes=5))
    assert side.userinfo(token).json["loa"]["level"] == 2


def test_an_unverified_person_has_no_assurance(side: TokenSide) -> None:
    from tests.conftest import PASSWORD

    person = side._add_person(level=0, password=PASSWORD)
    tokens = side.tokens(side.caller(), person, scope=frozenset({"openid", "identity"}))
    assert "loa" not in side.userinfo(tokens["access_token"]).json


ACT_AS = {"uscc": "91650100MA7AAAAA1X", "name": "天山运输", "role": "handler", "mandate_id": "m"}


@pytest.mark.parametrize(
    ("scope", "act_as", "expected"),
    [
        ("openid organisation", ACT_AS, ACT_AS),
        ("openid organisation", None, None),
        ("openid profile", ACT_AS, None),
    ],
)
def test_the_organisation_scope_tells_for_whom_the_person_acts(
    side: TokenSide, scope: str, act_as: dict[str, str] | None, expected: dict[str, str] | None
) -> None:
    tokens = side.tokens(side.caller(), side.person(), scope=frozenset(scope.split()), act_as=act_as)
    assert side.userinfo(tokens["access_token"]).json.get("act_as") == expected


@pytest.mark.usefixtures("both_engines")
@pytest.mark.parametrize(
    ("scope", "most"), [("openid profile email phone address organisation", 1), ("openid identity", 2)]
)
def test_userinfo_keeps_its_statement_budget(side: TokenSide, statements: Count, scope: str, most: int) -> None:
    tokens = side.tokens(side.caller(), side.person(**EVERYTHING), scope=frozenset(scope.split()))
    with statements() as seen:
        assert side.userinfo(tokens["access_token"]).status_code == 200
    assert len(seen) == most, seen


def test_the_answer_is_json_that_nobody_keeps(side: TokenSide) -> None:
    response = side.userinfo(side.tokens(side.caller(), side.person())["access_token"])
    assert response.content_type == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
