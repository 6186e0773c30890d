"""``login_hint``: what the person may type to log in; the login page fills it in, nothing is decided by it.

OpenID Connect Core §3.1.2.1.
"""

from __future__ import annotations

from idp.context import Context
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import invalid_request

MAX_LENGTH = 255


def check_login_hint(request: AuthorizationRequest, context: Context) -> None:
    hint = request.value("login_hint")
    if hint is not None and len(hint) > MAX_LENGTH:
        raise invalid_request("login_hint is longer than 255 characters.", "login_hint")
    request.login_hint = hint
