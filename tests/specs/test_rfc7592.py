"""Client configuration by RFC 7592: read, replace and end a registration by its own token."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idp.config import Settings
from idp.context import Context, Provider
from idp.crypto.random import hash_secret
from idp.outbound import Answer
from idp.protocol import logout
from idp.protocol.client_metadata.policy import Policy
from idp.storage import clients, consents, initial_access_tokens, outbox
from tests.assertions import AssertionKey
from tests.clock import Clock
from tests.registering import GOOD, REDIRECT_URI, Registered, error_of, post, registered
from tests.token_side import Caller, TokenSide, basic, bearer

META, URI = "invalid_client_metadata", "invalid_redirect_uri"
Work = Callable[[], Any]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, registration="open", registration_limit=10_000)


@pytest.fixture
def client(http: FlaskClient) -> Registered:
    return registered(http)


def told(registered: Registered) -> dict[str, Any]:
    """What is told again: everything but the secret."""
    return {name: value for name, value in registered.information.items() if not name.startswith("client_secret")}


# --- §2.1: read -----------------------------------------------------------------------------------------------------


def test_a_client_reads_what_it_registered(client: Registered) -> None:
    response = client.read()
    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.json == told(client)  # token and address included (§3)


HEADERS: list[tuple[str, Callable[[Registered, Registered], dict[str, str]]]] = [
    ("none", lambda mine, other: {"X-Nothing": "1"}),
    ("unknown", lambda mine, other: bearer("unknown")),
    ("another client's", lambda mine, other: bearer(other.token)),
    ("empty", lambda mine, other: bearer("")),
    ("another scheme", lambda mine, other: {"Authorization": f"DPoP {mine.token}"}),
    ("its own secret", lambda mine, other: basic(mine.id, mine.information["client_secret"])),
    ("its secret as a token", lambda mine, other: bearer(mine.information["client_secret"])),
    ("the token and more", lambda mine, other: bearer(mine.token + " x")),
]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("headers", [row[1] for row in HEADERS], ids=[row[0] for row in HEADERS])
def test_without_its_own_token_nobody_touches_a_registration(
    http: FlaskClient, client: Registered, headers: Callable[..., dict[str, str]], method: str
) -> None:
    given = headers(client, registered(http))
    body = {"json": client.metadata()} if method == "PUT" else {}
    response = http.open(client.path, method=method, headers=given, **body)
    assert error_of(response, 401) == "invalid_token"
    assert response.headers["WWW-Authenticate"].startswith('Bearer realm="clients"')
    assert client.read().json == told(client)


@pytest.mark.parametrize("client_id", ["unknown", "a" * 4000, "%E5%AE%A2", "..", "%EF%BF%BF"])
def test_an_unknown_client_is_not_told_from_a_wrong_token(
    http: FlaskClient, client: Registered, client_id: str
) -> None:
    response = http.get(f"/clients/{client_id}", headers=bearer(client.token))
    assert response.status_code in {401, 404}
    if response.status_code == 401:
        assert response.json == http.get(client.path, headers=bearer("unknown")).json


def test_a_client_that_an_operator_registered_has_no_token(http: FlaskClient, register_client: Any) -> None:
    register_client("static")
    for token in ("", "None", "null"):
        assert http.get("/clients/static", headers=bearer(token)).status_code == 401


def test_the_token_works_where_registration_was_switched_off_meanwhile(
    client: Registered, make_app: Any, new_http: Any
) -> None:
    http = new_http(make_app(registration="off"))
    assert http.get(client.path, headers=bearer(client.token)).status_code == 200


# --- §2.2: update ---------------------------------------------------------------------------------------------------


def test_an_update_replaces_everything(http: FlaskClient) -> None:
    client = registered(http, {"contacts": ["a@rp.example"], "client_name#zh": "某服务", "scope": "openid email"})
    response = client.put({"client_id": client.id, "redirect_uris": ["https://new.example/cb"]})
    assert response.status_code == 200 and response.headers["Cache-Control"] == "no-store"
    assert response.json["redirect_uris"] == ["https://new.example/cb"]
    assert not {"client_name", "contacts", "client_name#zh", "client_secret"} & set(response.json)
    assert response.json["registration_access_token"] == client.token  # it is kept
    assert client.read().json == response.json
    assert response.json["client_id_issued_at"] == client.information["client_id_issued_at"]


def test_an_update_counts_at_once(http: FlaskClient, client: Registered) -> None:
    new = "https://rp.example/other"
    asked = {"response_type": "code", "client_id": client.id, "redirect_uri": new}
    assert http.get("/authorize", query_string=asked).status_code == 400
    assert client.update(redirect_uris=[new]).status_code == 200
    assert http.get("/authorize", query_string=asked).status_code in {302, 303}


REFUSED: list[tuple[str, Callable[[Registered], Any], str]] = [
    ("no client_id", lambda mine: mine.metadata(client_id=None), META),
    ("another client_id", lambda mine: mine.metadata(client_id="other"), META),
    ("client_id of another type", lambda mine: mine.metadata(client_id=[mine.id]), META),
    ("another secret", lambda mine: mine.metadata(client_secret="chosen by me"), META),
    ("a secret of another type", lambda mine: mine.metadata(client_secret=7), META),
    ("a secret that is no text", lambda mine: mine.metadata(client_secret="\ud800"), META),
    ("the token", lambda mine: mine.metadata(registration_access_token=mine.token), META),
    ("the address", lambda mine: mine.metadata(registration_client_uri="https://evil.example/"), META),
    ("the secret's end", lambda mine: mine.metadata(client_secret_expires_at=0), META),
    ("the time of issue", lambda mine: mine.metadata(client_id_issued_at=0), META),
    ("no redirect URI", lambda mine: mine.metadata(redirect_uris=None), URI),
    ("a bad redirect URI", lambda mine: mine.metadata(redirect_uris=["https://rp.example/#x"]), URI),
    ("a bad field", lambda mine: mine.metadata(token_endpoint_auth_method="x"), META),
    ("openings", lambda mine: mine.metadata(openings=["unsigned_id_token"]), META),
    ("a lesser profile", lambda mine: mine.metadata(profile="legacy"), META),
    ("no object", lambda mine: [], META),
    ("no JSON", lambda mine: "{", META),
    ("nothing", lambda mine: "", META),
]


@pytest.mark.parametrize(("make", "error"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_every_wrong_update_has_its_error_and_changes_nothing(
    client: Registered, make: Callable[[Registered], Any], error: str
) -> None:
    assert error_of(client.put(make(client))) == error
    assert client.read().json == told(client)


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(["client_id", "client_secret", "scope", "jwks", "profile"]), st.text() | st.none())
)
def test_no_update_is_a_fault_of_ours(client: Registered, document: dict[str, Any]) -> None:
    assert client.put(document).status_code == 400  # never its own id


def test_the_current_secret_may_be_repeated(http: FlaskClient, client: Registered) -> None:
    assert client.information["client_secret"] in client.metadata().values()
    assert client.update().status_code == 200
    assert works(http, client, client.information["client_secret"])


def works(http: FlaskClient, client: Registered, secret: str) -> bool:
    """Whether a secret authenticates the client."""
    answer = http.post("/introspect", data={"token": "x"}, headers=basic(client.id, secret))
    return answer.status_code == 200


def test_the_secret_goes_with_the_method(http: FlaskClient) -> None:
    client = registered(http)
    first = client.information["client_secret"]
    posted = client.update(token_endpoint_auth_method="client_secret_post").json
    assert "client_secret" not in posted  # the same secret, sent elsewhere
    back = client.update(token_endpoint_auth_method="client_secret_basic").json
    assert "client_secret" not in back and works(http, client, first)
    assert "client_secret" not in client.update(token_endpoint_auth_method="none", client_secret=None).json
    assert not works(http, client, first)
    again = client.update(token_endpoint_auth_method="client_secret_basic", client_secret=None).json
    assert again["client_secret"] != first and again["client_secret_expires_at"] == 0
    assert works(http, client, again["client_secret"]) and not works(http, client, first)


def test_a_secret_that_becomes_a_key_is_made_anew(http: FlaskClient, work: Work) -> None:
    client = registered(http)
    changed = client.update(token_endpoint_auth_method="client_secret_jwt").json
    assert changed["client_secret"] != client.information["client_secret"]
    with work() as context:
        found = clients.find(context.db, client.id)
    assert found is not None and found.secret_sealed is not None and found.secret_hash is None


def test_what_a_token_gave_is_kept_but_nothing_is_added(http: FlaskClient, work: Work) -> None:
    openings = ("request_without_pkce", "unsigned_id_token")
    policy = Policy(profile="legacy", openings=openings, scope=frozenset({"identity"}), is_first_party=True)
    with work() as context:
        _, token = initial_access_tokens.add(context.db, label="x", policy=policy.as_document(), now=context.now)
    client = registered(http, token=token)
    same = client.update().json
    assert (same["profile"], same["openings"]) == ("legacy", list(openings))
    assert "identity" in same["scope"].split()
    omitted = client.put({"client_id": client.id, "redirect_uris": [REDIRECT_URI]}).json
    assert (omitted["profile"], omitted["openings"]) == ("legacy", list(openings))
    fewer = client.update(openings=["unsigned_id_token"]).json
    assert fewer["openings"] == ["unsigned_id_token"]
    assert error_of(client.update(openings=list(openings))) == META  # given back is given back
    assert client.update(openings=None, profile="default").json["profile"] == "default"
    assert error_of(client.update(openings=None, profile="legacy")) == META
    with work() as context:
        found = clients.find(context.db, client.id)
    assert found is not None and found.is_first_party


def test_what_only_an_operator_sets_outlives_an_update(http: FlaskClient, client: Registered, work: Work) -> None:
    with work() as context:
        found = clients.find(context.db, client.id)
        assert found is not None
        metadata = {**found.metadata, "resource_identifier": "https://api.example"}
        assert clients.change(context.db, replace(found, metadata=metadata), context.now)
    assert (
        client.update(resource_identifier="https://evil.example").json["resource_identifier"] == "https://api.example"
    )


def test_an_update_under_way_does_not_undo_what_an_operator_does_meanwhile(
    http: FlaskClient, client: Registered, provider: Provider, clock: Clock
) -> None:
    """The client keeps us waiting for its logo while its secret is replaced and it loses a scope."""

    class Slow:
        def get(self, url: str, headers: Any = None) -> Answer:
            clock.advance(1)
            with provider.work() as context:
                found = clients.find(context.db, client.id)
                assert found is not None
                changed = replace(found, metadata={**found.metadata, "scope": "openid"}, secret_hash=hash_secret("new"))
                assert clients.change(context.db, changed, context.now)
            return Answer(404, {}, b"")

    provider.parts["outbound"] = Slow()
    response = client.update(client_name="Another", logo_uri="https://rp.example/logo.png")
    assert (response.status_code, response.json["error"]) == (409, "temporarily_unavailable")
    with provider.work() as context:
        kept = clients.find(context.db, client.id)
    assert kept is not None and kept.scope == {"openid"} and kept.check_client_secret("new")
    assert kept.name == client.information["client_name"]


def test_a_statement_cannot_be_left_out_and_outlives_its_own_end(make_app: Any, new_http: Any, clock: Any) -> None:
    key = AssertionKey.new("ES256")
    issuers = ({"issuer": "https://directory.example", "jwks": {"keys": [key.public_jwk]}},)
    http = new_http(make_app(software_statement_issuers=issuers))
    ends = int(clock().timestamp()) + 60
    signed = key.sign({"iss": "https://directory.example", "client_name": "Vouched for", "exp": ends})
    client = registered(http, {"software_statement": signed})
    clock.advance(120)
    kept = client.update(client_name="Mine")
    assert kept.status_code == 200 and kept.json["client_name"] == "Vouched for"
    assert error_of(client.update(software_statement=None, client_name="Mine")) == "invalid_software_statement"
    assert error_of(post(http, GOOD | {"software_statement": signed})) == "invalid_software_statement"


def test_documents_of_the_client_are_looked_at_again(serve: Any, make_app: Any, new_http: Any) -> None:
    pictures = {"one": b"\x89PNG\r\n\x1a\n1", "two": b"\x89PNG\r\n\x1a\n2", "none": b""}
    site, listed, asked = Flask("site"), [REDIRECT_URI], []
    site.get("/sector")(lambda: json.dumps(listed))

    @site.get("/logo/<name>")
    def logo(name: str) -> Response:
        asked.append(name)
        return Response(pictures[name], content_type="image/png")

    base = serve(site)
    http = new_http(make_app(outbound_allow=(urlsplit(base).netloc,)))
    client = registered(http, {"logo_uri": f"{base}/logo/one", "sector_identifier_uri": f"{base}/sector"})
    path = f"{client.path}/logo"
    assert http.get(path).data == pictures["one"]
    assert client.update().status_code == 200
    assert asked == ["one"]  # not fetched again while its address is the same
    assert client.update(logo_uri=f"{base}/logo/two").status_code == 200 and http.get(path).data == pictures["two"]
    assert client.update(logo_uri=f"{base}/logo/none").status_code == 200 and http.get(path).status_code == 404
    assert client.update(logo_uri=f"{base}/logo/two").status_code == 200 and http.get(path).status_code == 200
    assert client.update(logo_uri=None).status_code == 200 and http.get(path).status_code == 404
    assert error_of(client.update(redirect_uris=["https://new.example/cb"])) == META
    listed.append("https://new.example/cb")
    assert client.update(redirect_uris=["https://new.example/cb"]).status_code == 200


@pytest.mark.usefixtures("both_engines")
def test_a_whole_life_on_both_engines(http: FlaskClient) -> None:
    client = registered(http, {"client_name": "某服务 🚚", "contacts": ["a@rp.example"]})
    assert client.read().json == told(client)
    changed = client.update(client_name="另一个")
    assert changed.json["client_name"] == "另一个" and client.read().json == changed.json
    assert client.delete().status_code == 204 and client.read().status_code == 401


# --- §2.3: delete ---------------------------------------------------------------------------------------------------


def test_a_deleted_client_is_gone(http: FlaskClient, client: Registered) -> None:
    response = client.delete()
    assert (response.status_code, response.data) == (204, b"")
    for again in (client.read(), client.update(), client.delete()):
        assert error_of(again, 401) == "invalid_token"
    answer = http.post("/token", data={"grant_type": "client_credentials"}, headers=basic(client.id, "x"))
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
    asked = http.get("/authorize", query_string={"client_id": client.id, "redirect_uri": REDIRECT_URI})
    assert asked.status_code == 400


@pytest.mark.usefixtures("both_engines")
def test_everything_it_was_given_dies_with_it(http: FlaskClient, side: TokenSide) -> None:
    client = registered(http, {"grant_types": ["authorization_code", "refresh_token"]})
    kept, person = side.caller("kept", resource_identifier="http://127.0.0.1:8000"), side.person()
    with side.work() as context:
        found = clients.find(context.db, client.id)
        assert found is not None
        consents.remember(context.db, person.id, client.id, frozenset({"openid"}), frozenset(), context.now)
    caller = Caller(http, found, client.information["client_secret"])
    tokens = side.tokens(caller, person)
    code = side.code(caller, person)
    assert side.userinfo(tokens["access_token"]).status_code == 200
    assert kept.introspect(tokens["access_token"])["active"]
    assert client.delete().status_code == 204
    assert side.userinfo(tokens["access_token"]).status_code == 401
    assert not kept.introspect(tokens["access_token"])["active"]
    assert caller.refresh(tokens["refresh_token"]).json["error"] == "invalid_client"
    assert caller.token("authorization_code", **code.parameters()).json["error"] == "invalid_client"
    with side.work() as context:
        assert _consents(context, person.id) == []


def test_a_logout_after_it_tells_the_others_and_is_no_fault(
    http: FlaskClient, side: TokenSide, sign_in: Any, client: Registered
) -> None:
    kept, person = side.caller("kept", backchannel_logout_uri="http://127.0.0.1:9009/out"), side.person()
    session = sign_in(person)
    client.update(backchannel_logout_uri="http://127.0.0.1:9009/gone")
    with side.work() as context:
        found = clients.find(context.db, client.id)
    assert found is not None
    for caller in (kept, Caller(http, found, client.information["client_secret"])):
        side.tokens(caller, person, session_id=session.id, sid=session.sid)
    assert client.delete().status_code == 204
    with side.work() as context:
        logout.end_session(context, session, reason="signed_out")
        waiting = outbox.lease_due(context.db, context.now, context.now)
    assert [delivery.recipient for delivery in waiting] == ["kept"]


def _consents(context: Context, account_id: str) -> list[Any]:
    return consents.list_of(context.db, account_id)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_other_methods_are_refused(client: Registered, method: str) -> None:
    assert client.http.open(client.path, method=method, headers=bearer(client.token)).status_code == 405
