"""No parameter twice, no control character anywhere.

RFC 6749 §3.1 (a parameter must not be included more than once), Appendix A (allowed characters).
"""

from __future__ import annotations

from collections import Counter

from idp.context import Context
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import invalid_request

MAY_REPEAT = {"resource"}  # RFC 8707 §2


def check_repetition(request: AuthorizationRequest, context: Context) -> None:
    counts = Counter(name for name, value in request.parameters if value and name not in MAY_REPEAT)
    if any(count > 1 for count in counts.values()):
        raise invalid_request("A parameter is repeated.")


def check_characters(request: AuthorizationRequest, context: Context) -> None:
    if any(has_control_characters(name) or has_control_characters(value) for name, value in request.parameters):
        raise invalid_request("A parameter holds a control character.")


def has_control_characters(text: str) -> bool:
    return any(character < " " or character == "\x7f" for character in text)
