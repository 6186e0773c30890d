"""``response_mode``: query (the default for a code) or form_post.

OAuth 2.0 Multiple Response Type Encoding Practices §2.1, OAuth 2.0 Form Post Response Mode §2.
"""

from __future__ import annotations

from idp.context import Context
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import invalid_request
from idp.protocol.responses import RESPONSE_MODES

_IN_FRAGMENT = {"token", "id_token"}


def check_response_mode(request: AuthorizationRequest, context: Context) -> None:
    asked = request.value("response_mode")
    if asked is not None and asked not in RESPONSE_MODES:
        raise invalid_request("response_mode must be query or form_post.", "response_mode")


def mode_of_answer(request: AuthorizationRequest) -> str:
    """How an answer travels, errors included: as asked, else by the default of the response type. What we do not
    support is refused in the fragment where the client listens there (§2.1: tokens never travel in a query)."""
    asked = request.values("response_mode")
    if len(asked) == 1 and asked[0] in (*RESPONSE_MODES, "fragment"):
        return asked[0]
    types = set((request.value("response_type") or "").split(" "))
    return "fragment" if types & _IN_FRAGMENT else "query"
