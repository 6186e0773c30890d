"""A legacy client and a person who is signed in: authorization requests of every kind, answers read as they arrive."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from joserfc import jwe
from joserfc.jwe import JWERegistry
from joserfc.jwk import generate_key
from werkzeug.test import TestResponse

from idp.crypto.jwe import CONTENT_ALGORITHMS, KEY_ALGORITHMS
from idp.domain.account import Account
from idp.domain.profile import FRONT_CHANNEL
from idp.domain.session import Session
from tests.authorizing import VERIFIER, asking
from tests.conftest import SignIn
from tests.token_side import REDIRECT_URI, Caller, TokenSide

FRONT_CHANNEL_TYPES = sorted(FRONT_CHANNEL)
IMPLICIT = ["id_token", "id_token token"]
HYBRID = ["code id_token", "code id_token token", "code token"]
ALL_TYPES = ["code", *FRONT_CHANNEL_TYPES]


@dataclass(frozen=True)
class Answer:
    """An authorization response: by which way it came to the client, and what it says."""

    way: str  # query, fragment, form_post
    members: dict[str, str] = field(repr=False)
    status: int = 302

    def __getitem__(self, name: str) -> str:
        return self.members[name]

    @property
    def names(self) -> set[str]:
        """Without session_state, whose tests are those of Session Management."""
        return set(self.members) - {"session_state"}

    @classmethod
    def of(cls, response: TestResponse, redirect_uri: str = REDIRECT_URI) -> Answer:
        """The assertion fails for anything that is not an answer at the client."""
        if response.status_code == 200:
            text = response.get_data(as_text=True)
            assert f'action="{redirect_uri}"' in text and 'id="form-post"' in text
            form = text.partition('id="form-post"')[2].partition("</form>")[0]
            pairs = [
                (unescape(name), unescape(value))
                for name, value in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form)
            ]
            return cls("form_post", _once(pairs), 200)
        assert response.status_code in (302, 303), (response.status_code, response.get_data(as_text=True)[:2000])
        location = response.headers["Location"]
        assert location.startswith(redirect_uri), location
        parts = urlsplit(location)
        way = "fragment" if parts.fragment else "query"
        assert not (parts.fragment and parts.query), "an answer travels one way only"
        return cls(way, _once(parse_qsl(parts.fragment or parts.query, keep_blank_values=True)), response.status_code)


def _once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    assert len(dict(pairs)) == len(pairs), "a parameter is answered twice"
    return dict(pairs)


@dataclass
class FrontChannel:
    """``side`` is the token side of the same provider."""

    side: TokenSide
    person: Account
    session: Session

    def client(self, client_id: str = "client", **metadata: Any) -> Caller:
        """A client of the legacy profile, registered for every response type."""
        document: dict[str, Any] = {
            "profile": "legacy",
            "response_types": ALL_TYPES,
            "grant_types": ["authorization_code", "implicit", "refresh_token"],
            "is_first_party": True,
        }
        return self.side.caller(client_id, **(document | metadata))

    def request(self, client_id: str = "client", **changes: Any) -> TestResponse:
        query = urlencode(asking(client_id, **changes), doseq=True)
        return self.side.http.get("/authorize", query_string=query)

    def ask(self, response_type: Any = "code", client_id: str = "client", **changes: Any) -> Answer:
        return Answer.of(self.request(client_id, response_type=response_type, **changes))

    def redeem(self, caller: Caller, answer: Answer, **changes: Any) -> TestResponse:
        parameters = {"code": answer["code"], "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER} | changes
        return caller.token("authorization_code", **parameters)

    def told(self, token: str, alg: str = "RS256") -> dict[str, Any]:
        """What an authorization response says that is a JWT."""
        claims = self.claims(token, alg)
        claims.pop("session_state", None)
        return claims

    def claims(self, token: str, alg: str = "RS256") -> dict[str, Any]:
        return dict(self.side.read(token, alg).claims)


@dataclass(frozen=True)
class Recipient:
    """A client's key pair for what is encrypted to it."""

    key: Any = field(repr=False)
    kid: str = "enc-1"
    use: str | None = "enc"

    @classmethod
    def new(cls, alg: str = "ECDH-ES", **changes: Any) -> Recipient:
        kind: tuple[Any, Any] = ("EC", "P-256") if alg.startswith("ECDH") else ("RSA", 2048)
        return cls(generate_key(*kind), **changes)

    @property
    def jwk(self) -> dict[str, Any]:
        named = dict(self.key.as_dict(private=False)) | {"kid": self.kid}
        return named | ({"use": self.use} if self.use else {})

    @property
    def jwks(self) -> dict[str, Any]:
        return {"keys": [self.jwk]}

    def open(self, token: str) -> tuple[dict[str, Any], str]:
        """(header, what is inside)."""
        registry = JWERegistry(algorithms=[*KEY_ALGORITHMS, *CONTENT_ALGORITHMS], strict_check_header=False)
        opened = jwe.decrypt_compact(token, self.key, registry=registry)
        return opened.headers(), (opened.plaintext or b"").decode()


@pytest.fixture
def front(side: TokenSide, sign_in: SignIn) -> FrontChannel:
    person = side.person(email="zhangwei@example.cn", email_verified=True, phone="13800000001")
    return FrontChannel(side, person, sign_in(person))
