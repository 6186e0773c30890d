"""Refresh tokens: each used once, replaced by the next; a copy that turns up ends the whole family.

RFC 6749 §6, RFC 9700 §4.14.2 (rotation and reuse detection, or binding to a key), FAPI 2.0 Security Profile §5.3.2.1
(no rotation: a lost answer would lose the family), RFC 9449 §5, RFC 8705 §7.1, RFC 8707 §2.2, OpenID Connect Core §12.
"""

from __future__ import annotations

from typing import Any

from idp.domain.grant import Grant
from idp.protocol import audience, id_token, lifetimes, tokens
from idp.protocol.errors import ProtocolError, invalid_grant
from idp.protocol.token_grant import TokenGrant
from idp.storage import grants, organisations


class RefreshTokenGrant(TokenGrant):
    GRANT_TYPE = "refresh_token"

    def issue(self) -> dict[str, Any]:
        presented = tokens.read_refresh_token(self.context.vault, self.get("refresh_token"))
        id_token.check(self.context, self.client)
        if presented is None:
            raise invalid_grant()
        self._check_request(presented.grant_id)
        successor = presented.successor() if self.client.profile.rotates_refresh else presented
        grant = self._rotate(presented, successor)
        self._check_mandate(grant)
        scope = self._scope(grant)
        return tokens.token_response(
            self.context,
            self.client,
            grant,
            scope,
            audience=audience.of_token(self.context.settings, grant, scope, self.asked_resources),
            refresh_token=successor.text(self.context.vault),
            confirmation=self.request.confirmation,
        )

    def _check_request(self, grant_id: str) -> None:
        """A narrower scope or some of the resources may be asked for, never more (RFC 6749 §6, RFC 8707 §2.2). Judged
        before the token is used up: a client that mistypes a scope must not lose its family."""
        if not self.asked_scope and not self.asked_resources:
            return
        grant = grants.find(self.context.db, grant_id)
        if grant is None or grant.client_id != self.client.client_id:
            raise invalid_grant()
        if not self.asked_scope <= grant.scope & self.client.scope:
            raise ProtocolError("invalid_scope", "The scope exceeds what was granted.", parameter="scope")
        audience.of_token(self.context.settings, grant, self._scope(grant), self.asked_resources)

    def _scope(self, grant: Grant) -> frozenset[str]:
        """Left out, it is what was granted (§6), less what the client has lost since."""
        return self.asked_scope or grant.scope & self.client.scope

    def _rotate(self, presented: tokens.RefreshToken, successor: tokens.RefreshToken) -> Grant:
        """Replace the live token in one statement, which demands the key the family is bound to. One of ours that is
        not live was used before: a copy is about."""
        context = self.context
        idle_until, _ = lifetimes.refresh(context.settings, self.client, context.now)
        grant = grants.rotate_refresh(
            context.db,
            presented.grant_id,
            self.client.client_id,
            presented.hash,
            successor.hash,
            idle_until,
            context.now,
            confirmation=self.request.confirmation,
        )
        if grant is None:
            grants.revoke_reused(context.db, presented.grant_id, self.client.client_id, presented.hash, context.now)
            raise invalid_grant()
        return grant

    def _check_mandate(self, grant: Grant) -> None:
        """Who acts for a company needs the mandate at each use; its end ends what was given under it."""
        if grant.act_as is None:
            return
        mandate = organisations.find_mandate(self.context.db, grant.act_as["mandate_id"])
        if mandate is None or not mandate.is_valid(self.context.now):
            grants.revoke(self.context.db, grant.id, "mandate_ended", self.context.now)
            raise invalid_grant()
