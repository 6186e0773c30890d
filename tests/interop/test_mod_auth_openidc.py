"""Apache's mod_auth_openidc, as Debian ships it, protects a page with this provider."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey
from playwright.sync_api import Page as ChromiumPage
from playwright.sync_api import expect

from idp.context import Provider
from idp.outbox import Dispatcher
from idp.worker import HANDLERS
from tests.conftest import PASSWORD
from tests.interop.apache import ApacheParty, running_apache
from tests.interop.visitor import Visitor
from tests.person import Page

LEGACY = {"profile": "legacy", "grant_types": ["authorization_code", "implicit", "refresh_token"]}


@pytest.fixture
def protect(running: Provider, register_client: Any, party_port: int) -> Iterator[Callable[..., ApacheParty]]:
    """`protect(metadata={…}, **directives)` registers a client and serves a page that only its people may see."""
    with ExitStack() as stack:

        def make(metadata: dict[str, Any] | None = None, **directives: str) -> ApacheParty:
            party = ApacheParty(party_port)
            document = {
                "redirect_uris": [party.callback],
                "post_logout_redirect_uris": [f"{party.url}/goodbye.html"],
            } | (metadata or {})
            document |= {
                name: value.format(callback=party.callback) for name, value in OWN_ADDRESSES.items() if name in document
            }
            client, secret = register_client("apache", provider=running, **document)
            asked = directives | {  # the keys first: the method that signs with them is judged where it stands
                "OIDCProviderMetadataURL": f"{running.settings.issuer}/.well-known/openid-configuration",
                "OIDCClientID": client.client_id,
                "OIDCScope": "openid profile email",
                "OIDCPKCEMethod": "S256",
                "OIDCProviderTokenEndpointAuth": client.auth_method,
            }
            if secret:
                asked["OIDCClientSecret"] = secret
            stack.enter_context(running_apache({party.port: asked}))
            return party

        yield make


OWN_ADDRESSES = {
    "initiate_login_uri": "{callback}",
    "backchannel_logout_uri": "{callback}?logout=backchannel",
    "frontchannel_logout_uri": "{callback}?logout=get",
}


def enter(visitor: Visitor, party: ApacheParty) -> Page:
    """Ask for the protected page, log in and agree where asked, and let the browser go where it is sent."""
    page = visitor.person.open(f"{party.url}/protected/")
    for _ in range(5):
        if page.has("login-submit"):
            page = visitor.person.sign_in(page, visitor.username, PASSWORD)
        elif page.has("consent-allow"):
            page = visitor.person.click(page, "consent-allow")
        elif page.has("form-post") or page.document.body.get("onload"):  # a script would send the only form
            page = visitor.person.send(page, page.document.xpath("//form[last()]")[0])
        else:
            break
    return page


def check_inside(visitor: Visitor, party: ApacheParty, page: Page) -> dict[str, Any]:
    assert page.has("in"), f"{page.status} {page.url}: {page.text[:500]}"
    told = party.told(visitor.person)
    assert told is not None
    assert told["id_token"]["sub"]
    assert (told.get("userinfo") or told["id_token"])["email"] == "alim@example.test"
    return told


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_page_is_protected_by_a_client_that_authenticates_by(
    protect: Callable[..., ApacheParty], visitor: Visitor, method: str
) -> None:
    party = protect({"token_endpoint_auth_method": method})
    check_inside(visitor, party, enter(visitor, party))


def test_page_is_protected_with_the_answer_in_a_form(protect: Callable[..., ApacheParty], visitor: Visitor) -> None:
    party = protect(OIDCResponseMode="form_post")
    check_inside(visitor, party, enter(visitor, party))


@pytest.mark.parametrize("response_type", ["code id_token", "code token", "code id_token token", "id_token"])
def test_page_is_protected_by_a_legacy_client_that_asks_for(
    protect: Callable[..., ApacheParty], visitor: Visitor, response_type: str
) -> None:
    metadata = {"response_types": [response_type], **LEGACY}
    party = protect(metadata, OIDCResponseType=response_type, OIDCResponseMode="form_post")
    check_inside(visitor, party, enter(visitor, party))


def test_page_is_protected_with_the_request_in_a_form(protect: Callable[..., ApacheParty], visitor: Visitor) -> None:
    party = protect(OIDCProviderAuthRequestMethod="POST")
    check_inside(visitor, party, enter(visitor, party))


@pytest.fixture(scope="module")
def rsa_key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """(file with the private key, public JWK) of the relying party."""
    key = RSAKey.generate_key(2048, {"kid": "apache", "use": "sig"})
    path = tmp_path_factory.mktemp("key") / "apache.pem"
    path.write_bytes(key.as_pem(private=True))
    path.with_suffix(".pub").write_bytes(key.as_pem(private=False))
    path.parent.chmod(0o755)
    path.chmod(0o644)
    return path, key.as_dict(private=False)


def test_page_is_protected_by_a_signed_request(
    protect: Callable[..., ApacheParty], visitor: Visitor, rsa_key: tuple[Path, dict[str, Any]]
) -> None:
    path, public = rsa_key
    wish = {
        "copy_from_request": ["client_id", "response_type", "scope"],
        "copy_and_remove_from_request": ["redirect_uri", "nonce", "state"],
        "crypto": {"sign_alg": "RS256"},
        "request_object_type": "request",
    }
    party = protect(
        {"jwks": {"keys": [public]}, "request_object_signing_alg": "RS256"},
        OIDCPrivateKeyFiles=f"apache#{path}",
        OIDCRequestObject=json.dumps(wish),
    )
    check_inside(visitor, party, enter(visitor, party))


@pytest.mark.parametrize("method", ["client_secret_jwt", "private_key_jwt"])
@pytest.mark.parametrize("running", [{"openings_allowed": True}], indirect=True)
def test_page_is_protected_by_a_client_that_signs_for_the_older_audience(
    protect: Callable[..., ApacheParty], visitor: Visitor, rsa_key: tuple[Path, dict[str, Any]], method: str
) -> None:
    """This release of the module still names the token endpoint as audience, which takes an opening."""
    path, public = rsa_key
    metadata = {
        "token_endpoint_auth_method": method,
        "jwks": {"keys": [public]},
        "openings": ["assertion_audience_token_endpoint"],
    }
    # Without its public keys configured too this release crashes at its first assertion.
    keys = {"OIDCPrivateKeyFiles": f"apache#{path}", "OIDCPublicKeyFiles": f"apache#{path.with_suffix('.pub')}"}
    party = protect(metadata, **keys)
    check_inside(visitor, party, enter(visitor, party))


def test_page_is_protected_with_encrypted_id_token_and_userinfo(
    protect: Callable[..., ApacheParty], visitor: Visitor, rsa_key: tuple[Path, dict[str, Any]]
) -> None:
    path, public = rsa_key
    alg = "RSA-OAEP"  # the only one of ours that this release knows
    metadata = {
        "jwks": {"keys": [public | {"use": "enc"}]},
        "id_token_encrypted_response_alg": alg,
        "id_token_encrypted_response_enc": "A128CBC-HS256",
        "userinfo_signed_response_alg": "RS256",
        "userinfo_encrypted_response_alg": alg,
        "userinfo_encrypted_response_enc": "A256GCM",
    }
    directives = {
        "OIDCIDTokenEncryptedResponseAlg": alg,
        "OIDCUserInfoSignedResponseAlg": "RS256",
        "OIDCUserInfoEncryptedResponseAlg": alg,
    }
    party = protect(metadata, OIDCPrivateKeyFiles=f"apache#{path}", **directives)
    check_inside(visitor, party, enter(visitor, party))


def test_signing_out_at_the_page_signs_out_everywhere(protect: Callable[..., ApacheParty], visitor: Visitor) -> None:
    party = protect()
    check_inside(visitor, party, enter(visitor, party))
    after = f"{party.url}/goodbye.html"
    page = visitor.person.open(f"{party.callback}?logout={after}")
    assert page.has("out"), page.text[:500]
    assert party.told(visitor.person) is None
    assert enter_again_is_asked(visitor, party)


def enter_again_is_asked(visitor: Visitor, party: ApacheParty) -> bool:
    return visitor.person.open(f"{party.url}/protected/").has("login-submit")


def test_backchannel_logout_ends_the_session_at_the_page(
    protect: Callable[..., ApacheParty], visitor: Visitor, running: Provider
) -> None:
    party = protect({"backchannel_logout_uri": "", "backchannel_logout_session_required": True})
    check_inside(visitor, party, enter(visitor, party))
    page = visitor.person.open(f"{running.settings.issuer}/logout")
    visitor.person.click(page, "logout-yes")
    assert Dispatcher(running, HANDLERS).deliver_due() == 1
    assert party.told(visitor.person) is None


def test_frontchannel_logout_ends_the_session_at_the_page(
    protect: Callable[..., ApacheParty], visitor: Visitor, running: Provider, page: ChromiumPage
) -> None:
    """In Chromium, where a frame is really loaded and cookies go as browsers let them."""
    party = protect({"frontchannel_logout_uri": "", "frontchannel_logout_session_required": True})
    page.goto(f"{party.url}/protected/")
    page.fill("#username", visitor.username)
    page.fill("#password", PASSWORD)
    page.click("#login-submit")
    page.click("#consent-allow")
    expect(page.locator("#in")).to_be_visible()
    assert page.request.get(f"{party.callback}?info=json").status == 200
    page.goto(f"{running.settings.issuer}/logout")
    with page.expect_response(lambda answer: answer.url.startswith(f"{party.callback}?logout=get&iss=")) as told:
        page.click("#logout-yes")
    assert told.value.ok
    assert page.request.get(f"{party.callback}?info=json").status == 401, "no session in this browser"


def test_login_is_initiated_by_the_account_centre(
    protect: Callable[..., ApacheParty], visitor: Visitor, running: Provider, party_port: int
) -> None:
    """OpenID Connect Core §4: the person's list of services leads to the page, which asks by itself."""
    inside = f"http://127.0.0.1:{party_port}/protected/"
    party = protect({"initiate_login_uri": ""}, OIDCDefaultURL=inside)
    check_inside(visitor, party, enter(visitor, party))
    visitor.person.forget(f"rp_{party.port}")
    assert party.told(visitor.person) is None
    page = visitor.person.open(f"{running.settings.issuer}/account/consents")
    page = visitor.person.open(page.document.xpath("//a[contains(@href, 'iss=')]/@href")[0])
    assert page.url == inside
    check_inside(visitor, party, page)
