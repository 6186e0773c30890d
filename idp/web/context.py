"""One transaction per request: opened at first use, committed before the answer leaves, rolled back on an exception.

A protocol error commits too (a replay's revocation and a failure's count must persist).
"""

from __future__ import annotations

from typing import cast

from flask import Flask, Response, current_app, g, request

from idp.context import Context, Provider
from idp.storage import outbox

READ_ONLY = {"userinfo.userinfo", "introspection.introspect"}  # take no write lock on SQLite


def provider() -> Provider:
    """The application's long-lived parts."""
    return cast(Provider, current_app.extensions["tongxing"])


def current() -> Context:
    """This request's context."""
    if "context" not in g:
        g.context = provider().context(provider().open_db())
        if is_read_only(request.endpoint):
            g.context.db.begin_reading()
    return cast(Context, g.context)


def is_read_only(endpoint: str | None) -> bool:
    """Whether the request at hand will only read; a client assertion is claimed, which is a write."""
    return endpoint in READ_ONLY and all(name != "client_assertion" for name, _ in g.get("form_pairs", ()))


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
