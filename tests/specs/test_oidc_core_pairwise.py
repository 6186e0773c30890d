"""OpenID Connect Core §8 and §8.1: who a person is for which client, the same wherever a subject is named."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from idp.context import Provider
from idp.domain.client import Client
from idp.protocol import frontchannel_logout
from idp.protocol.logout import end_session
from idp.protocol.subjects import sector_of, sid_for, subject_for
from idp.storage import outbox
from tests.authorizing import location
from tests.front_channel import ALL_TYPES, FrontChannel
from tests.token_side import REDIRECT_URI, Caller

RETURN = "http://127.0.0.1:9009/signed-out"


def pairwise(front: FrontChannel, client_id: str = "client", host: str | None = None, **metadata: Any) -> Caller:
    """``host``: of a sector_identifier_uri, so that every test client can be answered at one address."""
    sector = {"sector_identifier_uri": f"https://{host}/sector.json"} if host else {}
    return front.client(client_id, subject_type="pairwise", **sector, **metadata)


def subject_at(front: FrontChannel, client_id: str) -> str:
    return str(front.claims(front.ask("id_token", client_id)["id_token"])["sub"])


# --- §8.1: sectors --------------------------------------------------------------------------------------------------


def test_a_client_gets_the_public_subject_unless_it_registered_otherwise(front: FrontChannel) -> None:
    front.client("silent")
    front.client("public", subject_type="public")
    assert subject_at(front, "silent") == subject_at(front, "public") == front.person.subject


def test_clients_of_one_sector_know_a_person_by_one_subject(front: FrontChannel) -> None:
    for name, host in ("a", "one.example"), ("b", "one.example"), ("c", "two.example"), ("d", None):
        pairwise(front, name, host)
    one, same, other, own = (subject_at(front, name) for name in "abcd")
    assert one == same
    assert len({one, other, own, front.person.subject}) == 4


def test_a_subject_says_nothing_of_person_or_client(front: FrontChannel) -> None:
    pairwise(front)
    subject = subject_at(front, "client")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", subject), "256 bits, fewer than the 255 characters of §2"


def test_two_people_are_two_subjects(front: FrontChannel, provider: Provider) -> None:
    client = pairwise(front).client
    other = front.side.person()
    subjects = {subject_for(provider.vault, account, client) for account in (front.person, other)}
    assert len(subjects) == 2


@pytest.mark.parametrize(
    ("metadata", "sector"),
    [
        ({"redirect_uris": ["https://one.example/a", "https://one.example:8443/b?x"]}, "one.example"),
        ({"redirect_uris": ["https://ONE.example/a"]}, "one.example"),
        (
            {"redirect_uris": ["https://a.one.example/"], "sector_identifier_uri": "https://one.example/s"},
            "one.example",
        ),
        (
            {"redirect_uris": ["https://a.one.example/", "https://b.one.example/"]}
            | {"sector_identifier_uri": "https://one.example:8443/s"},
            "one.example",
        ),
        ({"redirect_uris": ["https://a.example/", "https://b.example/"]}, "client rp"),
        ({"redirect_uris": ["app.example:/callback"]}, "client rp"),
        ({"redirect_uris": []}, "client rp"),
    ],
)
def test_the_sector_is_the_host_of_its_document_or_of_every_redirect_uri(metadata: dict[str, Any], sector: str) -> None:
    """A client without either shares its subjects with nobody; no host has a space in it."""
    assert sector_of(Client("rp", metadata)) == sector


def test_another_provider_makes_other_subjects(front: FrontChannel, provider: Provider, make_app: Any) -> None:
    from idp.crypto.vault import Vault

    client = Client("rp", {"subject_type": "pairwise", "redirect_uris": ["https://one.example/"]})
    elsewhere = Vault("A" * 43)
    assert subject_for(provider.vault, front.person, client) != subject_for(elsewhere, front.person, client)


# --- the same everywhere --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("response_type", ALL_TYPES)
def test_every_token_and_answer_names_the_same_subject(
    front: FrontChannel, provider: Provider, response_type: str
) -> None:
    """VerifyUserInfoAndIdTokenSameSub, VerifyIdTokenSubConsistentHybridFlow of the certification suite."""
    caller = pairwise(front, host="one.example")
    answer = front.ask(response_type)
    subject = subject_for(provider.vault, front.person, caller.client)
    named = [front.claims(answer[name])["sub"] for name in ("id_token", "access_token") if name in answer.names]
    tokens = [answer["access_token"]] if "access_token" in answer.names else []
    if "code" in answer.names:
        body = front.redeem(caller, answer).json
        again = caller.refresh(body["refresh_token"]).json
        tokens += [body["access_token"], again["access_token"]]
        named += [front.claims(body["id_token"])["sub"], front.claims(again["id_token"])["sub"]]
        named.append(caller.introspect(again["refresh_token"])["sub"])
    for token in tokens:
        named += [front.claims(token)["sub"], caller.introspect(token)["sub"], front.side.userinfo(token).json["sub"]]
    assert named and set(named) == {subject}


def test_logout_tokens_name_it_too(front: FrontChannel) -> None:
    for name, host in ("a", "one.example"), ("b", "two.example"):
        pairwise(front, name, host, backchannel_logout_uri=f"https://{host}/logout")
    front.client("public", backchannel_logout_uri="https://public.example/logout")
    known = {name: subject_at(front, name) for name in ("a", "b", "public")}
    with front.side.work() as context:
        batch = end_session(context, front.session, reason="test")
        told = {delivery.recipient: delivery.payload["sub"] for delivery in outbox.list_batch(context.db, batch)}
    assert told == known and len(set(told.values())) == 3


def test_a_session_has_another_name_in_every_sector(front: FrontChannel) -> None:
    """Two sectors that compare the sids they know must not learn that their subjects are one person: in ID tokens,
    access tokens, and at logout by either channel."""
    redirect = urlsplit(REDIRECT_URI)
    uris = {"backchannel_logout_uri": "https://rp.example/logout"} | {
        "frontchannel_logout_uri": f"{redirect.scheme}://{redirect.netloc}/logout"
    }
    for name, host in ("a", "one.example"), ("b", "one.example"), ("c", "two.example"), ("d", None):
        pairwise(front, name, host, **uris)
    front.client("public", **uris)
    answers = {name: front.ask("id_token token", name) for name in ("a", "b", "c", "d", "public")}
    known = {name: front.claims(answer["id_token"])["sid"] for name, answer in answers.items()}
    assert {name: front.claims(answer["access_token"])["sid"] for name, answer in answers.items()} == known
    assert known["a"] == known["b"] and len(set(known.values())) == 4
    assert known["public"] == front.session.sid
    with front.side.work() as context:
        framed = frontchannel_logout.notices(context, front.session.id, front.session.sid)
        batch = end_session(context, front.session, reason="test")
        told = {delivery.recipient: delivery.payload["sid"] for delivery in outbox.list_batch(context.db, batch)}
    assert told == known
    assert {notice.client.client_id: parse_qs(urlsplit(notice.url).query)["sid"][0] for notice in framed} == known


def test_a_member_of_a_federation_knows_the_session_by_its_own_name(make_app: Any) -> None:
    """It ends sessions by it (idp.protocol.session_end)."""
    member = Client("member", {"subject_type": "pairwise", "redirect_uris": ["https://one.example/"]})
    provider: Provider = make_app(session_end_clients=("member",)).extensions["tongxing"]
    with provider.work() as context:
        assert sid_for(context, "a-sid", member) == "a-sid"
        assert sid_for(context, "a-sid", replace(member, client_id="other")) != "a-sid"


# --- hints ----------------------------------------------------------------------------------------------------------


def test_id_token_hint_names_the_person_by_the_clients_subject(front: FrontChannel, sign_in: Any) -> None:
    pairwise(front)
    hint = front.ask("id_token")["id_token"]
    assert "id_token" in front.ask("id_token", prompt="none", id_token_hint=hint).names
    sign_in(front.side.person())
    assert front.ask("id_token", prompt="none", id_token_hint=hint)["error"] == "login_required"


@pytest.mark.parametrize("place", ["id_token", "userinfo"])
def test_a_person_demanded_by_the_claims_parameter_is_so_too(front: FrontChannel, place: str) -> None:
    """§5.5.1: a public subject is nobody for this client."""
    pairwise(front)
    mine = subject_at(front, "client")
    for subject, is_known in (mine, True), (front.person.subject, False):
        asked = json.dumps({place: {"sub": {"value": subject}}})
        assert ("id_token" in front.ask("id_token", prompt="none", claims=asked).names) is is_known


def test_logout_by_the_clients_own_hint_asks_no_question(front: FrontChannel) -> None:
    """OpenID Connect RP-Initiated Logout §2."""
    pairwise(front, post_logout_redirect_uris=[RETURN])
    hint = front.ask("id_token")["id_token"]
    response = front.side.http.get(
        "/logout", query_string={"id_token_hint": hint, "post_logout_redirect_uri": RETURN, "state": "s"}
    )
    assert location(response) == RETURN + "?state=s"


def test_a_grant_keeps_the_subject_it_was_made_with(front: FrontChannel) -> None:
    """A client that changes its registration knows its people anew only when they sign in again."""
    caller = front.client()
    body = front.redeem(caller, front.ask("code")).json
    pairwise(front)  # its new registration
    changed = front.side.userinfo(body["access_token"]).json["sub"]
    assert changed == front.person.subject
    assert subject_at(front, "client") != front.person.subject


def test_discovery_says_so(front: FrontChannel) -> None:
    document = front.side.http.get("/.well-known/openid-configuration").json
    assert document["subject_types_supported"] == ["public", "pairwise"]
