"""``response_type=code id_token``, ``code token``, ``code id_token token``: a code, and tokens in the front channel.

OpenID Connect Core §3.3.2.5 (the answer), §3.3.2.11 (c_hash, at_hash), §3.3.3.6 (the ID token here may say less of the
person than the one the code gives: here it says nothing). Code and tokens are of one grant.
"""

from __future__ import annotations

from idp.crypto.random import new_secret
from idp.domain.session import SignedIn
from idp.protocol import id_token
from idp.protocol.authorization_response import AuthorizationResponse


class HybridResponse(AuthorizationResponse):
    RESPONSE_TYPES = frozenset({"code id_token", "code token", "code id_token token"})

    def answer(self, signed_in: SignedIn) -> dict[str, str]:
        grant, code = self.new_grant(signed_in), new_secret()
        answer = {"code": code} | (self.access_token(grant) if self.asked.asks_for("token") else {})
        if self.asked.asks_for("id_token"):
            answer["id_token"] = id_token.issue_beside_code(
                self.context, self.asked.client, grant, code=code, access_token=answer.get("access_token")
            )
        self.store(grant, code)
        return answer
