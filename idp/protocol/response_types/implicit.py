"""``response_type=id_token`` and ``id_token token``: everything comes in the front channel, there is no code.

OpenID Connect Core §3.2.2.5 (the answer), §3.2.2.10 (at_hash), §5.4 (without an access token the claims of scopes are
in the ID token).
"""

from __future__ import annotations

from idp.domain.session import SignedIn
from idp.protocol import id_token
from idp.protocol.authorization_response import AuthorizationResponse


class ImplicitResponse(AuthorizationResponse):
    RESPONSE_TYPES = frozenset({"id_token", "id_token token"})

    def answer(self, signed_in: SignedIn) -> dict[str, str]:
        grant, client = self.new_grant(signed_in), self.asked.client
        answer = self.access_token(grant) if self.asked.asks_for("token") else {}
        access_token = answer.get("access_token")
        answer["id_token"] = id_token.issue(
            self.context,
            client,
            grant,
            access_token=access_token,
            nonce=grant.nonce,
            scope=grant.scope if access_token is None else (),
        )
        self.store(grant)
        return answer
