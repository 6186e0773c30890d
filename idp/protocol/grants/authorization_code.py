"""The authorization code, exchanged once for tokens.

RFC 6749 §4.1.3, §10.5; RFC 7636 §4.6; RFC 9700 §4.8.2 (no verifier without a challenge); RFC 9449 §10 (codes bound to a
key) and §5 with RFC 8705 §7.1 (refresh tokens bound to one); OpenID Connect Core §3.1.3.
"""

from __future__ import annotations

import hmac
import re
from typing import Any

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from idp.crypto.random import hash_secret, new_secret
from idp.domain.grant import Grant
from idp.protocol import audience, id_token, lifetimes, tokens
from idp.protocol.errors import ProtocolError, invalid_grant
from idp.protocol.token_grant import TokenGrant
from idp.storage import grants

_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")  # RFC 7636 §4.1


class AuthorizationCodeGrant(TokenGrant):
    GRANT_TYPE = "authorization_code"

    def issue(self) -> dict[str, Any]:
        code, redirect_uri = self.get("code"), self.get("redirect_uri")
        id_token.check(self.context, self.client)
        secret = new_secret() if self.client.check_grant_type("refresh_token") else None
        grant = self._consume(hash_secret(code), secret)
        if not hmac.compare_digest(grant.redirect_uri.encode(), redirect_uri.encode("utf-8", "surrogatepass")):
            raise self._burnt(grant, "redirect_uri_differs")
        if not is_verified(grant.code_challenge, self.find("code_verifier")):
            raise self._burnt(grant, "code_verifier_differs")
        if grant.dpop_jkt is not None and self.request.confirmation != {"jkt": grant.dpop_jkt}:
            raise self._burnt(grant, "dpop_key_differs")
        return tokens.token_response(
            self.context,
            self.client,
            grant,
            grant.scope,
            audience=self._audience(grant),
            nonce=grant.nonce,
            refresh_token=tokens.RefreshToken(grant.id, 1, secret).text(self.context.vault) if secret else None,
            confirmation=self.request.confirmation,
        )

    def _consume(self, code_hash: str, secret: str | None) -> Grant:
        """Claim the code and start its refresh family, in one statement. Whoever brings a used code again shows that
        it leaked: then everything it gave is revoked (RFC 6749 §4.1.2). A public client's family is bound to the key
        the client proves to have, a confidential one's to the client's authentication."""
        now = self.context.now
        idle_until, ends_at = lifetimes.refresh(self.context.settings, self.client, now)
        grant = grants.consume_code(
            self.context.db,
            code_hash,
            self.client.client_id,
            now,
            refresh_hash=hash_secret(secret) if secret else None,
            refresh_expires_at=idle_until if secret else None,
            refresh_ends_at=ends_at if secret else None,
            confirmation=self.request.confirmation if secret and self.client.is_public else None,
        )
        if grant is None:
            grants.revoke_replayed(self.context.db, code_hash, now)
            raise invalid_grant()
        return grant

    def _audience(self, grant: Grant) -> tuple[str, ...]:
        """RFC 8707 §2.2: of the resources granted, those the request names."""
        try:
            return audience.of_token(self.context.settings, grant, grant.scope, self.asked_resources)
        except ProtocolError:
            grants.revoke(self.context.db, grant.id, "resource_not_granted", self.context.now)
            raise

    def _burnt(self, grant: Grant, reason: str) -> Exception:
        """A code shown with the wrong binding is in the wrong hands; it stays used and gives nothing."""
        grants.revoke(self.context.db, grant.id, reason, self.context.now)
        return invalid_grant()


def is_verified(challenge: str | None, verifier: str | None) -> bool:
    """RFC 7636 §4.6 with S256. Without a challenge there must be no verifier either, else a client that uses PKCE
    could be made to skip it (RFC 9700 §4.8.2)."""
    if challenge is None or verifier is None:
        return challenge is None and verifier is None
    if not _VERIFIER.fullmatch(verifier):
        return False
    return hmac.compare_digest(create_s256_code_challenge(verifier).encode(), challenge.encode())
