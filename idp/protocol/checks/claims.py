"""``claims``: single claims asked for, limited to those that the client's scopes could give it.

OpenID Connect Core §5.5. A claim we do not know, or the client may not have, is left out silently (§5.5.1: that is no
error, essential or not); the person must be whom ``sub`` demands, by its value or as one of its values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.context import Context
from idp.protocol import requested_claims
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.claims import may_request
from idp.protocol.errors import invalid_request
from idp.protocol.requested_claims import ABOUT_THE_LOGIN


def check_claims(request: AuthorizationRequest, context: Context) -> None:
    text = request.value("claims")
    if text is None:
        return
    try:
        asked = requested_claims.parse(text)
    except requested_claims.MalformedClaims as error:
        raise invalid_request(f"{error}.", "claims") from None
    for demand in (asked.of(member, "sub") or {} for member in requested_claims.MEMBERS):
        _expect(request, demand)
    request.claims = asked.only(
        name for name in asked.names if name in ABOUT_THE_LOGIN or may_request(request.client, name)
    )


def _expect(request: AuthorizationRequest, demand: Mapping[str, Any]) -> None:
    """§5.5.1: another person's sub must not be returned."""
    values = [*([demand["value"]] if "value" in demand else []), *demand.get("values", ())]
    if not all(isinstance(value, str) for value in values):
        raise invalid_request("A value of sub in claims is not a string.", "claims")
    if "value" in demand:
        request.expected_subjects |= {demand["value"]}
    if demand.get("values"):
        allowed = frozenset(demand["values"])
        request.allowed_subjects = allowed if request.allowed_subjects is None else request.allowed_subjects & allowed
