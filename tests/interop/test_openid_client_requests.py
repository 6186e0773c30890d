"""Relying parties of openid-client ask in other ways: encrypted, by reference, for resources, pairwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.interop.openid_client import OpenidClient, Refused
from tests.interop.parties import KEYS, SCOPE, check_life, log_in
from tests.interop.visitor import REDIRECT_URI, Visitor
from tests.journeys.foreign_client import payload

ENCRYPTIONS = [
    {"alg": "RSA-OAEP-256", "enc": "A256GCM"},
    {"alg": "RSA-OAEP-256", "enc": "A128CBC-HS256"},
    {"alg": "ECDH-ES", "enc": "A256CBC-HS512"},
]


@pytest.mark.parametrize("way", ["jar", "par+jar"])
@pytest.mark.parametrize("encryption", ENCRYPTIONS, ids=lambda encryption: "+".join(encryption.values()))
def test_request_goes_signed_and_encrypted(party: Any, visitor: Visitor, way: str, encryption: dict[str, str]) -> None:
    client = party(
        "private_key_jwt",
        request_object_signing_alg="ES256",
        request_object_encryption_alg=encryption["alg"],
        request_object_encryption_enc=encryption["enc"],
    )
    assert log_in(client, visitor, way=way, sign=KEYS["ES256"][0], encrypt=encryption)["claims"]["sub"]


@pytest.mark.parametrize("encryption", [None, ENCRYPTIONS[0]], ids=["signed", "signed and encrypted"])
def test_request_goes_by_reference(
    party: Any, visitor: Visitor, serve: Callable[..., str], party_port: int, encryption: dict[str, str] | None
) -> None:
    published: list[str] = []

    def shelf(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/oauth-authz-req+jwt")])
        return [published[-1].encode()]

    reference = f"{serve(shelf, party_port)}/request.jwt"
    client = party("private_key_jwt", request_object_signing_alg="ES256", request_uris=[reference])
    wishes = {"way": "jar", "sign": KEYS["ES256"][0], "reference": reference, "encrypt": encryption}
    for _ in range(2):  # the address may show another request each time
        started = client.call("begin", parameters={"redirect_uri": REDIRECT_URI, "scope": SCOPE}, **wishes)
        assert len(started["url"]) < 300, "the request itself does not travel with the person"
        published.append(started["object"])
        check_life(client, client.call("finish", **visitor.answer(started["url"])))


def test_claims_are_asked_for_one_by_one(party: Any, visitor: Visitor) -> None:
    """OpenID Connect Core §5.5, and §3.1.2.1 max_age, which the library holds against auth_time."""
    wanted = {"id_token": {"email": {"essential": True}}, "userinfo": {"given_name": None}}
    asked = {"scope": "openid", "claims": json.dumps(wanted), "max_age": "300"}
    client = party()
    tokens = log_in(client, visitor, parameters=asked, checks={"maxAge": 300})
    assert tokens["claims"]["email"] == "alim@example.test"
    told = client.call("userinfo", token=tokens["access_token"], subject=tokens["claims"]["sub"])
    assert set(told) == {"sub", "given_name"}


# --- resource indicators ----------------------------------------------------------------------------------------------

A, B = "https://a.example", "https://b.example"
RESOURCES = {"resource_scopes": {"a.read": A, "b.read": B}}
READ = "openid offline_access a.read b.read"


def audience(tokens: dict[str, Any]) -> set[str]:
    found = payload(tokens["access_token"])["aud"]
    return {found} if isinstance(found, str) else set(found)


@pytest.mark.parametrize("running", [RESOURCES], indirect=True)
def test_tokens_are_for_the_resources_asked_for(party: Any, visitor: Visitor) -> None:
    client = party(scope=READ)
    asked = {"scope": READ, "resource": [A, B]}
    tokens = log_in(client, visitor, parameters=asked, token_parameters={"resource": A})
    issuer = tokens["claims"]["iss"]
    assert audience(tokens) == {A, issuer}
    renewed = client.call("refresh", token=tokens["refresh_token"], parameters={"resource": B})
    assert audience(renewed) == {B, issuer}
    renewed = client.call("refresh", token=renewed["refresh_token"], parameters={})
    assert audience(renewed) == {A, B, issuer}


@pytest.mark.parametrize("running", [RESOURCES], indirect=True)
@pytest.mark.parametrize("place", ["authorization", "token"])
def test_resource_of_nobody_is_refused(party: Any, visitor: Visitor, place: str) -> None:
    wrong = {"resource": "https://c.example"}
    asked, redeemed = (wrong, {}) if place == "authorization" else ({}, wrong)
    with pytest.raises(Refused) as refused:
        log_in(party(scope=READ), visitor, parameters={"scope": READ} | asked, token_parameters=redeemed)
    assert refused.value.details["error"] == "invalid_target"


# --- pairwise subjects ------------------------------------------------------------------------------------------------


def test_person_is_another_one_in_every_sector(party: Any, visitor: Visitor) -> None:
    def subject(method: str, **metadata: Any) -> str:
        client: OpenidClient = party(method, **metadata)
        tokens = log_in(client, visitor)
        told = client.call("userinfo", token=tokens["access_token"], subject=tokens["claims"]["sub"])
        assert told["sub"] == tokens["claims"]["sub"]
        assert client.call("introspect", token=tokens["access_token"])["sub"] == told["sub"]
        return str(told["sub"])

    pairwise = {"subject_type": "pairwise"}
    one = subject("client_secret_basic", **pairwise)
    assert subject("client_secret_post", **pairwise) == one, "the redirect URIs are of one host"
    other = subject("private_key_jwt", sector_identifier_uri="https://other.example/sector.json", **pairwise)
    assert len({one, other, subject("client_secret_jwt")}) == 3
