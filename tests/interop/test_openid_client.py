"""Relying parties of the certified library openid-client log in by every advertised feature."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from idp.context import Provider
from idp.protocol.client_metadata.policy import Policy
from idp.storage import initial_access_tokens
from tests.interop.openid_client import OpenidClient, Refused
from tests.interop.parties import ENCRYPTION_KEYS, KEYS, PUBLIC_KEYS, SCOPE, check_life, log_in
from tests.interop.visitor import REDIRECT_URI, Visitor


@pytest.mark.parametrize(
    ("method", "wishes"),
    [
        ("client_secret_basic", {}),
        ("client_secret_post", {}),
        ("client_secret_jwt", {}),
        ("private_key_jwt", {"signs_with": "RS256"}),
        ("private_key_jwt", {"signs_with": "PS256"}),
        ("private_key_jwt", {"signs_with": "ES256"}),
        ("private_key_jwt", {"signs_with": "EdDSA"}),
        ("none", {}),
    ],
)
def test_client_authenticates_by(party: Any, visitor: Visitor, method: str, wishes: dict[str, Any]) -> None:
    client = party(method, wishes)
    check_life(client, log_in(client, visitor))


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_id_token_is_signed_by(party: Any, visitor: Visitor, alg: str) -> None:
    client = party(id_token_signed_response_alg=alg, wished={"wishes": ["non_repudiation"]})
    assert log_in(client, visitor)["claims"]["sub"]


@pytest.mark.parametrize(
    ("alg", "enc"),
    [
        ("RSA-OAEP-256", "A256GCM"),
        ("RSA-OAEP", "A128CBC-HS256"),
        ("ECDH-ES", "A256GCM"),
        ("ECDH-ES+A128KW", "A128GCM"),
        ("ECDH-ES+A256KW", "A256CBC-HS512"),
    ],
)
def test_id_token_and_userinfo_are_encrypted_to(party: Any, visitor: Visitor, alg: str, enc: str) -> None:
    client = party(
        id_token_encrypted_response_alg=alg,
        id_token_encrypted_response_enc=enc,
        userinfo_signed_response_alg="RS256",
        userinfo_encrypted_response_alg=alg,
        userinfo_encrypted_response_enc=enc,
        wished={"decrypt": ENCRYPTION_KEYS[alg][0]},
    )
    tokens = log_in(client, visitor)
    assert tokens["id_token"].count(".") == 4
    assert client.call("userinfo", token=tokens["access_token"], subject=tokens["claims"]["sub"])["email"]


def test_userinfo_is_signed(party: Any, visitor: Visitor) -> None:
    client = party(userinfo_signed_response_alg="ES256", wished={"wishes": ["non_repudiation"]})
    tokens = log_in(client, visitor)
    assert client.call("userinfo", token=tokens["access_token"], subject=tokens["claims"]["sub"])["email"]


@pytest.mark.parametrize("alg", [None, "ECDH-ES"], ids=["signed", "signed and encrypted"])
def test_introspection_is(party: Any, visitor: Visitor, alg: str | None) -> None:
    encrypted = {"introspection_encrypted_response_alg": alg, "introspection_encrypted_response_enc": "A256GCM"}
    client = party(
        introspection_signed_response_alg="ES256",
        wished={"wishes": ["non_repudiation"], "decrypt": ENCRYPTION_KEYS[alg][0] if alg else None},
        **encrypted if alg else {},
    )
    assert client.call("introspect", token=log_in(client, visitor)["access_token"])["active"] is True


@pytest.mark.parametrize("way", ["plain", "par", "jar", "par+jar"])
def test_request_goes_by(party: Any, visitor: Visitor, way: str) -> None:
    client = party("private_key_jwt", request_object_signing_alg="ES256")
    check_life(client, log_in(client, visitor, way=way, sign=KEYS["ES256"][0]))


@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
def test_answer_comes_by(party: Any, visitor: Visitor, mode: str) -> None:
    client = party()
    if mode == "fragment":
        with pytest.raises(Refused):  # the library reads a code from the query or a form only; the answer is right
            log_in(client, visitor, parameters={"response_mode": mode})
        return
    check_life(client, log_in(client, visitor, parameters={"response_mode": mode}))


def test_answer_comes_signed(party: Any, visitor: Visitor) -> None:
    client = party(authorization_signed_response_alg="ES256", wished={"wishes": ["jwt_response_mode"]})
    check_life(client, log_in(client, visitor))


@pytest.mark.parametrize("alg", ["RSA-OAEP-256", "ECDH-ES"])
def test_answer_comes_signed_and_encrypted(party: Any, visitor: Visitor, alg: str) -> None:
    client = party(
        authorization_signed_response_alg="ES256",
        authorization_encrypted_response_alg=alg,
        authorization_encrypted_response_enc="A256GCM",
        wished={"wishes": ["jwt_response_mode"], "decrypt": ENCRYPTION_KEYS[alg][0]},
    )
    check_life(client, log_in(client, visitor))


@pytest.mark.parametrize("alg", ["ES256", "PS256", "Ed25519"])
@pytest.mark.parametrize("way", ["plain", "par"])
def test_tokens_are_bound_by_dpop(party: Any, visitor: Visitor, alg: str, way: str) -> None:
    client = party("private_key_jwt", {"dpop": alg}, dpop_bound_access_tokens=True)
    tokens = log_in(client, visitor, way=way)
    assert tokens["token_type"] == "dpop"  # as the library writes it
    check_life(client, tokens)


@pytest.mark.parametrize("running", [{"dpop_nonce_lifetime": timedelta(minutes=1)}], indirect=True)
def test_tokens_are_bound_by_dpop_with_nonces_of_the_provider(party: Any, visitor: Visitor) -> None:
    """RFC 9449 §8, §9: the library learns one from each refusal and tries again."""
    client = party("private_key_jwt", {"dpop": "ES256"}, dpop_bound_access_tokens=True)
    check_life(client, log_in(client, visitor, way="par"))


LEGACY = {"profile": "legacy", "grant_types": ["authorization_code", "implicit", "refresh_token"]}


@pytest.mark.parametrize("mode", [None, "form_post"])
def test_hybrid_client_logs_in(party: Any, visitor: Visitor, mode: str | None) -> None:
    client = party(wished={"wishes": ["code_id_token"]}, response_types=["code id_token"], **LEGACY)
    parameters = {"response_type": "code id_token"} | ({"response_mode": mode} if mode else {})
    check_life(client, log_in(client, visitor, parameters=parameters))


@pytest.mark.parametrize("mode", [None, "form_post"])
def test_implicit_client_logs_in(party: Any, visitor: Visitor, mode: str | None) -> None:
    client = party(wished={"wishes": ["id_token"]}, response_types=["id_token"], **LEGACY)
    parameters = {"redirect_uri": REDIRECT_URI, "scope": "openid profile email", "response_type": "id_token"}
    parameters |= {"response_mode": mode} if mode else {}
    started = client.call("begin", parameters=parameters, pkce=False)
    claims = client.call("finish_implicit", **visitor.answer(started["url"]))["claims"]
    assert claims["email"] == "alim@example.test"  # OpenID Connect Core §5.4: there is no userinfo to ask


FAPI = {
    "profile": "fapi2",
    "token_endpoint_auth_method": "private_key_jwt",
    "redirect_uris": ["https://127.0.0.1:9009/callback"],
}


@pytest.mark.parametrize("profile", ["fapi2", "fapi2-signing"])
def test_fapi_client_logs_in(party: Any, visitor: Visitor, profile: str) -> None:
    redirect_uri = "https://127.0.0.1:9009/callback"
    is_signing = profile == "fapi2-signing"
    client = party(
        "private_key_jwt",
        {"dpop": "ES256", "signs_with": "PS256", "wishes": ["jwt_response_mode"] if is_signing else []},
        profile=profile,
        redirect_uris=[redirect_uri],
        id_token_signed_response_alg="PS256",
        authorization_signed_response_alg="PS256",
        request_object_signing_alg="PS256",
    )
    started = client.call(
        "begin",
        parameters={"redirect_uri": redirect_uri, "scope": SCOPE},
        way="par+jar" if is_signing else "par",
        sign=KEYS["PS256"][0],
    )
    tokens = client.call("finish", **visitor.answer(started["url"], redirect_uri))
    assert tokens["token_type"] == "dpop"
    told = client.call("userinfo", token=tokens["access_token"], subject=tokens["claims"]["sub"])
    assert told["email"] == "alim@example.test"
    renewed = client.call("refresh", token=tokens["refresh_token"], parameters={})
    assert (
        client.call("refresh", token=tokens["refresh_token"], parameters={})["access_token"] != renewed["access_token"]
    )


@pytest.mark.parametrize("running", [{"registration": "open"}], indirect=True)
@pytest.mark.parametrize("method", ["client_secret_basic", "private_key_jwt"])
def test_client_registers_itself(node: OpenidClient, running: Provider, visitor: Visitor, method: str) -> None:
    metadata = {
        "client_name": "A client nobody here knows",
        "redirect_uris": [REDIRECT_URI],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": method,
        "jwks": PUBLIC_KEYS,
    }
    auth = {"method": method, "jwk": KEYS["ES256"][0]}  # the secret, if any, is the one given at registration
    told = node.call("register", issuer=running.settings.issuer, metadata=metadata, auth=auth)["client"]
    check_life(node, log_in(node, visitor))
    check_configuration(node, visitor, told, metadata)


@pytest.mark.parametrize("running", [{"registration": "token"}], indirect=True)
def test_client_registers_itself_with_an_initial_access_token(node: OpenidClient, running: Provider) -> None:
    with running.work() as context:
        options = {"policy": Policy.of({}).as_document(), "label": "a test", "uses": 1, "now": context.now}
        _, token = initial_access_tokens.add(context.db, **options)
    wishes = {"issuer": running.settings.issuer, "metadata": {"redirect_uris": [REDIRECT_URI]}, "token": token}
    assert node.call("register", **wishes)["client"]["client_id"]
    with pytest.raises(Refused) as refused:
        node.call("register", **wishes)
    assert refused.value.details["status"] == 401


def check_configuration(party: OpenidClient, visitor: Visitor, told: dict[str, Any], metadata: dict[str, Any]) -> None:
    """What the library was told at registration is how the client reads, changes and ends it (RFC 7592)."""
    url, bearer = told["registration_client_uri"], {"Authorization": f"Bearer {told['registration_access_token']}"}
    with httpx.Client(headers=bearer) as http:
        assert http.get(url).json()["client_name"] == metadata["client_name"]
        changed = metadata | {"client_id": told["client_id"], "client_name": "Of another name"}
        assert http.put(url, json=changed).json()["client_name"] == "Of another name"
        log_in(party, visitor)
        assert http.delete(url).status_code == 204
        with pytest.raises(Refused) as refused:
            party.call("client_credentials", parameters={})
        assert refused.value.details["status"] == 401
        assert http.get(url).status_code == 401


def test_client_acts_for_itself(party: Any) -> None:
    client = party()
    token = client.call("client_credentials", parameters={"scope": "matters.read"})
    assert client.call("introspect", token=token["access_token"])["scope"] == "matters.read"


def test_client_signs_the_person_out(party: Any, visitor: Visitor) -> None:
    after = "http://127.0.0.1:9009/signed-out"
    client = party(post_logout_redirect_uris=[after])
    tokens = log_in(client, visitor)
    parameters = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": after, "state": "s-1"}
    url = client.call("end_session", parameters=parameters)["url"]
    assert visitor.person.open(url, stop_before=after).url == f"{after}?state=s-1"
    silent = client.call("begin", parameters={"redirect_uri": REDIRECT_URI, "scope": "openid", "prompt": "none"})
    with pytest.raises(Refused) as refused:
        client.call("finish", **visitor.answer(silent["url"]))
    assert refused.value.details["error"] == "login_required"
