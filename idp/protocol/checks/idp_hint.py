"""``idp_hint``: the upstream provider where the person is to log in; an unknown name is ignored like any hint.

Our own parameter beside those of OpenID Connect Core §3.1.2.1.
"""

from __future__ import annotations

from idp.context import Context
from idp.protocol.authorization_request import AuthorizationRequest


def check_idp_hint(request: AuthorizationRequest, context: Context) -> None:
    hint = request.value("idp_hint")
    if hint is not None and context.settings.upstream(hint) is not None:
        request.idp_hint = hint
