"""Ending a session: once, with all it gave out, and with a durable notice to everyone who relied on it.

OpenID Connect Back-Channel Logout 1.0 §2.3 (who is told), OpenID Connect Core §11 (offline access outlives a session).
The notices are written to the outbox in the transaction that ends the session; none can be lost.
"""

from __future__ import annotations

from idp.context import Context
from idp.domain.session import Session
from idp.protocol.subjects import sid_for
from idp.storage import grants, outbox, sessions

BACKCHANNEL_LOGOUT = "backchannel_logout"
UPSTREAM_SESSION_END = "upstream_session_end"


def end_session(
    context: Context,
    session: Session,
    *,
    reason: str,
    exclude_client: str | None = None,
    notify_upstream: bool = True,
) -> str:
    """End the session; returns the id of the batch of deliveries it caused (``storage.outbox.list_batch``).

    The batch is the session's own id, so ending it twice changes nothing and names the same batch. Clients without a
    ``backchannel_logout_uri`` and ``exclude_client`` (who asked for it and knows) are not told. ``notify_upstream``
    is False when the upstream itself ended it.
    """
    if not sessions.end(context.db, session.id, reason, context.now):
        return session.id
    grants.revoke_of_session(context.db, session.id, reason, context.now)
    for client_id, subject in sessions.list_clients(context.db, session.id):
        client = context.find_client(client_id)
        if client is not None and client.backchannel_logout_uri and client_id != exclude_client:
            named = {"sub": subject, "sid": sid_for(context, session.sid, client)}
            _deliver(context, session, BACKCHANNEL_LOGOUT, client_id, named)
    if notify_upstream:
        _tell_upstream(context, session)
    return session.id


def _tell_upstream(context: Context, session: Session) -> None:
    upstream = context.settings.upstream(session.source)
    if upstream is not None and upstream.backchannel_session_end and session.upstream_sid:
        _deliver(context, session, UPSTREAM_SESSION_END, upstream.name, {"sid": session.upstream_sid})


def _deliver(context: Context, session: Session, kind: str, recipient: str, payload: dict[str, str]) -> None:
    outbox.add(context.db, kind=kind, batch=session.id, recipient=recipient, payload=payload, now=context.now)
