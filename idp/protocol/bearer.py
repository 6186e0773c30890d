"""Access tokens presented to us as a resource: found in the request, verified, not revoked.

RFC 6750 §2 (where the token may stand; never in the query), §3 (errors), RFC 9449 §7.1 (the scheme DPoP), RFC 9068 §4
(validation). Whether a token bound to a key may be shown so, :mod:`idp.protocol.proof_of_possession` says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from idp.context import Context
from idp.crypto.jose import JoseError
from idp.domain.profile import FAPI_ALGORITHMS
from idp.protocol.errors import ProtocolError
from idp.protocol.keys import verify_token
from idp.protocol.messages import CoreRequest
from idp.protocol.tokens import ACCESS_TOKEN
from idp.storage import access_tokens

PROOF_ALGORITHMS = FAPI_ALGORITHMS
"""Of DPoP proofs."""


@dataclass(frozen=True)
class PresentedToken:
    """The text of a token and how it was shown: under the scheme DPoP, or as a bearer's."""

    text: str = field(repr=False)
    is_dpop: bool = False


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
    def confirmation(self) -> dict[str, str]:
        """What it is bound to (RFC 7800 §3.1); empty for a bearer token."""
        return dict(self.claims.get("cnf") or {})

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


def presented_token(request: CoreRequest) -> PresentedToken:
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
        return PresentedToken(in_form[0])
    if in_form:
        raise _invalid_request("The access token is given twice.")
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() not in {"bearer", "dpop"}:  # RFC 9110 §11.1: the scheme's name is case-insensitive
        raise challenge(None, "No access token was given.")
    return PresentedToken(token.strip(), is_dpop=scheme.lower() == "dpop")


def challenge(
    error: str | None,
    description: str,
    *,
    status_code: int = 401,
    scope: str | None = None,
    is_dpop: bool = False,
    headers: Iterable[tuple[str, str]] = (),
) -> ProtocolError:
    """An error of a protected resource (RFC 6750 §3, RFC 9449 §7.1): the header says it too, by the scheme that was
    used. Where nothing was tried it has no code and names both schemes."""
    said = [] if error is None else [f'error="{error}"', f'error_description="{description}"']
    if scope is not None:
        said.append(f'scope="{scope}"')
    by_scheme = {
        "Bearer": ['realm="userinfo"', *said],
        "DPoP": ['realm="userinfo"', *said, f'algs="{" ".join(PROOF_ALGORITHMS)}"'],
    }
    schemes = ("Bearer", "DPoP") if error is None else ("DPoP",) if is_dpop else ("Bearer",)
    challenges = [("WWW-Authenticate", f"{name} {', '.join(by_scheme[name])}") for name in schemes]
    return ProtocolError(
        error or "invalid_token", description, status_code=status_code, headers=(*challenges, *headers)
    )


def _invalid_request(description: str) -> ProtocolError:
    return challenge("invalid_request", description, status_code=400)
