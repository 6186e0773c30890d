"""``response_type=code``: the grant is written, its one-time code handed out.

RFC 6749 §4.1.2, OpenID Connect Core §3.1.2.5, RFC 7636 §4.4 (the challenge is kept with the code).
"""

from __future__ import annotations

from idp.crypto.random import new_secret
from idp.domain.session import SignedIn
from idp.protocol.authorization_response import AuthorizationResponse


class CodeResponse(AuthorizationResponse):
    RESPONSE_TYPES = frozenset({"code"})

    def answer(self, signed_in: SignedIn) -> dict[str, str]:
        code = new_secret()
        self.store(self.new_grant(signed_in), code)
        return {"code": code}
