"""Ending a session across the federation: a member says that the session it began here with our sid is over.

The counterpart of OpenID Connect Back-Channel Logout 1.0 §2.5, which only runs from a provider down to its relying
parties: this runs from a relying party that is a provider itself up to the one that vouched for its person. Client
authentication as in OpenID Connect Core §9, errors as in RFC 6749 §5.2. Repeating a notice changes nothing, so it is
delivered until it is received.
"""

from __future__ import annotations

from authlib.oauth2 import OAuth2Error

from clients.kit.errors import KitError
from idp.context import Context, Provider
from idp.domain.session import Session
from idp.outbox import DeliveryFailed
from idp.protocol import client_authentication
from idp.protocol.errors import ProtocolError
from idp.protocol.form import check_form, get
from idp.protocol.logout import UPSTREAM_SESSION_END, end_session
from idp.protocol.messages import CoreRequest, Reply, Request
from idp.protocol.server import Server
from idp.storage import sessions
from idp.storage.outbox import Delivery

__all__ = ["PATH", "UPSTREAM_SESSION_END", "deliver_session_end", "respond"]

PATH = "/session-end"
METHODS = ("private_key_jwt",)
_HEADERS = [("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("Pragma", "no-cache")]


def respond(server: Server, message: Request) -> Reply:
    """200 {"ended": true} when this notice ended the session, {"ended": false} when there was none to end."""
    request = CoreRequest(message)
    try:
        return server.handle_response(200, {"ended": _end(server.context, request)}, _HEADERS)
    except OAuth2Error as error:
        return server.handle_error_response(request, error)


def _end(context: Context, request: CoreRequest) -> bool:
    check_form(request)
    client = client_authentication.authenticate(context, request, METHODS)
    if client.client_id not in context.settings.session_end_clients:
        raise ProtocolError("unauthorized_client", "The client is not a federated member.", status_code=403)
    session = sessions.find_by_sid(context.db, get(request, "sid"))
    # A session the member took no part in does not exist for it: the answer tells nothing about other people's.
    if session is None or session.ended_at is not None or not _took_part(context, session, client.client_id):
        return False
    end_session(context, session, reason="federated_member", exclude_client=client.client_id)
    return True


def _took_part(context: Context, session: Session, client_id: str) -> bool:
    return any(known == client_id for known, _ in sessions.list_clients(context.db, session.id))


def deliver_session_end(provider: Provider, delivery: Delivery) -> None:
    """Handler of the outbox: tell the upstream ``delivery.recipient`` that its session ``sid`` is over here.

    Raises DeliveryFailed; the outbox then tries again.
    """
    party = provider.parts["upstreams"].get(delivery.recipient)
    if party is None:
        raise DeliveryFailed("no such upstream is configured any more", is_final=True)
    try:
        party.notify_session_end(delivery.payload["sid"])
    except KitError as error:
        raise DeliveryFailed(str(error)) from error
