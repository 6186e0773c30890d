"""``display``: how the pages should be shown. Every page fits every screen, so the value is checked and that is all.

OpenID Connect Core §3.1.2.1.
"""

from __future__ import annotations

from idp.context import Context
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import invalid_request

DISPLAYS = ("page", "popup", "touch", "wap")


def check_display(request: AuthorizationRequest, context: Context) -> None:
    asked = request.value("display")
    if asked is not None and asked not in DISPLAYS:
        raise invalid_request("display must be page, popup, touch or wap.", "display")
    request.display = asked
