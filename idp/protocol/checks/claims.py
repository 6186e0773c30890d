"""``claims``: single claims asked for, limited to those that the client's scopes could give it.

OpenID Connect Core §5.5. A claim we do not know, or the client may not have, is left out silently (§5.5.1: that is no
error, essential or not); a person named by ``sub`` must be the one who logs in.
"""

from __future__ import annotations

from idp.context import Context
from idp.protocol import requested_claims
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.claims import may_request
from idp.protocol.errors import invalid_request
from idp.protocol.requested_claims import ABOUT_THE_LOGIN, RequestedClaims


def check_claims(request: AuthorizationRequest, context: Context) -> None:
    text = request.value("claims")
    if text is None:
        return
    try:
        asked = requested_claims.parse(text)
    except requested_claims.MalformedClaims as error:
        raise invalid_request(f"{error}.", "claims") from None
    request.expected_subjects |= _subjects(asked)
    request.claims = asked.only(
        name for name in asked.names if name in ABOUT_THE_LOGIN or may_request(request.client, name)
    )


def _subjects(asked: RequestedClaims) -> set[str]:
    """The person a value of ``sub`` demands (§5.5.1)."""
    demands = [asked.of(member, "sub") or {} for member in requested_claims.MEMBERS]
    subjects = [demand["value"] for demand in demands if "value" in demand]
    if not all(isinstance(subject, str) for subject in subjects):
        raise invalid_request("The value of sub in claims is not a string.", "claims")
    return set(subjects)
