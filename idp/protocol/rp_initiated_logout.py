"""A relying party asks to end the person's session: what it may have without asking the person, and where they go next.

OpenID Connect RP-Initiated Logout 1.0 §2 (parameters), §3 (redirection), §4 (errors: never a redirect), §6 (a logout
without a valid hint is confirmed). A hint counts only if we issued it as an ID token; it spares the person the question
only if it is about this very session.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlencode

from idp.config import Settings
from idp.context import Context
from idp.crypto.jose import JoseError
from idp.domain.client import Client
from idp.domain.session import SignedIn
from idp.protocol import id_token_hints
from idp.protocol.checks.characters import has_control_characters
from idp.protocol.errors import invalid_request
from idp.protocol.id_token_hints import IdTokenHint
from idp.protocol.messages import Pairs
from idp.protocol.subjects import sid_for, subject_for

PATH = "/logout"
MAX_STATE = 1024


@dataclass(frozen=True)
class LogoutRequest:
    """A checked request. ``return_url`` is registered for the client and has the state; ``may_redirect`` is False where
    only a link may lead there, because no hint proved that the client is the one it says."""

    client_id: str | None = None
    return_url: str | None = field(default=None, repr=False)
    may_redirect: bool = False
    hint_subject: str | None = None
    hint_sid: str | None = None
    ui_locales: str = ""

    @property
    def way_back(self) -> str | None:
        """Where the browser is sent without the person's own click."""
        return self.return_url if self.may_redirect else None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def check_logout_request(context: Context, parameters: Pairs) -> LogoutRequest:
    """Raises ProtocolError, which only a page may show: a faulty request is never answered by a redirect (§4)."""
    values = _values(parameters)
    hint = _hint(context, values.get("id_token_hint"))
    client = _client(context, values.get("client_id"), hint)
    return_url = _return_url(client, values.get("post_logout_redirect_uri"), values.get("state"))
    return LogoutRequest(
        client_id=client.client_id if client else None,
        return_url=return_url,
        may_redirect=hint is not None and return_url is not None,
        hint_subject=hint.subject if hint else None,
        hint_sid=hint.sid if hint else None,
        ui_locales=_language(context.settings, values.get("ui_locales", "")),
    )


def is_confirmation_needed(
    context: Context, request: LogoutRequest, signed_in: SignedIn, client: Client | None
) -> bool:
    """Whether the person must be asked: unless an ID token of this session, for this client, came with the request."""
    if client is None or request.hint_sid is None:
        return True
    is_same_person = request.hint_subject == subject_for(context.vault, signed_in.account, client)
    return not (is_same_person and request.hint_sid == sid_for(context, signed_in.session.sid, client))


def _values(parameters: Pairs) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in parameters:
        if not value:
            continue
        if name in values:
            raise invalid_request("A parameter is repeated.", name if name in _PARAMETERS else None)
        if has_control_characters(name) or has_control_characters(value):
            raise invalid_request("A parameter holds a control character.", name if name in _PARAMETERS else None)
        values[name] = value
    if len(values.get("state", "")) > MAX_STATE:
        raise invalid_request("state is longer than 1024 characters.", "state")
    return values


_PARAMETERS = {"id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"}


def _hint(context: Context, token: str | None) -> IdTokenHint | None:
    if token is None:
        return None
    try:
        return id_token_hints.read(context, token)
    except JoseError:
        raise invalid_request("id_token_hint is not an ID token issued here.", "id_token_hint") from None


def _client(context: Context, client_id: str | None, hint: IdTokenHint | None) -> Client | None:
    """The client that asks: by name, else the hint's only audience. Both must agree (§2)."""
    if client_id is not None and hint is not None and client_id not in hint.audience:
        raise invalid_request("id_token_hint was issued to another client.", "id_token_hint")
    if client_id is None and hint is not None and len(hint.audience) == 1:
        client_id = hint.audience[0]
    if client_id is None:
        return None
    client = context.find_client(client_id) if len(client_id) <= 255 else None
    if client is None:
        raise invalid_request("The client is not known here.", "client_id")
    return client


def _language(settings: Settings, tags: str) -> str:
    """The first wished for that we speak; what is kept of a request goes into a cookie, so no more than that."""
    primary = (tag.split("-")[0].lower() for tag in tags.split())
    return next((tag for tag in primary if tag in settings.locales), "")


def _return_url(client: Client | None, uri: str | None, state: str | None) -> str | None:
    """Exactly a registered address, with the state and nothing else (§3)."""
    if uri is None:
        return None
    if client is None or uri not in client.post_logout_redirect_uris:
        raise invalid_request("post_logout_redirect_uri is not registered.", "post_logout_redirect_uri")
    if state is None:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode({'state': state})}"


def server_metadata(settings: Settings) -> dict[str, Any]:
    """OpenID Connect RP-Initiated Logout 1.0 §2.1."""
    return {"end_session_endpoint": settings.issuer + PATH}
