"""OAuth 2.0 Multiple Response Type Encoding Practices §2.1, §3 and §5, OAuth 2.0 Form Post Response Mode §2, RFC 6749
§3.1.1: by which way an answer travels, row by row, and who may ask for what."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from joserfc.jws import extract_compact

from idp.context import Provider
from idp.domain.profile import PROFILES, in_order
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.checks.response_type import check_response_type
from idp.protocol.errors import ProtocolError
from idp.protocol.response_types import RESPONSE_TYPES
from idp.storage import clients
from tests.authorizing import asking
from tests.conftest import ISSUER
from tests.front_channel import ALL_TYPES, FRONT_CHANNEL_TYPES, Answer, FrontChannel
from tests.specs.conftest import Standing

MEMBERS = {
    "code": {"code"},
    "token": {"access_token", "token_type", "expires_in", "scope"},
    "id_token": {"id_token"},
}


def expected_names(response_type: str) -> set[str]:
    return {"state", "iss"}.union(*(MEMBERS[word] for word in response_type.split(" ")))


WAYS = [
    ("Multiple Response Types §2.1", "code", None, "query"),
    ("Multiple Response Types §2.1", "code", "query", "query"),
    ("Multiple Response Types §2.1", "code", "fragment", "fragment"),
    ("Form Post §2", "code", "form_post", "form_post"),
    *[("Multiple Response Types §5", kind, None, "fragment") for kind in FRONT_CHANNEL_TYPES],
    *[("Multiple Response Types §5", kind, "fragment", "fragment") for kind in FRONT_CHANNEL_TYPES],
    *[("Form Post §2", kind, "form_post", "form_post") for kind in FRONT_CHANNEL_TYPES],
]


@pytest.mark.parametrize(("section", "response_type", "mode", "way"), WAYS)
def test_an_answer_travels_as_asked_else_as_its_response_type_does(
    front: FrontChannel, section: str, response_type: str, mode: str | None, way: str
) -> None:
    front.client()
    answer = front.ask(response_type, response_mode=mode)
    assert answer.way == way, section
    assert answer.names == expected_names(response_type)
    assert answer["state"] == asking()["state"] and answer["iss"] == ISSUER


@pytest.mark.parametrize(("section", "response_type", "mode", "way"), WAYS)
def test_an_error_travels_the_same_way(
    front: FrontChannel, section: str, response_type: str, mode: str | None, way: str
) -> None:
    """Of a check as of the decision what to do next."""
    front.client()
    counter = {"prompt": "none", "claims": '{"id_token":{"acr":{"essential":true,"value":"urn:tongxing:loa:4"}}}'}
    for changes, error in ({"max_age": "x"}, "invalid_request"), (counter, "unmet_authentication_requirements"):
        answer = front.ask(response_type, response_mode=mode, **changes)
        assert (answer.way, answer["error"]) == (way, error), section
        assert answer.names == {"error", "error_description", "state", "iss"}


@pytest.mark.parametrize("response_type", FRONT_CHANNEL_TYPES)
def test_tokens_never_travel_in_a_query(front: FrontChannel, response_type: str) -> None:
    """Multiple Response Types §5: and the client hears it where it listens for tokens."""
    front.client()
    answer = front.ask(response_type, response_mode="query")
    assert (answer.way, answer["error"]) == ("fragment", "invalid_request")


@pytest.mark.parametrize(
    "mode", ["carrier-pigeon", "web_message", "JWT", "query ", "query.jwt.jwt", ".jwt", "jwt.query"]
)
@pytest.mark.parametrize(("response_type", "way"), [("code", "query"), ("id_token", "fragment")])
def test_an_unknown_mode_is_refused_in_the_response_types_own_way(
    front: FrontChannel, mode: str, response_type: str, way: str
) -> None:
    front.client()
    answer = front.ask(response_type, response_mode=mode)
    assert (answer.way, answer["error"]) == (way, "invalid_request")


def test_an_empty_mode_counts_as_none(front: FrontChannel) -> None:
    """RFC 6749 §3.1."""
    front.client()
    assert front.ask("id_token", response_mode="").way == "fragment"


def test_two_modes_are_one_too_many(front: FrontChannel) -> None:
    front.client()
    assert front.ask("code", response_mode=["fragment", "form_post"])["error"] == "invalid_request"


@pytest.mark.parametrize(
    "asked",
    [
        "id_token code",
        "token code",
        "token id_token code",
        "id_token token code",
        "token id_token",
        "code token id_token",
    ],
)
def test_the_order_of_words_does_not_matter(front: FrontChannel, asked: str) -> None:
    """Multiple Response Types §3, RFC 6749 §3.1.1; in the request as in the registration."""
    front.client(response_types=[" ".join(reversed(asked.split(" ")))])
    assert front.ask(asked).names == expected_names(asked)


NOT_SUPPORTED = [
    "token",
    "none",
    "code code",
    "code  id_token",
    " code",
    "code ",
    "code none",
    "code id_token id_token",
]


@pytest.mark.parametrize("asked", [*NOT_SUPPORTED, "CODE", "code,id_token", "code\u3000id_token"])
def test_other_response_types_are_not_supported(front: FrontChannel, asked: str) -> None:
    """RFC 6749 §3.1.1: even where a client registered one; ``token`` alone says nothing of who is the person."""
    front.client(response_types=[*ALL_TYPES, asked])
    assert front.ask(asked)["error"] == "unsupported_response_type"


def test_a_missing_response_type_is_answered_in_the_query_or_by_form_post(front: FrontChannel) -> None:
    """Conformance: response-type-missing, in the plain and in the form post plans."""
    front.client()
    for mode, way in (None, "query"), ("form_post", "form_post"):
        answer = front.ask(None, response_mode=mode)
        assert (answer.way, answer["error"]) == (way, "invalid_request")


@pytest.mark.parametrize("response_type", [*FRONT_CHANNEL_TYPES, "token"])
@pytest.mark.parametrize("profile", sorted(set(PROFILES) - {"legacy"}))
def test_no_other_profile_has_tokens_in_the_front_channel(
    front: FrontChannel, provider: Provider, profile: str, response_type: str
) -> None:
    """RFC 9700 §2.1.2; conformance: FAPI ensure-response-type-code-idtoken-fails, ensure-response-type-token-fails."""
    request = AuthorizationRequest((("response_type", response_type),))
    request.client = front.client(profile=profile).client
    with provider.work() as context, pytest.raises(ProtocolError) as refused:
        check_response_type(request, context)
    assert (refused.value.error, refused.value.parameter) == ("unsupported_response_type", "response_type")


@pytest.mark.parametrize("response_type", [*FRONT_CHANNEL_TYPES, "token"])
def test_an_ordinary_client_hears_so_in_the_fragment(front: FrontChannel, response_type: str) -> None:
    front.client(profile="default")
    answer = front.ask(response_type)
    assert (answer.way, answer["error"]) == ("fragment", "unsupported_response_type")


@pytest.mark.parametrize("response_type", ALL_TYPES)
def test_a_client_asks_only_for_what_it_registered(front: FrontChannel, response_type: str) -> None:
    """RFC 6749 §4.1.2.1 unauthorized_client."""
    front.client(response_types=[kind for kind in ALL_TYPES if kind != response_type])
    assert front.ask(response_type)["error"] == "unauthorized_client"


@pytest.mark.parametrize(
    ("response_type", "needed"),
    [
        ("code", {"authorization_code"}),
        ("id_token", {"implicit"}),
        ("id_token token", {"implicit"}),
        ("code id_token", {"authorization_code", "implicit"}),
        ("code token", {"authorization_code", "implicit"}),
        ("code id_token token", {"authorization_code", "implicit"}),
    ],
)
def test_a_response_type_needs_its_grant_types(front: FrontChannel, response_type: str, needed: set[str]) -> None:
    """OpenID Connect Registration §2: the correspondence of response_types and grant_types."""
    assert RESPONSE_TYPES[response_type] == needed
    front.client(grant_types=sorted(needed))
    assert "error" not in front.ask(response_type).names
    for missing in needed:
        front.client("poor", grant_types=sorted({"authorization_code", "implicit", "refresh_token"} - {missing}))
        assert front.ask(response_type, "poor")["error"] == "unauthorized_client"


@pytest.mark.parametrize("wish", ["dpop_bound_access_tokens", "tls_client_certificate_bound_access_tokens"])
def test_no_unbound_token_is_made_for_a_client_that_wants_bound_ones(front: FrontChannel, wish: str) -> None:
    """RFC 9449 §5.2, RFC 8705 §3.4: nothing in the front channel can be bound."""
    front.client(**{wish: True})
    for response_type in ("id_token token", "code token", "code id_token token"):
        assert front.ask(response_type)["error"] == "unauthorized_client"
    assert "id_token" in front.ask("code id_token").names


def test_no_unsigned_id_token_travels_in_the_front_channel(front: FrontChannel) -> None:
    """OpenID Connect Core §2."""
    front.client(id_token_signed_response_alg="none")
    for response_type in ("id_token", "id_token token", "code id_token", "code id_token token"):
        assert front.ask(response_type)["error"] == "unauthorized_client"
    assert "code" in front.ask("code token").names


# --- any combination ------------------------------------------------------------------------------------------------

words = some.lists(some.sampled_from(["code", "id_token", "token", "none", ""]), max_size=4).map(" ".join)
modes = some.sampled_from(
    ["query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt", "web_message", ""]
)
metadata = some.fixed_dictionaries(
    {
        "profile": some.sampled_from(["default", "legacy", "legacy"]),
        "response_types": some.lists(some.sampled_from([*ALL_TYPES, "token id_token", "token"]), max_size=6),
        "grant_types": some.lists(some.sampled_from(["authorization_code", "implicit", "refresh_token"]), max_size=3),
    },
    optional={
        "id_token_signed_response_alg": some.sampled_from(["none", "ES256", "RS256", "HS256"]),
        "id_token_encrypted_response_alg": some.sampled_from(["RSA-OAEP", "RSA1_5"]),
        "authorization_signed_response_alg": some.sampled_from(["PS256", "EdDSA", "HS512"]),
        "authorization_encrypted_response_alg": some.sampled_from(["ECDH-ES"]),
        "dpop_bound_access_tokens": some.booleans(),
        "subject_type": some.sampled_from(["pairwise", "public"]),
        "token_endpoint_auth_method": some.sampled_from(["none", "client_secret_basic"]),
    },
)


def _refusal(document: dict[str, Any], response_type: str, mode: str, nonce: str | None) -> set[str]:
    """The errors that may answer such a request; none where it must be granted."""
    parts = set(response_type.split(" "))
    in_front, canonical = bool(parts & {"token", "id_token"}), in_order(response_type)
    if not response_type or mode == "web_message" or (mode in ("query", "query.jwt") and in_front):
        return {"invalid_request"}
    if canonical not in RESPONSE_TYPES or canonical not in PROFILES[document["profile"]].response_types:
        return {"unsupported_response_type"}
    registered = {in_order(item) for item in document["response_types"]}
    is_registered = canonical in registered and set(document["grant_types"]) >= RESPONSE_TYPES[canonical]
    is_bound = "token" in parts and document.get("dpop_bound_access_tokens")
    is_unsigned = "id_token" in parts and document.get("id_token_signed_response_alg") == "none"
    if not is_registered or is_bound or is_unsigned:
        return {"unauthorized_client"}
    if "id_token" in parts:
        unusable = document.get("id_token_signed_response_alg") == "HS256"
        if nonce is None or unusable or document.get("id_token_encrypted_response_alg"):
            return {"invalid_request"}
    return set()


@given(words, modes, metadata, some.sampled_from([None, "n"]))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_combination_is_answered_rightly_or_by_the_specified_error_in_the_right_channel(
    standing: Standing, response_type: str, mode: str, document: dict[str, Any], nonce: str | None
) -> None:
    registration = {"redirect_uris": ["http://127.0.0.1:9009/callback"], "scope": "openid profile"} | document
    with standing.provider.work() as context:
        clients.put(context.db, "any", registration, context.now, is_first_party=True)
    standing.provider.client_cache.clear()
    query = asking("any", response_type=response_type, response_mode=mode, nonce=nonce)
    response = standing.http.get("/authorize", query_string=query)
    parts = set(response_type.split(" "))
    in_front = bool(parts & {"token", "id_token"})
    if response.status_code == 400:  # not even an error could be written as the client registered it
        keys = ("authorization_encrypted_response_alg", "authorization_signed_response_alg")
        assert "jwt" in mode and any(document.get(key) in ("ECDH-ES", "HS512") for key in keys)
        return
    answer = Answer.of(response)
    way, _, _ = mode.partition(".")
    is_named = way in ("query", "fragment", "form_post") and not (way == "query" and in_front)
    assert answer.way == (way if is_named else "fragment" if in_front else "query")
    told: dict[str, Any] = {name: answer[name] for name in answer.names}
    if mode.endswith("jwt"):
        assert answer.names == {"response"}
        told = _claims_of(answer["response"])
        assert told.pop("aud") == "any" and told.pop("exp")
    refusal = _refusal(document, response_type, mode, nonce)
    if refusal:
        assert told["error"] in refusal
        assert set(told) == {"error", "error_description", "state", "iss"}
    else:
        assert set(told) == expected_names(response_type)


def _claims_of(token: str) -> dict[str, Any]:
    claims = dict(json.loads(extract_compact(token.encode()).payload))
    claims.pop("session_state", None)
    return claims
