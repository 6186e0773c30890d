"""What the browser holds: the session cookie, a browser id that binds interactions to it, and the browser state.

Cookies are opaque, HttpOnly, SameSite=Lax; over https also Secure with the ``__Host-`` prefix. The session cookie's
secret is stored as a hash only. The browser state alone is there for scripts: those of /check-session, in other sites'
pages, so it is not HttpOnly, and SameSite=None where that is possible (over https).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from flask import g, request
from werkzeug.wrappers import Response

from idp.config import Settings
from idp.context import Context
from idp.crypto.random import hash_secret, new_secret
from idp.domain.session import SignedIn
from idp.protocol.session_management import signed_in_state, signed_out_state
from idp.storage import sessions

STATE = "state"
_TOUCH_AFTER = timedelta(seconds=60)


def cookie_name(settings: Settings, name: str) -> str:
    prefix = "__Host-" if settings.is_secure else ""
    return f"{prefix}{settings.cookie_prefix}_{name}"


def set_cookie(
    settings: Settings, response: Response, name: str, value: str, lifetime: timedelta | None = None
) -> None:
    response.set_cookie(
        cookie_name(settings, name),
        value,
        max_age=lifetime,
        path="/",
        httponly=True,
        secure=settings.is_secure,
        samesite="Lax",
    )


def _set_state(settings: Settings, response: Response, state: str) -> None:
    if not settings.session_management:
        return
    response.set_cookie(
        cookie_name(settings, STATE),
        state,
        path="/",
        secure=settings.is_secure,
        samesite="None" if settings.is_secure else "Lax",
    )


def clear_cookie(settings: Settings, response: Response, name: str) -> None:
    response.delete_cookie(
        cookie_name(settings, name), path="/", httponly=True, secure=settings.is_secure, samesite="Lax"
    )


def signed_in(context: Context, client_id: str | None = None) -> SignedIn | None:
    """The browser's live session with its person (and consent to a client), or None; one statement, looked up once
    per request and client. Notes the use at most once a minute."""
    secret = request.cookies.get(cookie_name(context.settings, "session"))
    if not secret:
        return None
    known: dict[str | None, SignedIn | None] = g.setdefault("signed_in", {})
    if client_id not in known:
        known[client_id] = _find(context, secret, client_id)
    return known[client_id]


def _find(context: Context, secret: str, client_id: str | None) -> SignedIn | None:
    found = sessions.find_signed_in(context.db, context.vault, secret, client_id)
    idle = context.settings.session_idle_lifetime
    if found is None or not found.session.is_alive(context.now, idle) or not found.account.is_active:
        return None
    if context.now - found.session.last_seen_at > _TOUCH_AFTER:
        sessions.touch(context.db, found.session.id, context.now)
    return replace(found, session=found.session.at(context.now))


def set_session(settings: Settings, response: Response, secret: str) -> None:
    """Give the browser its session; the cookie ends with the browser, the session by the clock."""
    set_cookie(settings, response, "session", secret)
    _set_state(settings, response, signed_in_state(secret))
    g.pop("signed_in", None)


def clear_session(settings: Settings, response: Response) -> None:
    clear_cookie(settings, response, "session")
    if cookie_name(settings, "session") in request.cookies:  # else it may be another site's page that makes us say so
        _set_state(settings, response, signed_out_state())
    g.pop("signed_in", None)


def state(settings: Settings, signed_in: SignedIn | None) -> str | None:
    """The browser state as it is in truth; None while session management is off. The cookie may be gone or tell of a
    session that has ended elsewhere: then :func:`keep` puts it right."""
    if not settings.session_management:
        return None
    held = request.cookies.get(cookie_name(settings, STATE), "")
    secret = request.cookies.get(cookie_name(settings, "session"), "")
    if signed_in:
        found = signed_in_state(secret)
    elif held and not secret:
        # A frame in another site's page, where the Lax session cookie does not travel: this says nothing about it.
        found = held
    else:
        found = signed_out_state(held)
    if found != held:
        g.browser_state = found
    return found


def browser_id(settings: Settings) -> str:
    """This browser's random id, made at first need; :func:`keep` sends it along."""
    if "browser_id" not in g:
        found = request.cookies.get(cookie_name(settings, "browser"), "")
        g.is_browser_new = len(found) != 43
        g.browser_id = new_secret() if g.is_browser_new else found
    return str(g.browser_id)


def browser_hash(settings: Settings) -> str:
    return hash_secret(browser_id(settings))


def keep(settings: Settings, response: Response) -> Response:
    """After each request: set the browser id and the browser state where they are new (installed by idp.web.frame)."""
    if g.get("is_browser_new"):
        set_cookie(settings, response, "browser", g.browser_id)
    if "browser_state" in g:
        _set_state(settings, response, g.browser_state)
    return response
