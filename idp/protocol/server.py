"""The authorization server: Authlib's core, given our storage, our checks and our answers.

RFC 6749 §3. One Server per request, built cheaply: grants and response types come from module-level tuples. Everything
that differs from Authlib's behaviour is overridden here or in the grant concerned, and has a test in tests/specs.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Request

from idp.context import Context
from idp.domain.client import Client
from idp.protocol.messages import CoreRequest, Reply, Request

# Authlib's grants write whole token dictionaries and clients to the log at DEBUG.
logging.getLogger("authlib").setLevel(logging.INFO)


class Server(AuthorizationServer):
    """Authlib's doors for requests, answers and storage, each opened onto our own parts."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context

    def query_client(self, client_id: str) -> Client | None:
        return self.context.find_client(client_id)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Authlib announces events here; nobody listens."""

    def create_oauth2_request(self, request: Request | OAuth2Request) -> OAuth2Request:
        return request if isinstance(request, OAuth2Request) else CoreRequest(request)

    def handle_response(
        self, status: int, body: Mapping[str, Any] | str | list[Any], headers: list[tuple[str, str]]
    ) -> Reply:
        # Authlib's errors bring their body as pairs
        return Reply(status, dict(body) if isinstance(body, list) else body, tuple(headers))

    def handle_error_response(self, request: OAuth2Request, error: OAuth2Error) -> Reply:
        """An error of a back-channel endpoint; errors that travel by redirect are written by responses.py."""
        error.redirect_uri = None
        return super().handle_error_response(request, error)  # type: ignore[no-any-return]
