"""``idp_hint``: the upstream provider where the person is to log in; an unknown name is ignored like any hint.

Our own parameter beside those of OpenID Connect Core §3.1.2.1.
"""

from __future__ import annotations

from idp.context import Context
from idp.protocol.authorization_request import AuthorizationRequest


def check_idp_hint(request: AuthorizationRequest, context: Context) -> None:
    hint = request.value("idp_hint")
    upstream = context.settings.upstream(hint) if hint else None
    # A provider that asks us who somebody is cannot be asked that itself: the two would go round for ever.
    if upstream is not None and not request.client.is_provider(upstream.issuer):
        request.idp_hint = upstream.name
