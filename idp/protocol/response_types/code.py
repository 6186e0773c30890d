"""``response_type=code``: the grant is written, its one-time code handed out.

RFC 6749 §4.1.2, OpenID Connect Core §3.1.2.5, RFC 7636 §4.4 (the challenge is kept with the code). The code is 256
random bits; only its hash is stored.
"""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749 import AuthorizationEndpointMixin, BaseGrant

from idp.context import Context
from idp.crypto.random import hash_secret, new_id, new_secret
from idp.domain.assurance import acr_of
from idp.domain.grant import Grant
from idp.domain.session import SignedIn
from idp.protocol import audience
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.messages import CoreRequest
from idp.protocol.subjects import subject_for
from idp.storage import grants


class CodeResponse(BaseGrant, AuthorizationEndpointMixin):
    """Authlib's seam for the authorization endpoint; the token endpoint's half is in protocol/grants."""

    request: CoreRequest
    RESPONSE_TYPES = {"code"}  # noqa: RUF012 - as Authlib declares it

    def validate_authorization_request(self) -> str:
        """Every check has run before Authlib chose this grant; see Server.get_authorization_grant."""
        return str(self.request.authorization.redirect_uri)

    def create_authorization_response(
        self, redirect_uri: str, grant_user: SignedIn
    ) -> tuple[int, dict[str, str], list[Any]]:
        """The answer's parameters; responses.py adds state and iss and decides how they travel."""
        return 200, {"code": issue_code(self.server.context, self.request.authorization, grant_user)}, []


def issue_code(context: Context, request: AuthorizationRequest, signed_in: SignedIn) -> str:
    """Store the grant with its code's hash (one statement); returns the code."""
    session, account, code = signed_in.session, signed_in.account, new_secret()
    grant = Grant(
        id=new_id(),
        client_id=request.client.client_id,
        account_id=account.id,
        subject=subject_for(account, request.client),
        session_id=session.id,
        sid=session.sid,
        scope=request.scope,
        redirect_uri=request.redirect_uri,
        audience=audience.of_scope(context.settings, request.scope, request.resources),
        created_at=context.now,
        auth_time=session.auth_time,
        acr=acr_of(session.level),
        amr=session.amr,
        nonce=request.nonce,
        code_challenge=request.code_challenge,
        requested_claims=request.claims.as_dict(),
        act_as=session.act_as,
        dpop_jkt=request.dpop_jkt,
        request_hash=request.origin.request_hash,
        code_expires_at=context.now + context.settings.code_lifetime,
    )
    grants.add(context.db, grant, hash_secret(code))
    return code
