"""``redirect_uri``: exactly one of those the client registered, character by character; from here on errors travel.

RFC 9700 §2.1 (exact comparison; only a loopback port may vary, for native applications), RFC 8252 §7.3, RFC 6749
§3.1.2.3. The answer's way (``response_mode``, ``state``) is settled here too, so that every later error takes it.
"""

from __future__ import annotations

import re

from idp.context import Context
from idp.domain.client import Client
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.checks.response_mode import mode_of_answer
from idp.protocol.checks.state import echoed_state
from idp.protocol.errors import invalid_request
from idp.protocol.responses import Target

_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::(\d{1,5}))?(/[^#]*)?")


def check_redirect_uri(request: AuthorizationRequest, context: Context) -> None:
    values = request.values("redirect_uri")
    if len(values) != 1:
        raise invalid_request("redirect_uri is required exactly once.", "redirect_uri")
    if not is_registered(request.client, values[0]):
        raise invalid_request("redirect_uri is not registered for this client.", "redirect_uri")
    request.target = Target(request.client, values[0], mode=mode_of_answer(request), state=echoed_state(request))


def is_registered(client: Client, redirect_uri: str) -> bool:
    """Whether the client may be answered there."""
    if client.check_redirect_uri(redirect_uri):
        return True
    is_native = client.is_public and client.metadata.get("application_type") == "native"
    return is_native and any(_differ_in_port_only(known, redirect_uri) for known in client.redirect_uris)


def _differ_in_port_only(known: str, given: str) -> bool:
    """Both loopback addresses of one kind with the same path and query (RFC 8252 §7.3)."""
    known_parts, given_parts = _LOOPBACK.fullmatch(known), _LOOPBACK.fullmatch(given)
    if known_parts is None or given_parts is None:
        return False
    is_port_valid = given_parts[2] is None or 0 < int(given_parts[2]) < 65536
    return is_port_valid and (known_parts[1], known_parts[3]) == (given_parts[1], given_parts[3])
