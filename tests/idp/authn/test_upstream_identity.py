"""What is read out of another provider's login, and what is not believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clients.kit.login import Login
from idp.authn.upstream_identity import UpstreamIdentity, identity_of
from idp.config import Upstream
from idp.domain.assurance import AssuranceMap, acr_of

NOW = datetime(2026, 11, 22, 12, 0, 0, 400_000, tzinfo=UTC)
LEVELS = AssuranceMap(cap=3, levels={acr_of(level): level for level in range(5)})
UPSTREAM = Upstream("national", {"zh": "国家"}, "https://national.example", "region", {}, LEVELS)
CLAIMS = {
    "name": "阿依古丽·买买提",
    "id_type": "resident_id",
    "id_number": "654021198506150042",
    "phone_number": "+8613812345678",
    "phone_number_verified": True,
    "gender": "female",
    "updated_at": 1_700_000_000,
    "loa": {"level": 3, "source": "authority", "method": "face", "verified_at": "2026-01-02T03:04:05Z"},
}


def login(acr: str | None = acr_of(3), amr: Any = ("pwd",), **changes: Any) -> Login:
    token: dict[str, Any] = {
        "sub": "s",
        "sid": "sid-1",
        "acr": acr,
        "amr": list(amr) if isinstance(amr, tuple) else amr,
        "auth_time": int(NOW.timestamp()),
    }
    userinfo = {name: value for name, value in (CLAIMS | changes).items() if value is not ...}
    return Login(
        issuer="https://national.example",
        subject="s",
        id_token=token,
        id_token_raw="raw",
        access_token="a",
        refresh_token=None,
        expires_at=NOW,
        scope="openid",
        userinfo=userinfo,
    )


def identity(**changes: Any) -> UpstreamIdentity:
    return identity_of(UPSTREAM, login(**changes))


def test_a_proved_person_is_read_whole() -> None:
    read = identity()
    assert (read.issuer, read.subject, read.sid) == ("https://national.example", "s", "sid-1")
    assert (read.name, read.id_type, read.id_number) == (CLAIMS["name"], "resident_id", CLAIMS["id_number"])
    assert (read.phone, read.login_level, read.identity_level) == ("13812345678", 3, 3)
    assert read.amr == ("pwd", "fed")
    assert read.verified_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert read.missing == () and read.is_verified


def test_levels_are_capped_and_an_unknown_acr_is_worth_nothing() -> None:
    assert identity(acr=acr_of(4), loa={"level": 4}).identity_level == 3
    for acr in (None, "urn:other:gold", "urn:tongxing:loa:9"):
        assert identity(acr=acr).login_level == 0


@pytest.mark.parametrize(
    ("acr", "loa", "is_enough"),
    [(2, 2, True), (3, 2, True), (1, 3, False), (3, 1, False), (2, None, True), (1, None, False)],
)
def test_name_and_number_count_only_when_proof_and_login_both_reach_level_two(
    acr: int, loa: int | None, is_enough: bool
) -> None:
    assert identity(acr=acr_of(acr), loa=... if loa is None else {"level": loa}).is_verified is is_enough


@pytest.mark.parametrize("loa", [{"level": "3"}, {"level": None}, {"level": [3]}, {"level": 3.5}, {"level": True}])
def test_a_malformed_level_is_worth_nothing(loa: Any) -> None:
    assert identity(loa=loa).identity_level == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", ...),
        ("name", ""),
        ("name", 7),
        ("name", "a\nb"),
        ("name", "x" * 300),
        ("id_number", ...),
        ("id_number", 65),
    ],
)
def test_what_is_missing_or_malformed_is_named(name: str, value: Any) -> None:
    assert identity(**{name: value}).missing == (name,)


def test_spellings_are_made_one() -> None:
    read = identity(name="阿依古丽 • 买买提", id_number="65402119850615004２")
    assert (read.name, read.id_number) == (CLAIMS["name"], CLAIMS["id_number"])


@pytest.mark.parametrize(
    "changes",
    [
        {"phone_number_verified": ...},
        {"phone_number_verified": "true"},
        {"phone_number": "+1 555"},
        {"phone_number": 1},
    ],
)
def test_a_phone_nobody_vouches_for_is_no_phone(changes: dict[str, Any]) -> None:
    assert identity(**changes).phone == ""


@pytest.mark.parametrize("amr", [None, "pwd", [1, None], ["a b"], ["x" * 40], ["fed"], {}])
def test_methods_that_are_none_are_left_out_and_fed_is_always_last(amr: Any) -> None:
    assert identity(amr=amr).amr == ("fed",)


def test_the_version_is_the_newest_of_change_and_proof() -> None:
    assert identity().version == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()
    assert identity(loa=...).version == 1_700_000_000
    assert identity(loa={"level": 3, "verified_at": "never"}, updated_at="today").version == 0.0


def test_it_survives_being_stored() -> None:
    for read in (identity(), identity(loa=...)):
        assert UpstreamIdentity.from_dict(read.as_dict()) == read


def test_nothing_personal_stands_in_its_repr() -> None:
    text = repr(identity())
    for value in (CLAIMS["name"], CLAIMS["id_number"], "13812345678", "raw", "female"):
        assert value not in text


def test_a_login_of_this_very_second_is_not_older_than_the_request_that_asked_for_it() -> None:
    started = NOW
    seen = identity().seen_within(started, NOW + timedelta(seconds=3))
    assert seen.auth_time == started  # auth_time said 12:00:00, the request began at 12:00:00.4


def test_an_old_login_stays_old_and_none_lies_in_the_future() -> None:
    read = identity()
    later = NOW + timedelta(minutes=10)
    assert read.seen_within(later, later).auth_time == NOW.replace(microsecond=0)
    earlier = NOW - timedelta(seconds=20)
    assert read.seen_within(earlier, earlier + timedelta(seconds=1)).auth_time == earlier + timedelta(seconds=1)


def test_the_proof_names_issuer_method_and_the_moment_of_the_proof() -> None:
    proof = identity().proof(NOW)
    assert (proof.level, proof.source, proof.method) == (3, "https://national.example", "upstream")
    assert proof.verified_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    future = identity(loa={"level": 3, "verified_at": "2030-01-01T00:00:00Z"}).proof(NOW)
    assert future.verified_at == NOW
