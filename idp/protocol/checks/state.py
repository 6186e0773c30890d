"""``state``: any text of reasonable length, given back unchanged.

RFC 6749 §4.1.1, §4.1.2.1 (returned exactly as received, in errors too).
"""

from __future__ import annotations

from idp.context import Context
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.checks.characters import has_control_characters
from idp.protocol.errors import invalid_request

MAX_LENGTH = 1024


def check_state(request: AuthorizationRequest, context: Context) -> None:
    if len(request.value("state") or "") > MAX_LENGTH:
        raise invalid_request("state is longer than 1024 characters.", "state")


def echoed_state(request: AuthorizationRequest) -> str | None:
    """The state to give back: none where it is repeated, over-long or holds what no answer may carry."""
    values = request.values("state")
    if len(values) != 1 or len(values[0]) > MAX_LENGTH or has_control_characters(values[0]):
        return None
    return values[0]
