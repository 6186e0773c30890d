"""``scope``: of those we know, only what the client registered; unknown ones are ignored.

OpenID Connect Core §3.1.2.1 (scopes not understood should be ignored), §11 (offline_access is ignored for a client that
cannot use it, and where no code is asked for), RFC 6749 §3.3 (characters of a scope), §4.1.2.1 (invalid_scope).
"""

from __future__ import annotations

import re

from idp.config import Settings
from idp.context import Context
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.claims import SCOPE_CLAIMS
from idp.protocol.errors import ProtocolError

OFFLINE_ACCESS = "offline_access"
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 §3.3: scope-token


def known_scopes(settings: Settings) -> frozenset[str]:
    """Every scope an authorization request may name here."""
    return frozenset({"openid", OFFLINE_ACCESS, *SCOPE_CLAIMS, *settings.resource_scopes})


def check_scope(request: AuthorizationRequest, context: Context) -> None:
    asked = [item for item in (request.value("scope") or "").split(" ") if item]
    if not all(_SCOPE.fullmatch(item) for item in asked):
        raise _invalid("scope holds a forbidden character.")
    understood = known_scopes(context.settings).intersection(asked)
    if not _is_offline_possible(request):
        understood -= {OFFLINE_ACCESS}
    if not understood <= request.client.scope:
        raise _invalid("The client is not registered for a scope it asks for.")
    if not understood - {OFFLINE_ACCESS}:
        raise _invalid("scope must name openid or another scope known here.")
    if request.asks_for("id_token") and "openid" not in understood:
        raise _invalid("scope must name openid where an ID token is asked for.")
    request.scope = understood


def _is_offline_possible(request: AuthorizationRequest) -> bool:
    is_registered = OFFLINE_ACCESS in request.client.scope and request.client.check_grant_type("refresh_token")
    return is_registered and request.asks_for("code")


def _invalid(description: str) -> ProtocolError:
    return ProtocolError("invalid_scope", description, parameter="scope")
