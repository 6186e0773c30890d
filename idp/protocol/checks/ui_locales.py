"""``ui_locales``: the languages the person prefers, as the client knows; unknown ones are no error.

OpenID Connect Core §3.1.2.1, RFC 5646 §2.1 (language tags). ``claims_locales`` (§5.2) is accepted and changes nothing:
a person's claims are stored in one language.
"""

from __future__ import annotations

from idp.context import Context
from idp.protocol.authorization_request import AuthorizationRequest


def check_ui_locales(request: AuthorizationRequest, context: Context) -> None:
    request.ui_locales = tuple((request.value("ui_locales") or "").split())
