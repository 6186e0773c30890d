"""Authorization requests as tests write them, and their answers as a client reads them."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from html import unescape
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from sqlalchemy import select
from werkzeug.test import TestResponse

from idp.context import Context
from idp.crypto.random import hash_secret
from idp.domain.grant import Grant
from idp.storage import grants, tables

VERIFIER = "a-code-verifier-of-sufficient-length-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REDIRECT_URI = "http://127.0.0.1:9009/callback"


def asking(client_id: str = "client", **changes: Any) -> dict[str, Any]:
    """The parameters of a good request; a change to None leaves a parameter out, a list repeats it."""
    parameters: dict[str, Any] = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": REDIRECT_URI,
        "scope": "openid",
        "state": "af0ifjsldkj",
        "nonce": "n-0S6_WzA2Mj",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (parameters | changes).items() if value is not None}


def location(response: TestResponse) -> str:
    """Where a redirect leads."""
    assert response.status_code in (302, 303), (response.status_code, response.get_data(as_text=True)[:2000])
    return str(response.headers["Location"])


def answer(response: TestResponse, redirect_uri: str = REDIRECT_URI) -> dict[str, str]:
    """The parameters a redirect carries to the client; the assertion fails if it leads anywhere else."""
    found = location(response)
    assert found.startswith(redirect_uri), found
    pairs = parse_qsl(urlsplit(found).query, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs), "a parameter is answered twice"
    return dict(pairs)


def grant_of(work: Callable[[], AbstractContextManager[Context]], code: str) -> Grant:
    """What the provider keeps with a code."""
    with work() as context:
        of_code = select(tables.grants.c.id).where(tables.grants.c.code_hash == hash_secret(code))
        found = grants.find(context.db, context.db.execute(of_code).scalar_one())
    assert found is not None
    return found


def page(response: TestResponse) -> tuple[str, str]:
    """The path of the page a redirect leads to, and the interaction's handle."""
    parts = urlsplit(location(response))
    assert not parts.netloc or parts.netloc == "127.0.0.1:8000", parts
    return parts.path, parse_qs(parts.query).get("interaction", [""])[0]


def text_of(response: TestResponse, element_id: str) -> str | None:
    """The text of the element with an id, or None where the page has no such element."""
    found = re.search(rf'id="{element_id}"[^>]*>([^<]*)<', response.get_data(as_text=True))
    return unescape(found[1]).strip() if found else None


def csrf_token(response: TestResponse) -> str:
    """The form token of a page."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', response.get_data(as_text=True))
    assert found, response.get_data(as_text=True)[:2000]
    return unescape(found[1])


def hidden(response: TestResponse, name: str) -> str:
    """The value of a hidden field in the page's main part."""
    main = response.get_data(as_text=True).partition("<main")[2]
    found = re.search(rf'name="{name}" value="([^"]*)"', main)
    assert found, main[:2000]
    return unescape(found[1])
