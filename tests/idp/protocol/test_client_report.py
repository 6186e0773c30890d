"""`tongxing client check`: every requirement of the profile with its state, and what to do about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from idp.config import Settings
from idp.domain.client import Client
from idp.domain.opening import Opening
from idp.domain.profile import PROFILES
from idp.protocol.client_metadata import OPERATOR, validate
from idp.protocol.client_report import Row, State, report

SETTINGS = Settings(issuer="https://login.example")
KEY = {"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "k"} | {
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
}
GOOD: dict[str, dict[str, Any]] = {
    "default": {"redirect_uris": ["https://rp.example/cb"]},
    "legacy": {"redirect_uris": ["https://rp.example/cb"], "response_types": ["code", "id_token"]},
    "fapi2": {
        "redirect_uris": ["https://rp.example/cb"],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [KEY]},
        "dpop_bound_access_tokens": True,
    },
}
GOOD["fapi2-signing"] = GOOD["fapi2"]


def rows(profile: str, /, **changes: Any) -> list[Row]:
    """The report of a client whose stored metadata are those of a good registration with these changes."""
    metadata = validate(SETTINGS, GOOD[profile] | {"profile": profile}, policy=OPERATOR) | changes
    return report(SETTINGS, Client("rp", metadata))


def unmet(found: list[Row]) -> list[str]:
    return [row.requirement for row in found if row.state is State.UNMET]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_good_registration_meets_its_profile(profile: str) -> None:
    found = rows(profile)
    assert unmet(found) == [] and not any(row.advice for row in found)
    assert len(found) >= 5


@pytest.mark.parametrize(
    ("profile", "changes", "requirement"),
    [
        ("default", {"response_types": ["code", "id_token"]}, "response types code"),
        ("default", {"profile": "fapi1"}, "the profile exists"),
        ("default", {"redirect_uris": []}, "a registration that is in order"),
        ("fapi2", {"token_endpoint_auth_method": "client_secret_basic"}, "authenticates by private_key_jwt"),
        ("fapi2", {"dpop_bound_access_tokens": False}, "tokens bound by DPoP or mutual TLS"),
        ("fapi2", {"id_token_signed_response_alg": "RS256"}, "signatures by PS256, ES256, EdDSA"),
        ("fapi2", {"request_object_signing_alg": "RS256"}, "signatures by PS256, ES256, EdDSA"),
        ("fapi2", {"redirect_uris": ["http://rp.example/cb"]}, "redirect URIs by https"),
        ("fapi2", {"require_pushed_authorization_requests": False}, "authorization requests are pushed"),
        ("fapi2", {"openings": ["request_without_pkce"]}, "no openings"),
        ("fapi2-signing", {"require_signed_request_object": False}, "authorization requests are signed"),
    ],
)
def test_what_is_not_met_is_named_with_what_to_do(profile: str, changes: dict[str, Any], requirement: str) -> None:
    found = [row for row in rows(profile, **changes) if row.state is State.UNMET]
    assert any(row.requirement.startswith(requirement) for row in found), found
    assert all(row.advice for row in found)


BOUND = {"dpop_bound_access_tokens": False, "tls_client_certificate_bound_access_tokens": True}
BY_CERTIFICATE = {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "rp.example"}
MTLS = {"mtls_url": "https://mtls.login.example"}


@pytest.mark.parametrize(
    ("deployment", "changes", "advice"),
    [
        ({}, BOUND, "Set mtls_url."),
        ({}, {"token_endpoint_auth_method": "self_signed_tls_client_auth"}, "Set mtls_url."),
        ({}, BOUND | BY_CERTIFICATE, "Set mtls_url and client_ca_bundle."),
        (MTLS, BY_CERTIFICATE, "Set client_ca_bundle."),
        (MTLS, BOUND, ""),
        (MTLS | {"client_ca_bundle": "authorities.pem"}, BOUND | BY_CERTIFICATE, ""),
    ],
)
def test_a_client_whose_certificate_cannot_reach_us_does_not_meet_everything(
    deployment: dict[str, Any], changes: dict[str, Any], advice: str
) -> None:
    settings = replace(SETTINGS, **deployment)
    metadata = validate(settings, GOOD["fapi2"] | {"profile": "fapi2"} | changes, policy=OPERATOR)
    found = {
        row.requirement: row.advice for row in report(settings, Client("rp", metadata)) if row.state is State.UNMET
    }
    assert found == ({"a deployment that takes its certificate": advice} if advice else {})


def test_what_no_registration_can_break_is_left_to_the_requests() -> None:
    found = {row.requirement: row.state for row in rows("fapi2-signing")}
    assert found["PKCE with S256"] is State.AT_REQUEST
    assert found["signed authorization responses"] is State.AT_REQUEST


@pytest.mark.parametrize(("are_allowed", "told"), [(True, "counts here"), (False, "does not count here")])
def test_an_opening_is_shown_whether_it_counts_or_not(are_allowed: bool, told: str) -> None:
    client = Client("rp", {"redirect_uris": ["https://rp.example/cb"], "openings": ["unsigned_id_token"]})
    found = report(replace(SETTINGS, openings_allowed=are_allowed), client)
    assert [row.requirement for row in found if row.state is State.OPEN] == ["no opening unsigned_id_token"]
    assert told in found[-1].advice


@pytest.mark.parametrize("profile", ["fapi2", "fapi2-signing"])
def test_no_opening_counts_where_the_profile_allows_none(profile: str) -> None:
    """However it came into the store: no registration takes it."""
    client = Client("rp", {"profile": profile, "openings": [str(opening) for opening in Opening]})
    assert not any(client.has_opening(opening, are_allowed=True) for opening in Opening)
    found = report(replace(SETTINGS, openings_allowed=True), client)
    assert next(row.state for row in found if row.requirement == "no openings") is State.UNMET
    assert all("does not count" in row.advice for row in found if row.state is State.OPEN)
