"""The authorization server: Authlib's core, given our storage, our checks and our answers.

RFC 6749 §3. One Server per request, built cheaply: grants and response types come from module-level tuples. Everything
that differs from Authlib's behaviour is overridden here or in the grant concerned, and has a test in tests/specs.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Request

from idp.context import Context
from idp.domain.client import Client
from idp.domain.session import SignedIn
from idp.protocol import client_authentication, par, session_management, token_endpoint
from idp.protocol.authorization_response import AuthorizationResponse
from idp.protocol.authorize import check_authorization_request
from idp.protocol.errors import ProtocolError
from idp.protocol.form import check_form
from idp.protocol.grants import TOKEN_GRANTS
from idp.protocol.introspection import Introspection
from idp.protocol.messages import CoreRequest, Reply, Request
from idp.protocol.response_types import AUTHORIZATION_GRANTS
from idp.protocol.responses import write_success
from idp.protocol.revocation import Revocation

# Authlib's grants write whole token dictionaries and clients to the log at DEBUG.
logging.getLogger("authlib").setLevel(logging.INFO)

ENDPOINTS = (Introspection, Revocation)


class Server(AuthorizationServer):
    """Authlib's doors for requests, answers and storage, each opened onto our own parts."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self._authorization_grants = AUTHORIZATION_GRANTS  # type: ignore[assignment]  # a tuple: nothing is added
        self._token_grants = TOKEN_GRANTS  # type: ignore[assignment]
        for endpoint in ENDPOINTS:
            self.register_endpoint(endpoint)

    def query_client(self, client_id: str) -> Client | None:
        return self.context.find_client(client_id)

    def authenticate_client(self, request: CoreRequest, methods: Collection[str], endpoint: str = "token") -> Client:
        """The first step of every back-channel endpoint: a clean form, then whose it is."""
        check_form(request)
        return client_authentication.authenticate(self.context, request, methods)

    def create_token_response(self, request: Request | None = None) -> Reply:
        if request is None:
            raise TypeError("there is no request to fall back to")
        return token_endpoint.respond(self, CoreRequest(request))

    def create_par_response(self, request: Request) -> Reply:
        return par.respond(self, CoreRequest(request))

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Authlib announces events here; nobody listens."""

    def create_oauth2_request(self, request: Request | OAuth2Request) -> OAuth2Request:
        return request if isinstance(request, OAuth2Request) else CoreRequest(request)

    def get_authorization_grant(self, request: CoreRequest) -> AuthorizationResponse:
        """Our checks run before Authlib looks at a parameter: it would put the client's text into error texts, refuse
        that text, and run extensions in no order."""
        if request.authorization is None:
            message = request.message
            request.authorization = check_authorization_request(self.context, message.parameters, message.origin)
        return super().get_authorization_grant(request)  # type: ignore[no-any-return]

    def grant_authorization(
        self,
        grant: AuthorizationResponse,
        signed_in: SignedIn,
        *,
        browser_state: str | None = None,
        is_post: bool = False,
    ) -> Reply:
        """The person has done everything there was to do: give the client its answer. Raises UnusableRegistration,
        whose target says whether the client can hear of it."""
        asked = grant.asked
        if asked.target is None:
            raise ValueError("the redirect URI has not been validated")
        try:
            parameters = grant.answer(signed_in)
        except ProtocolError as error:
            error.target = asked.target
            raise
        parameters = {**parameters, **session_management.answer_parameters(asked, browser_state)}
        return write_success(self.context, asked.target, parameters, is_post=is_post)

    def handle_response(
        self, status: int, body: Mapping[str, Any] | str | list[Any], headers: list[tuple[str, str]]
    ) -> Reply:
        # Authlib's errors bring their body as pairs
        return Reply(status, dict(body) if isinstance(body, list) else body, tuple(headers))

    def handle_error_response(self, request: OAuth2Request, error: OAuth2Error) -> Reply:
        """An error of a back-channel endpoint; errors that travel by redirect are written by responses.py."""
        error.redirect_uri = None
        return super().handle_error_response(request, error)  # type: ignore[no-any-return]
