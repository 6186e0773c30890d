"""The device cookie: which people have signed in with this browser before.

Sealed, so nobody can write themselves into it; it opens nothing by itself and only gives these people a throttle of
their own, which strangers' failures never reach (see :mod:`idp.authn.throttle`).
"""

from __future__ import annotations

from datetime import timedelta

from flask import request
from werkzeug.wrappers import Response as AnyResponse

from idp.authn.password_login import Place
from idp.context import Context
from idp.crypto.random import new_id
from idp.crypto.vault import VaultError
from idp.web import browser

_LIFETIME = timedelta(days=180)
_PEOPLE = 5  # the latest; a shared computer knows no more


def place(context: Context) -> Place:
    """Where this request comes from."""
    device, people = _read(context)
    return Place(address(), request.headers.get("User-Agent", ""), device, frozenset(people))


def address() -> str:
    return request.remote_addr or ""


def remember(context: Context, response: AnyResponse, account_id: str) -> None:
    """After a login: this person has signed in with this browser."""
    device, people = _read(context)
    latest = [account_id, *(known for known in people if known != account_id)][:_PEOPLE]
    sealed = context.vault.seal_text("device", {"device": device or new_id(), "people": latest})
    browser.set_cookie(context.settings, response, "device", sealed, _LIFETIME)


def _read(context: Context) -> tuple[str | None, list[str]]:
    text = request.cookies.get(browser.cookie_name(context.settings, "device"))
    if not text:
        return None, []
    try:
        value = context.vault.open_text("device", text)
    except VaultError:
        return None, []  # a cookie of an earlier key, or made up: a browser like any other
    return str(value["device"]), [str(known) for known in value["people"]]
