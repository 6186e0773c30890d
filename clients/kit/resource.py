"""The resource server's side: judging access tokens that the provider issued for us.

RFC 9068 §4 (JWT access tokens), RFC 6750 §3 (Bearer errors), RFC 9470 §3 (step-up challenge).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from clients.kit import jwt
from clients.kit.assurance import LEVELS, satisfies
from clients.kit.errors import AccessDenied, TokenInvalid
from clients.kit.provider import Provider

_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)


@dataclass(frozen=True)
class AccessToken:
    """A token that is good here and now. `subject` equals `client_id` when a client acts for itself."""

    subject: str
    client_id: str
    scope: frozenset[str]
    expires_at: datetime
    acr: str | None
    claims: dict[str, Any] = field(repr=False)

    @property
    def is_person(self) -> bool:
        return self.subject != self.client_id

    @property
    def act_as(self) -> dict[str, Any] | None:
        """The organisation the person acts for: {uscc, name, role, mandate_id}, or None."""
        value = self.claims.get("act_as")
        return value if isinstance(value, dict) else None


def bearer_token(authorization: str | None) -> str:
    """The token in an Authorization header. Raises AccessDenied without error code when there is none."""
    match = _BEARER.fullmatch(authorization.strip()) if authorization else None
    if match is None:
        raise AccessDenied(None)
    return match[1]


class AccessTokenVerifier:
    """Judges tokens of one provider for one audience (our own identifier)."""

    def __init__(
        self,
        provider: Provider,
        audience: str,
        *,
        algorithms: Sequence[str] = jwt.ALGORITHMS,
        acr_order: Sequence[str] = LEVELS,
    ) -> None:
        self._provider = provider
        self._audience = audience
        self._algorithms = tuple(algorithms)
        self._acr_order = tuple(acr_order)

    def verify(self, token: str, *, now: datetime) -> AccessToken:
        """Every check of RFC 9068 §4. Raises AccessDenied (`invalid_token`), ProviderUnavailable."""
        try:
            read = jwt.read_signed(token, self._provider.key, self._algorithms)
            return self._check(read, now)
        except TokenInvalid as error:
            raise AccessDenied("invalid_token", f"The access token is not valid here ({error.claim})") from error

    def _check(self, token: jwt.SignedToken, now: datetime) -> AccessToken:
        claims = token.claims
        jwt.check_type(token.header, "at+jwt")
        jwt.check_issuer(claims, self._provider.issuer)
        jwt.check_audience(claims, self._audience)
        expires_at = jwt.check_expiry(claims, now)
        jwt.check_not_before(claims, now)
        jwt.check_issued_at(claims, now)
        if "cnf" in claims:
            # Bound to a key whose possession nobody showed us: as a bearer token it is worth nothing.
            raise TokenInvalid("cnf", "bound to a key, presented as bearer")
        scope, acr = claims.get("scope", ""), claims.get("acr")
        if not isinstance(scope, str):
            raise TokenInvalid("scope", "not a string")
        jwt.string(claims, "jti")
        return AccessToken(
            subject=jwt.string(claims, "sub"),
            client_id=jwt.string(claims, "client_id"),
            scope=frozenset(scope.split()),
            expires_at=expires_at,
            acr=acr if isinstance(acr, str) else None,
            claims=claims,
        )

    @staticmethod
    def check_scope(token: AccessToken, *needed: str) -> None:
        """Raises AccessDenied 403 `insufficient_scope`, naming what is needed (RFC 6750 §3.1)."""
        if not set(needed) <= token.scope:
            raise AccessDenied(
                "insufficient_scope", "The access token lacks a scope", status=403, scope=" ".join(needed)
            )

    def check_acr(self, token: AccessToken, required: str) -> None:
        """Raises AccessDenied 401 `insufficient_user_authentication` with `acr_values` (RFC 9470 §3)."""
        if not satisfies(token.acr, required, self._acr_order):
            raise AccessDenied(
                "insufficient_user_authentication",
                "A higher level of identity assurance is needed",
                acr_values=required,
            )


def challenge(error: AccessDenied, realm: str = "tongxing") -> str:
    """The value of the WWW-Authenticate header for a refusal (RFC 6750 §3)."""
    parts = {"realm": realm, **({"error": error.error} if error.error else {})}
    if error.description:
        parts["error_description"] = error.description
    parts |= error.parameters
    return "Bearer " + ", ".join(f'{name}="{_quoted(value)}"' for name, value in parts.items())


def _quoted(value: str) -> str:
    # Characters a quoted string of these parameters may not hold are left out (RFC 6750 §3).
    return "".join(character for character in value if " " <= character <= "~" and character not in '"\\')
