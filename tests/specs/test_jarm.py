"""JWT Secured Authorization Response Mode for OAuth 2.0 (JARM): the JWT (§2.1), signing and encryption (§2.2), the
modes (§2.3), the client's metadata (§3), ours (§4); FAPI 2.0 Message Signing §5.4."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from idp.context import Provider
from idp.domain.client import Client
from idp.protocol import jarm
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.checks.response_mode import check_response_mode, mode_of_answer
from idp.protocol.client_jwts import Kind, UnusableRegistration, signing_algorithm
from idp.protocol.errors import ProtocolError
from idp.storage import grants
from tests.authorizing import asking, text_of
from tests.clock import Clock
from tests.conftest import ISSUER
from tests.front_channel import ALL_TYPES, FRONT_CHANNEL_TYPES, FrontChannel, Recipient
from tests.statements import counted

NOW = 1_800_000_000


# --- §2.1: the JWT --------------------------------------------------------------------------------------------------


def test_the_response_is_one_signed_jwt_with_its_issuer_audience_and_a_short_life(
    front: FrontChannel, clock: Clock
) -> None:
    front.client()
    answer = front.ask("code", response_mode="jwt")
    assert answer.names == {"response"}
    token = front.side.read(answer["response"])
    assert set(token.header) == {"alg", "kid", "typ"}
    claims = front.told(answer["response"])
    assert claims.pop("code")
    expires_in = claims.pop("exp") - int(clock().timestamp())
    assert 60 <= expires_in <= 600, "conformance: ValidateJARMExpRecommendations"
    assert claims == {"iss": ISSUER, "aud": "client", "state": asking()["state"]}


def test_its_code_is_redeemed_like_any_other(front: FrontChannel) -> None:
    caller = front.client()
    claims = front.told(front.ask("code", response_mode="jwt")["response"])
    response = caller.token(
        "authorization_code",
        code=claims["code"],
        redirect_uri=asking()["redirect_uri"],
        code_verifier="a-code-verifier-of-sufficient-length-0123456789",
    )
    assert response.status_code == 200, response.text


def test_without_state_there_is_none(front: FrontChannel) -> None:
    front.client()
    assert "state" not in front.told(front.ask("code", response_mode="jwt", state=None)["response"])


def test_an_error_is_signed_too(front: FrontChannel) -> None:
    front.client()
    for changes, error in ({"max_age": "x"}, "invalid_request"), ({"scope": "x"}, "invalid_scope"):
        answer = front.ask("code", response_mode="jwt", **changes)
        assert answer.names == {"response"}
        claims = front.told(answer["response"])
        assert claims["error"] == error and claims["iss"] == ISSUER and claims["aud"] == "client"
        assert set(claims) == {"iss", "aud", "exp", "error", "error_description", "state"}


@pytest.mark.parametrize("response_type", ALL_TYPES)
def test_every_parameter_of_the_response_type_is_in_it(front: FrontChannel, response_type: str) -> None:
    front.client()
    plain = front.ask(response_type)
    claims = front.told(front.ask(response_type, response_mode="jwt")["response"])
    assert set(claims) == plain.names | {"aud", "exp"}


# --- §2.2: signing and encryption -----------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_it_is_signed_by_the_registered_algorithm_and_names_its_key(front: FrontChannel, alg: str) -> None:
    front.client(authorization_signed_response_alg=alg)
    token = front.side.read(front.ask("code", response_mode="jwt")["response"], alg)
    published = {key["kid"]: key["alg"] for key in front.side.http.get("/jwks").json["keys"]}
    assert published[token.header["kid"]] == alg == token.header["alg"]


def test_without_a_registered_algorithm_it_is_rs256(front: FrontChannel) -> None:
    """§3."""
    front.client()
    assert front.side.read(front.ask("code", response_mode="jwt")["response"], "RS256").header["alg"] == "RS256"


@pytest.mark.parametrize("kind", list(Kind))
def test_a_fapi_client_never_gets_rs256(provider: Provider, kind: Kind) -> None:
    """FAPI 2.0 Security Profile §5.4.1; conformance: FAPI2ValidateJarmSigningAlg, for every kind of JWT."""
    for profile in ("fapi2", "fapi2-signing"):
        assert signing_algorithm(provider.settings, Client("client", {"profile": profile}), kind) == "PS256"
        for alg in ("PS256", "ES256", "EdDSA"):
            client = Client("client", {"profile": profile, f"{kind}_signed_response_alg": alg})
            assert signing_algorithm(provider.settings, client, kind) == alg
        weak = Client("client", {"profile": profile, f"{kind}_signed_response_alg": "RS256"})
        with pytest.raises(UnusableRegistration):
            signing_algorithm(provider.settings, weak, kind)


def test_it_is_never_unsigned(front: FrontChannel) -> None:
    front.client(authorization_signed_response_alg="none")
    assert front.side.read(front.ask("code", response_mode="jwt")["response"]).header["alg"] == "RS256"


@pytest.mark.parametrize("alg", ["HS256", "RS512", "nonsense"])
def test_an_algorithm_that_is_not_to_be_had_is_told_to_the_person(front: FrontChannel, alg: str) -> None:
    front.client(authorization_signed_response_alg=alg)
    response = front.request(response_mode="jwt")
    assert response.status_code == 400 and "Location" not in response.headers
    assert text_of(response, "error-code") == "invalid_request"


@pytest.mark.parametrize("alg", ["RSA-OAEP-256", "RSA-OAEP", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"])
def test_it_is_signed_then_encrypted_where_the_client_registered_so(front: FrontChannel, alg: str) -> None:
    recipient = Recipient.new(alg)
    front.client(authorization_encrypted_response_alg=alg, jwks=recipient.jwks)
    header, inside = recipient.open(front.ask("code", response_mode="jwt")["response"])
    assert (header["alg"], header["enc"], header["cty"]) == (alg, "A128CBC-HS256", "JWT"), "§3: the default of enc"
    assert header["kid"] == recipient.kid
    assert set(front.told(inside)) == {"iss", "aud", "exp", "code", "state"}


@pytest.mark.parametrize("enc", ["A256GCM", "A128GCM", "A128CBC-HS256", "A256CBC-HS512"])
def test_errors_are_encrypted_as_well(front: FrontChannel, enc: str) -> None:
    recipient = Recipient.new()
    front.client(
        authorization_encrypted_response_alg="ECDH-ES",
        authorization_encrypted_response_enc=enc,
        jwks=recipient.jwks,
    )
    header, inside = recipient.open(front.ask("code", response_mode="jwt", max_age="x")["response"])
    assert header["enc"] == enc
    assert front.told(inside)["error"] == "invalid_request"


def test_plain_modes_stay_plain(front: FrontChannel) -> None:
    front.client(authorization_encrypted_response_alg="ECDH-ES", jwks=Recipient.new().jwks)
    assert "code" in front.ask("code").names


UNUSABLE: list[dict[str, Any]] = [
    {},
    {"jwks": {"keys": []}},
    {"jwks": Recipient.new("RSA-OAEP").jwks},  # of another type
    {"jwks": Recipient.new(use="sig").jwks},
    {"jwks": {"keys": [Recipient.new().jwk | {"x": "AA"}]}},
    {"jwks": {"keys": [Recipient.new().jwk | {"crv": "P-999"}]}},
    {"jwks": Recipient.new().jwks, "authorization_encrypted_response_enc": "A128CTR"},
]


@pytest.mark.parametrize("metadata", UNUSABLE, ids=range(len(UNUSABLE)))
@pytest.mark.parametrize("changes", [{}, {"max_age": "x"}])
def test_without_a_usable_key_nothing_is_sent_and_the_person_is_told(
    front: FrontChannel, metadata: dict[str, Any], changes: dict[str, Any]
) -> None:
    """Never in clear, never a server error."""
    front.client(authorization_encrypted_response_alg="ECDH-ES", **metadata)
    response = front.request(response_mode="jwt", **changes)
    assert response.status_code == 400 and "Location" not in response.headers
    assert text_of(response, "error-code") == "invalid_request"


def test_a_missing_key_is_noticed_before_the_person_is_asked_anything(front: FrontChannel, provider: Provider) -> None:
    front.client(authorization_encrypted_response_alg="ECDH-ES")
    with counted(provider.engine, provider.alone) as seen:
        front.request(response_mode="jwt", prompt="login")
    assert not any(text.startswith("INSERT") for text in seen.texts)


def test_the_key_may_be_published_at_the_clients_own_address(
    front: FrontChannel, provider: Provider, serve_keys: Callable[[dict[str, Any]], None]
) -> None:
    recipient = Recipient.new(use=None)
    serve_keys(recipient.jwks)
    front.client(authorization_encrypted_response_alg="ECDH-ES", jwks_uri="https://client.example/jwks")
    _, inside = recipient.open(front.ask("code", response_mode="jwt")["response"])
    assert "code" in front.told(inside)


def test_a_key_made_for_encryption_goes_before_one_for_anything(front: FrontChannel) -> None:
    anything, made_for_it = Recipient.new(use=None, kid="any"), Recipient.new(kid="enc")
    front.client(authorization_encrypted_response_alg="ECDH-ES", jwks={"keys": [anything.jwk, made_for_it.jwk]})
    header, _ = made_for_it.open(front.ask("code", response_mode="jwt")["response"])
    assert header["kid"] == "enc"


# --- §2.3: the modes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "response_type", "mode", "way"),
    [
        ("§2.3.4", "code", "jwt", "query"),
        *[("§2.3.4", kind, "jwt", "fragment") for kind in FRONT_CHANNEL_TYPES],
        ("§2.3.1", "code", "query.jwt", "query"),
        *[("§2.3.2", kind, "fragment.jwt", "fragment") for kind in ALL_TYPES],
        *[("§2.3.3", kind, "form_post.jwt", "form_post") for kind in ALL_TYPES],
    ],
)
def test_the_jwt_travels_as_asked_and_so_does_an_error(
    front: FrontChannel, section: str, response_type: str, mode: str, way: str
) -> None:
    front.client()
    for changes in {}, {"max_age": "x"}:
        answer = front.ask(response_type, response_mode=mode, **changes)
        assert (answer.way, answer.names) == (way, {"response"}), section
        assert ("error" in front.told(answer["response"])) is bool(changes)


@pytest.mark.parametrize("response_type", FRONT_CHANNEL_TYPES)
def test_readable_tokens_are_not_put_into_a_query(front: FrontChannel, response_type: str) -> None:
    """§2.3.1: unless the JWT is encrypted."""
    front.client()
    answer = front.ask(response_type, response_mode="query.jwt")
    assert answer.way == "fragment"
    assert front.told(answer["response"])["error"] == "invalid_request"
    recipient = Recipient.new()
    front.client("hidden", authorization_encrypted_response_alg="ECDH-ES", jwks=recipient.jwks)
    answer = front.ask(response_type, "hidden", response_mode="query.jwt")
    assert answer.way == "query"
    assert "error" not in front.told(recipient.open(answer["response"])[1])


# --- FAPI 2.0 Message Signing §5.4: who must be answered so ---------------------------------------------------------


def request_of(profile: str, **parameters: str) -> AuthorizationRequest:
    request = AuthorizationRequest(tuple(({"response_type": "code"} | parameters).items()))
    request.client = Client("client", {"profile": profile})
    return request


@pytest.mark.parametrize("mode", [None, "query", "fragment", "form_post"])
def test_a_message_signing_client_gets_no_plain_answer(provider: Provider, mode: str | None) -> None:
    request = request_of("fapi2-signing", **({"response_mode": mode} if mode else {}))
    with provider.work() as context, pytest.raises(ProtocolError) as refused:
        check_response_mode(request, context)
    assert (refused.value.error, refused.value.parameter) == ("invalid_request", "response_mode")


@pytest.mark.parametrize("mode", ["jwt", "query.jwt", "fragment.jwt", "form_post.jwt"])
def test_a_message_signing_client_may_choose_the_way(provider: Provider, mode: str) -> None:
    request = request_of("fapi2-signing", response_mode=mode)
    with provider.work() as context:
        check_response_mode(request, context)
    assert mode_of_answer(request) == ("query.jwt" if mode == "jwt" else mode)


def test_even_the_refusal_to_a_message_signing_client_is_signed() -> None:
    assert mode_of_answer(request_of("fapi2-signing")) == "query.jwt"
    assert mode_of_answer(request_of("fapi2-signing", response_mode="web_message")) == "query.jwt"
    assert mode_of_answer(request_of("fapi2")) == "query"


# --- §4: metadata ---------------------------------------------------------------------------------------------------


def test_discovery_says_so(http: FlaskClient, provider: Provider) -> None:
    document = http.get("/.well-known/openid-configuration").json
    assert {"jwt", "query.jwt", "fragment.jwt", "form_post.jwt"} <= set(document["response_modes_supported"])
    assert document["authorization_signing_alg_values_supported"] == list(provider.settings.key_algorithms)
    assert "none" not in document["authorization_signing_alg_values_supported"]
    assert "RSA-OAEP-256" in document["authorization_encryption_alg_values_supported"]
    assert "A256GCM" in document["authorization_encryption_enc_values_supported"]
    assert jarm.server_metadata(provider.settings).items() <= document.items()


def test_a_signed_answer_costs_no_statement_more(front: FrontChannel, provider: Provider) -> None:
    front.client()
    front.ask("code")
    counts = []
    for mode in "query", "jwt":
        with counted(provider.engine, provider.alone) as seen:
            front.ask("code", response_mode=mode)
        counts.append(len(seen))
    assert counts == [2, 2]


def test_no_grant_is_stored_for_an_answer_that_cannot_be_written(front: FrontChannel, provider: Provider) -> None:
    for number, metadata in enumerate(UNUSABLE):
        front.client(f"client{number}", authorization_encrypted_response_alg="ECDH-ES", **metadata)
        assert front.request(f"client{number}", response_mode="jwt").status_code == 400
    with provider.open_db() as db:
        assert grants.revoke_of_account(db, front.person.id, "test", provider.clock()) == 0


@pytest.fixture
def serve_keys(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], None]:
    """Lets every client's jwks_uri answer with this set."""
    from idp.outbound import Answer

    def serve(document: dict[str, Any]) -> None:
        outbound = provider.parts["outbound"]
        monkeypatch.setattr(outbound, "get", lambda *_: Answer(200, {}, json.dumps(document).encode()))

    return serve
