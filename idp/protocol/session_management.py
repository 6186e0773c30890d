"""What lets a relying party notice, without asking us, that the person's sign-in here has changed.

OpenID Connect Session Management 1.0 §2 (session_state in the answer), §3.2 (how it is computed; the script of
/check-session computes the same), §3.3 (check_session_iframe). The browser state stands in a cookie that scripts can
read, so it says nothing: signed in, it follows from the session cookie's secret by a one-way hash; signed out, it is
random, or any site could compute the session_state of nobody and learn whether its visitor is signed in here.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from idp.config import Settings
from idp.crypto.random import new_id, new_secret
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.cross_origin import origin_of

PATH = "/check-session"
_NOBODY = "nobody."


def signed_in_state(session_secret: str) -> str:
    """The browser state of a session: another secret (a new login) is another state."""
    digest = hashlib.sha256(b"browser state " + session_secret.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def signed_out_state(before: str = "") -> str:
    """The browser state while nobody is signed in: the one of before, if nobody was then either."""
    return before if before.startswith(_NOBODY) else _NOBODY + new_secret()


def session_state(client_id: str, origin: str, browser_state: str, salt: str) -> str:
    """§3.2. Bound to the client and its origin: what one was given tells another nothing, and only matches there."""
    text = f"{client_id} {origin} {browser_state} {salt}"
    return f"{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}.{salt}"


def answer_parameters(request: AuthorizationRequest, browser_state: str | None) -> dict[str, str]:
    """§2: what an authorization response to an OpenID request carries, granted or refused; salted afresh each time.
    Nothing for applications without a web origin, and without a browser state (session management is off)."""
    origin = origin_of(request.redirect_uri)
    if browser_state is None or origin is None or "openid" not in request.scope:
        return {}
    return {"session_state": session_state(request.client.client_id, origin, browser_state, new_id())}


def server_metadata(settings: Settings) -> dict[str, Any]:
    """OpenID Connect Session Management 1.0 §3.3."""
    return {"check_session_iframe": settings.issuer + PATH} if settings.session_management else {}
