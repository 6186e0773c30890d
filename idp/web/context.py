"""One transaction per request: opened at first use, committed before the answer leaves, rolled back on an exception.

A protocol error commits too (a replay's revocation and a failure's count must persist). The busiest endpoints go
without: there one statement decides.
"""

from __future__ import annotations

from typing import cast

from flask import Flask, Response, current_app, g, request

from idp.context import Context, Provider
from idp.storage import outbox

# A code or a refresh token is claimed by the statement that checks it, a grant appears only in a living session,
# reading is reading: a transaction around them would only triple the round trips.
ALONE = {
    "authorize.authorize",
    "introspection.introspect",
    "par.push",
    "register_client.logo",
    "token.token",
    "userinfo.userinfo",
}


def provider() -> Provider:
    """The application's long-lived parts."""
    return cast(Provider, current_app.extensions["tongxing"])


def current() -> Context:
    """This request's context."""
    if "context" not in g:
        g.context = provider().context(provider().open_db())
        if request.endpoint in ALONE:
            g.context.db.begin_alone()
    return cast(Context, g.context)


def install(app: Flask) -> None:
    app.after_request(_commit)
    app.teardown_appcontext(_close)


def _close(_error: BaseException | None) -> None:
    if "context" in g:
        g.context.db.close()


def _commit(response: Response) -> Response:
    if "context" in g and response.status_code < 500:
        db = g.context.db
        db.commit()
        dispatcher = g.context.provider.parts.get("outbox")
        if outbox.has_added(db) and dispatcher is not None:
            dispatcher.wake()
    return response
