"""Access tokens presented to us as a resource: found in the request, verified, not revoked.

RFC 6750 §2 (where the token may stand; never in the query), §3 (errors), RFC 9068 §4 (validation). A token bound to a
key (``cnf``, RFC 9449 §7, RFC 8705 §3) is refused as a bare bearer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from idp.context import Context
from idp.crypto.jose import JoseError
from idp.protocol.errors import ProtocolError
from idp.protocol.keys import verify_token
from idp.protocol.messages import CoreRequest
from idp.protocol.tokens import ACCESS_TOKEN
from idp.storage import access_tokens


@dataclass(frozen=True)
class VerifiedToken:
    """An access token of ours whose signature and times are good; whether it was revoked is another question."""

    claims: dict[str, Any] = field(repr=False)

    @property
    def jti(self) -> str:
        return str(self.claims["jti"])

    @property
    def grant_id(self) -> str | None:
        return self.claims.get("gid")

    @property
    def client_id(self) -> str:
        return str(self.claims["client_id"])

    @property
    def scope(self) -> frozenset[str]:
        return frozenset(str(self.claims.get("scope", "")).split())

    @property
    def audience(self) -> frozenset[str]:
        value = self.claims["aud"]
        return frozenset([value] if isinstance(value, str) else value)

    @property
    def is_bound(self) -> bool:
        return "cnf" in self.claims

    def is_active(self, context: Context) -> bool:
        """Whether it was not revoked meanwhile; one statement."""
        return access_tokens.is_active(context.db, self.jti, self.grant_id)


def find_access_token(context: Context, text: str) -> VerifiedToken | None:
    """The access token this text is, None if it is none of ours or has expired."""
    try:
        claims = verify_token(context, text, typ=ACCESS_TOKEN)
    except JoseError:
        return None
    return VerifiedToken(claims) if claims.get("iss") == context.settings.issuer else None


def presented_token(request: CoreRequest) -> str:
    """The token of a request to a protected resource: Authorization header or form body, exactly one of them."""
    if any(name == "access_token" for name, _ in request.message.query):
        raise _invalid_request("The access token is not taken from the query.")
    header = request.headers.get("Authorization")
    in_form = [value for name, value in request.message.form if name == "access_token" and value]
    if header is None:
        if len(in_form) > 1:
            raise _invalid_request("The access token is given twice.")
        if not in_form:
            raise challenge(None, "No access token was given.")
        return in_form[0]
    if in_form:
        raise _invalid_request("The access token is given twice.")
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer":  # RFC 9110 §11.1: the scheme's name is case-insensitive
        raise challenge(None, "No access token was given.")
    return str(token.strip())


def challenge(
    error: str | None, description: str, *, status_code: int = 401, scope: str | None = None
) -> ProtocolError:
    """An error of a protected resource (RFC 6750 §3): the header says it too, but no code where nothing was tried."""
    parts = ['realm="userinfo"']
    if error is not None:
        parts += [f'error="{error}"', f'error_description="{description}"']
    if scope is not None:
        parts.append(f'scope="{scope}"')
    headers = (("WWW-Authenticate", "Bearer " + ", ".join(parts)),)
    return ProtocolError(error or "invalid_token", description, status_code=status_code, headers=headers)


def _invalid_request(description: str) -> ProtocolError:
    return challenge("invalid_request", description, status_code=400)
