"""OpenID Connect Dynamic Client Registration 1.0: every field, and what its modules of certification look at."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from idp.app import create_app
from idp.config import Settings
from idp.context import Provider
from idp.domain.opening import Opening
from idp.domain.profile import PROFILES
from idp.protocol.client_metadata import FIELDS, OPERATOR, Policy, check_profile, validate
from idp.protocol.client_metadata.policy import STRICTNESS
from idp.protocol.errors import ProtocolError
from idp.storage import clients, consents, initial_access_tokens
from tests import schema
from tests.assertions import AssertionKey
from tests.authorizing import REDIRECT_URI as CALLBACK
from tests.authorizing import VERIFIER, answer, asking, csrf_token, hidden, page
from tests.certificates import Authority
from tests.conftest import PASSWORD, IssuerClient
from tests.proofs import encoded
from tests.registering import GOOD, REDIRECT_URI, error_of, post, registered
from tests.token_side import basic

ISSUER = "https://op.example"
META, URI = "invalid_client_metadata", "invalid_redirect_uri"
SIGNING = AssertionKey.new("ES256")
RSA = AssertionKey.new("RS256")
ENCRYPTING = {name: value for name, value in RSA.public_jwk.items() if name not in {"use", "alg"}}
KEYS = {"keys": [SIGNING.public_jwk, ENCRYPTING | {"kid": "enc", "use": "enc"}]}
PRIVATE = dict(SIGNING.key.as_dict(private=True))
ONE_KEY = {"keys": [SIGNING.public_jwk]}
LONG = "https://rp.example/" + "x" * 2040
BY_KEY = {"token_endpoint_auth_method": "private_key_jwt", "jwks": ONE_KEY}


@pytest.fixture(scope="module")
def registry(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A provider with open registration for a whole table, and a token for clients of profile legacy in its headers."""
    path = tmp_path_factory.mktemp("registry") / "idp.sqlite3"
    shutil.copy(sqlite_template, path)
    bundle = path.with_name("authorities.pem")
    bundle.write_text(Authority.new("CN=Root").pem)
    settings = Settings(
        issuer=ISSUER,
        database_url=f"sqlite:///{path}",
        master_key=schema.MASTER_KEY,
        registration="open",
        registration_limit=10_000,
        trusted_proxies=1,
        mtls_url="https://mtls.op.example",
        client_ca_bundle=str(bundle),
        worker="none",
    )
    app = create_app(settings)
    app.test_client_class = IssuerClient
    provider: Provider = app.extensions["tongxing"]
    schema.load_keys(provider)
    yield app.test_client()
    provider.engine.dispose()
    provider.alone.dispose()


@pytest.fixture(scope="module")
def lenient(registry: FlaskClient) -> str:
    """A token that carries what certification needs."""
    policy = Policy(profile="legacy", openings=tuple(Opening)).as_document()
    provider: Provider = registry.application.extensions["tongxing"]
    with provider.work() as context:
        return initial_access_tokens.add(context.db, label="legacy", policy=policy, now=context.now)[1]


def texts(name: str) -> list[tuple[str, dict[str, Any], str]]:
    """What no text may be."""
    error = FIELDS[name].error
    return [(f"{name} {value!r:.20}", {name: value}, error) for value in ("", 7, [], {}, True, "a\nb", "a\u202eb")]


def flags(name: str) -> list[tuple[str, dict[str, Any], str]]:
    return [(f"{name} {value!r}", {name: value}, META) for value in ("true", 1, [], {})]


def uris(name: str) -> list[tuple[str, dict[str, Any], str]]:
    wrong = (
        "",
        "/relative",
        "rp.example",
        "https://",
        "https:///p",
        "https://u@rp.example/",
        "https://rp.example:0/",
        7,
    )
    wrong += ("https://rp.example:99999/", "https://[::1/", "https://rp.example/a b", "https://rp.example/%zz", LONG)  # type: ignore[assignment]
    wrong += (
        "https://rp.example/\u00e9",
        "https://a#b#c",
        "https://rp.example/\\x",
        [],
        "https://-/",
        "https://a_.b./",
    )  # type: ignore[assignment]
    error = FIELDS[name].error
    return [(f"{name} {value!r:.30}", {name: [value] if name.endswith("uris") else value}, error) for value in wrong]


def only_https(name: str) -> list[tuple[str, dict[str, Any], str]]:
    wrong = ("http://rp.example/", "ftp://rp.example/", "javascript:alert(1)", "data:text/html,x")
    return [
        (f"{name} {value}", {name: [value] if name.endswith("uris") else value}, FIELDS[name].error) for value in wrong
    ]


def words(name: str, *more: Any) -> list[tuple[str, dict[str, Any], str]]:
    return [(f"{name} {value!r:.20}", {name: value}, META) for value in ("unknown", "", 7, [], True, *more)]


def subjects(name: str, *wrong: str) -> list[tuple[str, dict[str, Any], str]]:
    return [(f"{name} {value}", {name: value}, META) for value in wrong]


def numbers(name: str, *more: Any) -> list[tuple[str, dict[str, Any], str]]:
    return [(f"{name} {value!r:.20}", {name: value}, META) for value in (-1, 1.5, "1", True, [], 2**31, *more)]


def lists(name: str) -> list[tuple[str, dict[str, Any], str]]:
    wrong = ("x", 7, {}, [7], [[]], [None], ["x"] * 51)
    return [(f"{name} {value!r:.20}", {name: value}, FIELDS[name].error) for value in wrong]


MORE_NAMES = "emailAddress=rp@rp.example,serialNumber=7,CN=rp"
WRONG: list[tuple[str, dict[str, Any], str]] = [
    # redirect URIs: RFC 7591 §2, RFC 6749 §3.1.2, RFC 8252 §7, Registration §2 (application_type)
    *uris("redirect_uris"),
    *only_https("redirect_uris"),
    *lists("redirect_uris"),
    ("none at all", {"redirect_uris": None}, URI),
    ("an empty list", {"redirect_uris": []}, URI),
    ("51 of them", {"redirect_uris": [f"https://rp.example/{number}" for number in range(51)]}, URI),
    ("a fragment", {"redirect_uris": [REDIRECT_URI + "#frag"]}, URI),  # oidcc-redirect-uri-regfrag
    ("an empty fragment", {"redirect_uris": [REDIRECT_URI + "#"]}, URI),
    ("a private-use scheme on the web", {"redirect_uris": ["com.example.app:/cb"]}, URI),
    ("loopback on the web", {"redirect_uris": ["http://127.0.0.1/cb"]}, URI),
    ("plain http of an application", {"redirect_uris": ["http://rp.example/"], "application_type": "native"}, URI),
    ("a scheme without a dot", {"redirect_uris": ["myapp:/cb"], "application_type": "native"}, URI),
    ("a script", {"redirect_uris": ["javascript:alert(1)"], "application_type": "native"}, URI),
    # client information for people
    *[row for name in ("client_name", "software_id", "software_version") for row in texts(name)],
    *[row for name in ("client_uri", "policy_uri", "tos_uri", "logo_uri") for row in uris(name)],
    *[(f"{name} script", {name: "javascript:alert(1)"}, META) for name in ("client_uri", "policy_uri", "tos_uri")],
    *only_https("logo_uri"),
    ("a language tag that is none", {"client_name#z": "x"}, META),
    ("a language tag with a blank", {"client_name#zh CN": "x"}, META),
    ("an empty language tag", {"client_name#": "x"}, META),
    ("an empty name in a language", {"client_name#zh": ""}, META),
    *lists("contacts"),
    # grants, response types, scope
    *words("application_type"),
    *[row for name in ("grant_types", "response_types") for row in lists(name)],
    ("no grant type", {"grant_types": []}, META),
    ("the password grant", {"grant_types": ["password"]}, META),
    ("token alone", {"response_types": ["token"]}, META),
    ("code without its grant", {"grant_types": ["client_credentials"], "response_types": ["code"]}, META),
    ("implicit without its response type", {"grant_types": ["authorization_code", "implicit"]}, META),
    ("a code grant without response type", {"response_types": []}, META),
    ("front channel", {"response_types": ["code id_token"]}, META),
    ("a public client for itself", {"token_endpoint_auth_method": "none", "grant_types": ["client_credentials"]}, META),
    *[
        (f"scope {value!r}", {"scope": value}, META)
        for value in ("", " ", "a  b", 'a"b', "a\\b", 7, [], "ä", "a" * 2001)
    ],
    # the request
    *numbers("default_max_age"),
    *flags("require_auth_time"),
    *lists("default_acr_values"),
    *uris("initiate_login_uri"),
    *only_https("initiate_login_uri"),  # oidcc-3rd_party-init-login-nohttps
    ("initiate_login_uri with a fragment", {"initiate_login_uri": "https://rp.example/#a"}, META),
    *flags("require_pushed_authorization_requests"),
    *flags("require_signed_request_object"),
    *uris("request_uris"),
    *only_https("request_uris"),
    *lists("request_uris"),
    *words("request_object_signing_alg", "HS256", "none"),
    *words("request_object_encryption_alg", "RSA1_5", "dir"),
    *words("request_object_encryption_enc"),
    ("request enc without alg", {"request_object_encryption_enc": "A128GCM"}, META),
    # authentication: Core §9, RFC 7591 §2, RFC 8705 §2
    *words("token_endpoint_auth_method"),
    *words("token_endpoint_auth_signing_alg", "none", "HS512"),
    ("private_key_jwt without keys", {"token_endpoint_auth_method": "private_key_jwt"}, META),
    ("self-signed without keys", {"token_endpoint_auth_method": "self_signed_tls_client_auth"}, META),
    ("tls_client_auth without a subject", {"token_endpoint_auth_method": "tls_client_auth"}, META),
    (
        "tls_client_auth with two subjects",
        {
            "token_endpoint_auth_method": "tls_client_auth",
            "tls_client_auth_san_dns": "rp.example",
            "tls_client_auth_subject_dn": "CN=rp",
        },
        META,
    ),
    *[row for name in ("tls_client_auth_subject_dn", "tls_client_auth_san_dns") for row in texts(name)],
    *subjects("tls_client_auth_subject_dn", "rp.example", "XY=rp", "CN=a,", "C=three"),
    *subjects("tls_client_auth_san_dns", "*.rp.example", "rp example", "-rp.example", "rp..example"),
    *words("tls_client_auth_san_uri", "https://a b"),
    *words("tls_client_auth_san_ip", "1.2.3"),
    *words("tls_client_auth_san_email", "@", "a@"),
    ("HS256 with a key", BY_KEY | {"token_endpoint_auth_signing_alg": "HS256"}, META),
    ("a key of another kind", BY_KEY | {"token_endpoint_auth_signing_alg": "RS256"}, META),
    (
        "RS256 with a secret",
        {"token_endpoint_auth_method": "client_secret_jwt", "token_endpoint_auth_signing_alg": "RS256"},
        META,
    ),
    # keys: RFC 7591 §2, RFC 7517
    *[(f"jwks {value!r:.40}", {"jwks": value}, META) for value in ("x", 7, [], {}, {"keys": 7}, {"keys": []})],
    ("a key that is none", {"jwks": {"keys": [7]}}, META),
    ("a key without type", {"jwks": {"keys": [{"kid": "a"}]}}, META),
    ("a key of an unknown type alone", {"jwks": {"keys": [{"kty": "AKP", "pub": "x"}]}}, META),
    ("a private key", {"jwks": {"keys": [PRIVATE]}}, META),
    ("a symmetric key", {"jwks": {"keys": [{"kty": "oct", "k": "AAAA"}]}}, META),
    ("a small RSA key", {"jwks": {"keys": [{"kty": "RSA", "n": "AQAB" * 32, "e": "AQAB"}]}}, META),
    (
        "a small RSA key written long",
        {"jwks": {"keys": [{"kty": "RSA", "n": encoded(bytes(128) + b"\xff" * 128), "e": "AQAB"}]}},
        META,
    ),
    ("a malformed key", {"jwks": {"keys": [{"kty": "EC", "crv": "P-256", "x": "!", "y": 7}]}}, META),
    ("a point off the curve", {"jwks": {"keys": [SIGNING.public_jwk | {"x": "A" * 43}]}}, META),
    ("an unknown curve", {"jwks": {"keys": [SIGNING.public_jwk | {"crv": "P-0"}]}}, META),
    ("a kid that is no text", {"jwks": {"keys": [SIGNING.public_jwk | {"kid": 7}]}}, META),
    ("key_ops that are no list", {"jwks": {"keys": [SIGNING.public_jwk | {"key_ops": "verify"}]}}, META),
    ("21 keys", {"jwks": {"keys": [SIGNING.public_jwk] * 21}}, META),
    ("jwks and jwks_uri", {"jwks": ONE_KEY, "jwks_uri": "https://rp.example/jwks"}, META),
    *uris("jwks_uri"),
    *only_https("jwks_uri"),
    # our answers
    *[row for name in FIELDS if name.endswith("signed_response_alg") for row in words(name, "none", "HS256", "RS512")],
    *[row for name in FIELDS if name.endswith("encrypted_response_alg") for row in words(name, "RSA1_5", "dir")],
    *[row for name in FIELDS if name.endswith("encrypted_response_enc") for row in words(name)],
    *[(f"{name} alone", {name: "A128GCM"}, META) for name in FIELDS if name.endswith("encrypted_response_enc")],
    *[(f"{name} no key", {name: "RSA-OAEP"}, META) for name in FIELDS if name.endswith("encrypted_response_alg")],
    ("encryption to a signing key", {"id_token_encrypted_response_alg": "ECDH-ES", "jwks": ONE_KEY}, META),
    # sectors: Registration §5
    *words("subject_type"),
    *uris("sector_identifier_uri"),
    *only_https("sector_identifier_uri"),
    (
        "pairwise over two hosts",
        {"subject_type": "pairwise", "redirect_uris": ["https://a.example/", "https://b.example/"]},
        META,
    ),
    (
        "pairwise without a host",
        {"subject_type": "pairwise", "redirect_uris": ["com.example.app:/cb"], "application_type": "native"},
        META,
    ),
    # logout
    *[
        row
        for name in ("backchannel_logout_uri", "frontchannel_logout_uri")
        for row in (*uris(name), *only_https(name))
    ],
    *[row for name in FIELDS if name.endswith("session_required") for row in flags(name)],
    *uris("post_logout_redirect_uris"),
    *only_https("post_logout_redirect_uris"),
    *lists("post_logout_redirect_uris"),
    ("a logout page of another origin", {"frontchannel_logout_uri": "https://other.example/out"}, META),
    ("a logout page on another port", {"frontchannel_logout_uri": "https://rp.example:8443/out"}, META),
    ("a logout address with fragment", {"backchannel_logout_uri": "https://rp.example/#a"}, META),
    # proof of possession
    *flags("dpop_bound_access_tokens"),
    *flags("tls_client_certificate_bound_access_tokens"),
    # ours
    *words("profile", "legacy"),
    *lists("openings"),
    *numbers("minimum_level", 5),
    *[row for name in FIELDS if name.endswith("_lifetime") for row in numbers(name, 0)],
    ("a longer access token", {"access_token_lifetime": 601}, META),
    # profiles: FAPI 2.0 Security Profile §5.3.2.1
    ("fapi2 by secret", {"profile": "fapi2"}, META),
    ("fapi2 without binding", BY_KEY | {"profile": "fapi2"}, META),
    (
        "fapi2 with RS256",
        BY_KEY | {"profile": "fapi2", "dpop_bound_access_tokens": True, "id_token_signed_response_alg": "RS256"},
        META,
    ),
    (
        "fapi2 without PAR",
        BY_KEY | {"profile": "fapi2", "dpop_bound_access_tokens": True, "require_pushed_authorization_requests": False},
        META,
    ),
    (
        "fapi2-signing unsigned",
        BY_KEY | {"profile": "fapi2-signing", "dpop_bound_access_tokens": True, "require_signed_request_object": False},
        META,
    ),
]


@pytest.mark.parametrize(("document", "error"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_every_wrong_value_has_its_error(registry: FlaskClient, document: dict[str, Any], error: str) -> None:
    assert error_of(post(registry, GOOD | document)) == error


GOOD_VALUES: list[tuple[str, dict[str, Any]]] = [
    ("a query", {"redirect_uris": [REDIRECT_URI + "?dummy1=lorem&dummy2=ipsum"]}),
    ("IPv6", {"redirect_uris": ["https://[2001:db8::1]:8443/cb"]}),
    ("loopback", {"redirect_uris": ["http://127.0.0.1/cb", "http://[::1]/cb"], "application_type": "native"}),
    ("localhost", {"redirect_uris": ["http://localhost:8080/cb"], "application_type": "native"}),
    ("private use", {"redirect_uris": ["com.example.app:/cb"], "application_type": "native"}),
    ("no browser at all", {"redirect_uris": None, "grant_types": ["client_credentials"]}),
    ("contacts", {"contacts": ["a@rp.example", "https://rp.example/help"]}),
    ("max age", {"default_max_age": 0, "require_auth_time": True}),
    ("acr", {"default_acr_values": ["urn:tongxing:loa:2"]}),
    ("request uris", {"request_uris": ["https://rp.example/request#sha256"]}),
    ("DN", {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=rp,O=a b,C=CN"}),
    ("IP", {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_ip": "::1"}),
    ("DN of RFC 5280", {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": MORE_NAMES}),
    ("DNS", {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "rp.example"}),
    ("URI", {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_uri": "urn:rp:7"}),
    ("mail", {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_email": "a@b"}),
    ("self-signed", {"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": ONE_KEY}),
    ("private key", BY_KEY | {"token_endpoint_auth_signing_alg": "ES256"}),
    ("keys elsewhere", {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://rp.example/jwks"}),
    ("keys with a secret", {"jwks": ONE_KEY}),  # the suite sends its keys whatever the method
    ("one pairwise host", {"subject_type": "pairwise", "redirect_uris": ["https://a.example/", "https://a.example/b"]}),
    (
        "encrypted",
        {"id_token_encrypted_response_alg": "RSA-OAEP", "id_token_encrypted_response_enc": "A256GCM", "jwks": KEYS},
    ),
    ("signed userinfo", {"userinfo_signed_response_alg": "RS256"}),
    ("JARM", {"authorization_signed_response_alg": "PS256"}),
    ("introspection", {"introspection_signed_response_alg": "ES256"}),
    ("logout", {"backchannel_logout_uri": "https://rp.example/out", "backchannel_logout_session_required": True}),
    ("front logout", {"frontchannel_logout_uri": "https://rp.example/out?a=b"}),
    ("after logout", {"post_logout_redirect_uris": ["https://rp.example/bye?x=y"]}),
    ("shorter", {"access_token_lifetime": 60, "refresh_absolute_lifetime": 3600}),
    ("level", {"minimum_level": 2}),
    ("bound", {"dpop_bound_access_tokens": True, "tls_client_certificate_bound_access_tokens": False}),
]


@pytest.mark.parametrize("document", [row[1] for row in GOOD_VALUES], ids=[row[0] for row in GOOD_VALUES])
def test_good_values_are_registered_as_they_are(registry: FlaskClient, document: dict[str, Any]) -> None:
    told = registered(registry, document).information
    given = {name: value for name, value in document.items() if value is not None}
    assert {name: told[name] for name in given} == given


def test_the_order_of_a_response_types_words_does_not_matter(registry: FlaskClient, lenient: str) -> None:
    document = {"response_types": ["token id_token", "code token id_token"]}
    told = registered(registry, document, token=lenient).information
    assert told["response_types"] == ["id_token token", "code id_token token"]
    assert told["grant_types"] == ["authorization_code", "implicit"]  # RFC 7591 §2.1: they follow


def test_front_channel_tokens_do_not_go_to_localhost(registry: FlaskClient, lenient: str) -> None:
    document = GOOD | {"response_types": ["id_token"], "redirect_uris": ["https://localhost/cb"]}
    assert error_of(post(registry, document, token=lenient)) == URI


def test_the_test_openings_of_a_token_admit_alg_none(registry: FlaskClient, lenient: str) -> None:
    """oidcc-idtoken-unsigned, oidcc-request-uri-unsigned; never with a front-channel ID token (§2)."""
    unsigned = {"id_token_signed_response_alg": "none", "request_object_signing_alg": "none"}
    assert registered(registry, unsigned, token=lenient).information["id_token_signed_response_alg"] == "none"
    front = GOOD | unsigned | {"response_types": ["code id_token"]}
    assert error_of(post(registry, front, token=lenient)) == META
    both = GOOD | unsigned | {"require_signed_request_object": True}
    assert error_of(post(registry, both, token=lenient)) == META


def test_what_we_have_no_key_for_cannot_be_registered() -> None:
    settings = Settings(issuer=ISSUER, key_algorithms=("ES256",))
    assert validate(settings, GOOD, policy=Policy())["id_token_signed_response_alg"] == "ES256"
    with pytest.raises(ProtocolError):
        validate(settings, GOOD | {"userinfo_signed_response_alg": "RS256"}, policy=Policy())


def test_a_key_of_an_unknown_type_among_others_is_left_out(registry: FlaskClient) -> None:
    """RFC 7517 §5; unknown members of a key too."""
    keys = {"keys": [{"kty": "AKP", "pub": "x"}, SIGNING.public_jwk | {"ext": True}]}
    assert registered(registry, {"jwks": keys}).information["jwks"] == ONE_KEY


def test_in_development_plain_http_will_do_but_not_for_initiated_logins() -> None:
    settings = Settings(issuer="http://127.0.0.1:8000")
    local = "http://127.0.0.1:9009/x"
    names = ("jwks_uri", "backchannel_logout_uri", "frontchannel_logout_uri", "logo_uri", "sector_identifier_uri")
    document = {"redirect_uris": [local], "post_logout_redirect_uris": [local]} | dict.fromkeys(names, local)
    assert validate(settings, document, policy=Policy())["redirect_uris"] == [local]
    with pytest.raises(ProtocolError):
        validate(settings, document | {"initiate_login_uri": local}, policy=Policy())


@pytest.mark.parametrize("host", ["rp.internal:8080", "[fd00::1]:8080"])
def test_a_host_the_deployment_allows_may_be_called_by_plain_http(host: str) -> None:
    settings = Settings(issuer=ISSUER, outbound_allow=(host,))
    document = GOOD | {"backchannel_logout_uri": f"http://{host}/out"}
    assert validate(settings, document, policy=Policy())
    with pytest.raises(ProtocolError):
        validate(settings, GOOD | {"backchannel_logout_uri": "http://rp.internal/out"}, policy=Policy())


@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth"])
def test_a_method_that_is_not_served_here_can_be_registered_by_operators_only(method: str) -> None:
    document = GOOD | {"token_endpoint_auth_method": method, "tls_client_auth_san_dns": "rp.example", "jwks": ONE_KEY}
    with pytest.raises(ProtocolError) as refused:
        validate(Settings(), document, policy=Policy())
    assert (refused.value.error, refused.value.parameter) == (META, "token_endpoint_auth_method")
    assert validate(Settings(), document, policy=OPERATOR)["token_endpoint_auth_method"] == method


def test_tokens_bound_to_certificates_can_be_registered_where_certificates_arrive_only() -> None:
    """RFC 7591 §3.2.2: elsewhere such a client would never get a token."""
    document = GOOD | {"tls_client_certificate_bound_access_tokens": True}
    with pytest.raises(ProtocolError) as refused:
        validate(Settings(), document, policy=Policy())
    assert (refused.value.error, refused.value.parameter) == (META, "tls_client_certificate_bound_access_tokens")
    assert validate(Settings(mtls_url="https://mtls.op.example"), document, policy=Policy())
    assert validate(Settings(), document, policy=OPERATOR)


# --- operators ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("member", ["vendor", "redirect_uri", "client_name#!", "redirect_uris#zh", ""])
def test_an_operators_unknown_member_is_refused(member: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        validate(Settings(), GOOD | {member: "x"}, policy=OPERATOR)
    assert refused.value.error == META


def test_an_operator_decides_everything_but_what_no_client_may_have() -> None:
    settings = Settings(resource_scopes={"matters.read": "https://api.example"})
    document = GOOD | {
        "profile": "legacy",
        "openings": [str(one) for one in Opening],
        "resource_identifier": "https://api.example",
        "scope": "openid identity matters.read",
        "response_types": ["code", "id_token"],
    }
    found = validate(settings, document, policy=OPERATOR)
    assert {name: found[name] for name in document} == document
    with pytest.raises(ProtocolError):
        validate(settings, document | {"scope": "openid unknown"}, policy=OPERATOR)


def test_every_profile_has_its_place_in_the_order_of_strictness() -> None:
    assert set(STRICTNESS) == set(PROFILES)


FAPI = {
    "profile": "fapi2",
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks": ONE_KEY,
    "redirect_uris": [REDIRECT_URI],
    "dpop_bound_access_tokens": True,
}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({}, None),
        ({"profile": "unknown"}, "profile"),
        ({"token_endpoint_auth_method": "client_secret_basic"}, "token_endpoint_auth_method"),
        ({"dpop_bound_access_tokens": False}, "dpop_bound_access_tokens"),
        ({"openings": ["request_without_pkce"]}, "openings"),
        ({"response_types": ["code", "id_token"]}, "response_types"),
        ({"token_endpoint_auth_signing_alg": "RS256"}, "token_endpoint_auth_signing_alg"),
        ({"token_endpoint_auth_signing_alg": "HS256"}, "token_endpoint_auth_signing_alg"),
        ({"request_object_signing_alg": "none"}, "request_object_signing_alg"),
        ({"authorization_signed_response_alg": "RS256"}, "authorization_signed_response_alg"),
        ({"require_pushed_authorization_requests": False}, "require_pushed_authorization_requests"),
        ({"redirect_uris": ["http://rp.example/cb"]}, "redirect_uris"),
        ({"redirect_uris": ["http://127.0.0.1/cb"]}, "redirect_uris"),
        ({"redirect_uris": ["http://127.0.0.1/cb"], "application_type": "native"}, None),
        ({"redirect_uris": ["http://localhost/cb"], "application_type": "native"}, "redirect_uris"),
        ({"redirect_uris": ["nonsense"]}, "redirect_uris"),
        ({"profile": "fapi2-signing", "jwks": None}, "jwks"),
        ({"profile": "fapi2-signing", "require_signed_request_object": False}, "require_signed_request_object"),
        ({"profile": "default", "token_endpoint_auth_method": "none"}, None),
    ],
)
def test_a_stored_client_is_held_against_its_profile(change: dict[str, Any], name: str | None) -> None:
    metadata = {key: value for key, value in (FAPI | change).items() if value is not None}
    findings = check_profile(Settings(), metadata)
    assert [finding.partition(" ")[0] for finding in findings] == ([name] if name else [])


# --- what clients publish: sector lists, keys, logos ----------------------------------------------------------------

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100


@pytest.fixture
def site(serve: Callable[..., str]) -> Iterator[str]:
    """A client's own site."""
    app = Flask("site")
    bodies = {
        "redirects": (json.dumps([REDIRECT_URI, "https://other.example/cb"]), "application/json"),
        "others": (json.dumps(["https://other.example/cb"]), "application/json"),
        "object": (json.dumps({"redirect_uris": [REDIRECT_URI]}), "application/json"),
        "text": ("not json", "application/json"),
        "deep": ("[" * 30_000, "application/json"),
        "numbers": ("[1, 2, 3]", "application/json"),
        "png": (PNG, "image/png"),
        "jpeg": (b"\xff\xd8\xff\xe0" + b"\0" * 50, "image/jpeg; charset=binary"),
        "gif": (b"GIF89a" + b"\0" * 50, "image/gif"),
        "webp": (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'><script>x</script></svg>", "image/svg+xml"),
        "disguised": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png"),
        "undeclared": (PNG, "text/html"),
        "huge": (PNG + b"\0" * 70_000, "image/png"),
        "empty": (b"", "image/png"),
    }

    @app.get("/<name>")
    def serve_body(name: str) -> Response:
        if name not in bodies:
            return Response("no", 404)
        body, media_type = bodies[name]
        return Response(body, content_type=media_type)

    yield serve(app)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, registration="open", registration_limit=10_000)


@pytest.fixture
def http(site: str, make_app: Any, new_http: Any) -> FlaskClient:
    opened: FlaskClient = new_http(make_app(outbound_allow=(urlsplit(site).netloc,)))
    return opened


def test_registration_sector_uri(http: FlaskClient, site: str) -> None:
    document = {"subject_type": "pairwise", "sector_identifier_uri": f"{site}/redirects"}
    both = document | {"redirect_uris": [REDIRECT_URI, "https://other.example/cb"]}
    assert registered(http, document).information["sector_identifier_uri"] == f"{site}/redirects"
    assert registered(http, both).information["subject_type"] == "pairwise"


@pytest.mark.parametrize("name", ["others", "object", "text", "deep", "numbers", "missing", "png"])
@pytest.mark.parametrize("subject_type", ["pairwise", "public"])
def test_registration_sector_bad(http: FlaskClient, site: str, name: str, subject_type: str) -> None:
    document = GOOD | {"subject_type": subject_type, "sector_identifier_uri": f"{site}/{name}"}
    assert error_of(post(http, document)) == META


def test_a_sector_list_that_we_may_not_fetch_is_refused(http: FlaskClient) -> None:
    assert error_of(post(http, GOOD | {"sector_identifier_uri": "http://127.0.0.1:1/redirects"})) == META


@pytest.mark.parametrize("name", ["png", "jpeg", "gif", "webp"])
def test_registration_logo_uri(http: FlaskClient, site: str, name: str) -> None:
    """The picture is shown on the login page from our own origin."""
    client = registered(http, {"logo_uri": f"{site}/{name}"})
    shown = login_page(http, client.id)
    path = shown.partition('class="client-logo" src="')[2].partition('"')[0]
    assert path.startswith(f"/clients/{client.id}/logo?v=")
    assert site not in shown
    picture = http.get(path)
    assert (picture.status_code, picture.mimetype) == (200, f"image/{name}")
    assert picture.headers["X-Content-Type-Options"] == "nosniff"
    assert picture.headers["Cache-Control"] == "public, max-age=86400"


def test_the_logo_of_a_disabled_client_is_shown_no_more(http: FlaskClient, site: str) -> None:
    client = registered(http, {"logo_uri": f"{site}/png"})
    assert http.get(f"{client.path}/logo").status_code == 200
    with http.application.extensions["tongxing"].work() as context:
        found = clients.find(context.db, client.id)
        assert found is not None
        clients.put(context.db, client.id, found.metadata, context.now, is_active=False)
    assert http.get(f"{client.path}/logo").status_code == 404


def test_a_logo_given_for_languages_only_is_fetched_too(http: FlaskClient, site: str) -> None:
    """RFC 7591 §2.2. There is one picture: that without a tag, else that of the first."""
    client = registered(http, {"logo_uri#zh": f"{site}/gif", "logo_uri#en": f"{site}/png"})
    assert http.get(f"{client.path}/logo").mimetype == "image/png"
    client = registered(http, {"logo_uri#en": f"{site}/png", "logo_uri": f"{site}/jpeg"})
    assert http.get(f"{client.path}/logo").mimetype == "image/jpeg"


@pytest.mark.parametrize("name", ["svg", "disguised", "undeclared", "huge", "empty", "missing", "text"])
def test_a_logo_that_is_no_picture_is_not_shown_and_its_client_registered(
    http: FlaskClient, site: str, name: str
) -> None:
    client = registered(http, {"logo_uri": f"{site}/{name}"})
    assert client.information["logo_uri"] == f"{site}/{name}"
    assert "client-logo" not in login_page(http, client.id)
    assert http.get(f"{client.path}/logo").status_code == 404


def test_registration_policy_uri_and_registration_tos_uri(http: FlaskClient) -> None:
    links = {"policy_uri": "https://rp.example/policy", "tos_uri": "https://rp.example/tos"}
    client = registered(http, links)
    shown = login_page(http, client.id)
    assert all(f'href="{uri}"' in shown for uri in links.values())
    assert "A service" in shown


def login_page(http: FlaskClient, client_id: str) -> str:
    asked = http.get("/authorize", query_string=asking(client_id, redirect_uri=REDIRECT_URI))
    path, _ = page(asked)
    assert path == "/login"
    return str(http.get(asked.headers["Location"]).get_data(as_text=True))


def test_registration_jwks_uri(http: FlaskClient, serve: Callable[..., str], free_port: Callable[[], int]) -> None:
    """A client that publishes its keys authenticates with them."""
    key, port = AssertionKey.new("RS256"), free_port()
    keys = Flask("keys")
    keys.get("/jwks")(lambda: {"keys": [key.public_jwk]})
    base = serve(keys, port)
    provider: Provider = http.application.extensions["tongxing"]
    outbound = provider.parts["outbound"]
    outbound._allowed = outbound._allowed | {urlsplit(base).netloc}
    document = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": f"{base}/jwks"}
    client = registered(http, document | {"grant_types": ["client_credentials"], "redirect_uris": None})
    form = key.form(client.id, now=provider.clock().timestamp())
    answered = http.post("/token", data={"grant_type": "client_credentials", **form})
    assert answered.status_code == 200, answered.text


# --- third-party initiated login: Core §4 ---------------------------------------------------------------------------


def test_3rd_party_init_login(http: FlaskClient) -> None:
    client = registered(http, {"initiate_login_uri": "https://rp.example/start?x=y"})
    assert client.information["initiate_login_uri"] == "https://rp.example/start?x=y"
    read = client.read()
    assert (read.status_code, read.mimetype) == (200, "application/json")
    assert read.json["initiate_login_uri"] == "https://rp.example/start?x=y"


def test_a_person_may_begin_a_login_where_they_see_their_services(
    http: FlaskClient, add_person: Any, sign_in: Any, work: Any
) -> None:
    one = registered(http, {"initiate_login_uri": "https://rp.example/start"})
    other = registered(http, {"initiate_login_uri": "https://rp.example/start?x=y"})
    person = add_person()
    sign_in(person, http=http)
    with work() as context:
        for client in (one, other, registered(http)):
            consents.remember(context.db, person.id, client.id, frozenset({"openid"}), frozenset(), context.now)
    shown = http.get("/account/consents").get_data(as_text=True).replace("&amp;", "&")
    for start in ("https://rp.example/start?", "https://rp.example/start?x=y&"):
        assert f'href="{start}iss=http%3A%2F%2F127.0.0.1%3A8000"' in shown


# --- a dynamically registered client is a third party ---------------------------------------------------------------


def test_consent_is_asked_once_and_then_satisfies_prompt_none(http: FlaskClient, add_person: Any) -> None:
    """oidcc-prompt-none-logged-in with a dynamic client."""
    client = registered(http, {"redirect_uris": [CALLBACK]})
    add_person(username="zhang")
    shown = http.get("/authorize", query_string=asking(client.id), follow_redirects=True)
    form = {"csrf_token": csrf_token(shown), "interaction": hidden(shown, "interaction")}
    consent = http.post("/login", data=form | {"username": "zhang", "password": PASSWORD}, follow_redirects=True)
    assert "consent-allow" in consent.get_data(as_text=True)
    decided = {"csrf_token": csrf_token(consent), "interaction": hidden(consent, "interaction"), "decision": "allow"}
    allowed = http.get(http.post("/consent", data=decided).headers["Location"])
    code = answer(allowed)["code"]
    secret = client.information["client_secret"]
    tokens = http.post(
        "/token",
        data={"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER},
        headers=basic(client.id, secret),
    )
    assert tokens.status_code == 200 and "id_token" in tokens.json
    silent = answer(http.get("/authorize", query_string=asking(client.id, prompt="none")))
    assert "code" in silent
    more = answer(http.get("/authorize", query_string=asking(client.id, prompt="none", scope="openid email")))
    assert more["error"] == "consent_required"
