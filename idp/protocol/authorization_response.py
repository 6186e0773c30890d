"""What the authorization endpoint gives a client, whatever the response type: a stored grant and the parts made of it.

OpenID Connect Core §3.1.2.5, §3.2.2.5, §3.3.2.5; RFC 6749 §4.1.2, §4.2.2. Every answer has one row in the grants, also
one without a code, so that revocation and logout reach what was given. The code is 256 random bits; only its hash is
stored (one statement).
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from authlib.oauth2.rfc6749 import AuthorizationEndpointMixin, BaseGrant

from idp.context import Context
from idp.crypto.random import hash_secret, new_id
from idp.domain.assurance import acr_of
from idp.domain.grant import Grant
from idp.domain.session import SignedIn
from idp.protocol import audience, lifetimes, tokens
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.messages import CoreRequest
from idp.protocol.subjects import sid_for, subject_for
from idp.storage import grants


class AuthorizationResponse(BaseGrant, AuthorizationEndpointMixin, ABC):
    """Authlib's seam for the authorization endpoint; the token endpoint's half is in protocol/grants."""

    request: CoreRequest
    RESPONSE_TYPES: frozenset[str]  # type: ignore[assignment]  # in our order of words

    @classmethod
    def check_authorization_endpoint(cls, request: CoreRequest) -> bool:  # type: ignore[override]
        """By what the checks made of the request: the order of words does not matter, nor where they stood."""
        return request.authorization.response_type in cls.RESPONSE_TYPES

    def validate_authorization_request(self) -> str:
        """Every check has run before Authlib chose this grant; see Server.get_authorization_grant."""
        return str(self.asked.redirect_uri)

    @property
    def context(self) -> Context:
        context: Context = self.server.context
        return context

    @property
    def asked(self) -> AuthorizationRequest:
        asked: AuthorizationRequest = self.request.authorization
        return asked

    @abstractmethod
    def answer(self, signed_in: SignedIn) -> dict[str, str]:
        """The answer's parameters, and the grant stored; responses.py adds state and iss and decides how they travel.
        Raises UnusableRegistration before anything is stored, and what :func:`idp.storage.grants.add` raises."""

    def new_grant(self, signed_in: SignedIn) -> Grant:
        request, session, account = self.asked, signed_in.session, signed_in.account
        return Grant(
            id=new_id(),
            client_id=request.client.client_id,
            account_id=account.id,
            subject=subject_for(self.context.vault, account, request.client),
            session_id=session.id,
            sid=sid_for(self.context, session.sid, request.client),
            scope=request.scope,
            redirect_uri=request.redirect_uri,
            audience=audience.of_scope(self.context.settings, request.scope, request.resources),
            created_at=self.context.now,
            auth_time=session.auth_time,
            acr=acr_of(session.level),
            amr=session.amr,
            nonce=request.nonce,
            code_challenge=request.code_challenge,
            requested_claims=request.claims.as_dict(),
            act_as=session.act_as,
            dpop_jkt=request.dpop_jkt,
            request_hash=request.origin.request_hash,
            is_front_channel=request.response_type != "code",
            code_expires_at=self.context.now + lifetimes.code(self.context.settings),
        )

    def store(self, grant: Grant, code: str | None = None) -> None:
        grants.add(self.context.db, grant, hash_secret(code) if code is not None else None)

    def access_token(self, grant: Grant) -> dict[str, str]:
        """The members an access token has in the front channel (RFC 6749 §4.2.2)."""
        token = tokens.access_token(
            self.context,
            self.asked.client,
            subject=grant.subject,
            scope=grant.scope,
            audience=grant.audience,
            grant=grant,
        )
        members = tokens.described(self.context, self.asked.client, token, grant.scope)
        return {name: str(value) for name, value in members.items()}
