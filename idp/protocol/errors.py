"""Protocol errors: a registered code, a fixed text, and the parameter it is about.

RFC 6749 §4.1.2.1 and §5.2 (codes, allowed characters), OpenID Connect Core §3.1.2.6, OpenID Connect Core Unmet
Authentication Requirements §2, RFC 8707 §2 (invalid_target). A description never repeats what the client sent: that
would carry foreign text into answers, pages and logs (and Authlib refuses characters outside %x20-7E in it).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from authlib.oauth2 import OAuth2Error

if TYPE_CHECKING:
    from idp.protocol.responses import Target

ERROR_HEADERS = (("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("Pragma", "no-cache"))


class ProtocolError(OAuth2Error):
    """``target`` is where an authorization error is sent; None (no validated redirect URI) means: never redirect.
    ``answer_parameters`` are what it carries besides (session_state)."""

    def __init__(
        self,
        error: str,
        description: str,
        *,
        parameter: str | None = None,
        status_code: int = 400,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        super().__init__(description=description, status_code=status_code, error=error)
        self.parameter = parameter
        self.extra_headers = tuple(headers)
        self.target: Target | None = None
        self.answer_parameters: dict[str, str] = {}

    def get_headers(self) -> list[tuple[str, str]]:
        return [*ERROR_HEADERS, *self.extra_headers]


def invalid_request(description: str, parameter: str | None = None) -> ProtocolError:
    """The request is malformed: RFC 6749 §4.1.2.1."""
    return ProtocolError("invalid_request", description, parameter=parameter)


def invalid_client(description: str = "Client authentication failed.", *, scheme: str | None = None) -> ProtocolError:
    """401 for every failure of client authentication, with one text for all of them (RFC 6749 §5.2)."""
    headers = (("WWW-Authenticate", f'{scheme} realm="token"'),) if scheme else ()
    return ProtocolError("invalid_client", description, status_code=401, headers=headers)


def invalid_grant(
    description: str = "The grant is invalid, expired, revoked or was issued to someone else.",
) -> ProtocolError:
    """One text for every way a code or refresh token can be wrong (RFC 6749 §5.2)."""
    return ProtocolError("invalid_grant", description)
