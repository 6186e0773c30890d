"""The resource server's side: judging access tokens that the provider issued for us.

RFC 9068 §4 (JWT access tokens), RFC 6750 §3 (Bearer errors), RFC 7800 §3.1 (``cnf``: all that a token is bound to), RFC
9449 §7 (bound to a key), RFC 8705 §3 (bound to a certificate), RFC 9470 §3 (step-up challenge).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from clients.kit import certificate as certificates
from clients.kit import jwt
from clients.kit.assurance import LEVELS, satisfies
from clients.kit.certificate import ForwardedCertificates
from clients.kit.dpop import ALGORITHMS, ProofVerifier
from clients.kit.errors import AccessDenied, TokenInvalid
from clients.kit.introspection import Introspection
from clients.kit.provider import Provider

_BINDINGS = frozenset({"jkt", certificates.THUMBPRINT})
_CREDENTIALS = re.compile(r"(bearer|dpop) +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)


@dataclass(frozen=True)
class Shown:
    """A token and the scheme it was shown by, bearer or dpop."""

    token: str = field(repr=False)
    scheme: str


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

    @property
    def jkt(self) -> str | None:
        """The thumbprint of the key the token is bound to, None for a bearer token."""
        jkt: str | None = self.claims.get("cnf", {}).get("jkt")
        return jkt

    @property
    def scheme(self) -> str:
        return "Bearer" if self.jkt is None else "DPoP"


def shown(authorization: str | None) -> Shown:
    """The token in an Authorization header. Raises AccessDenied without error code when there is none."""
    match = _CREDENTIALS.fullmatch(authorization.strip()) if authorization else None
    if match is None:
        raise AccessDenied(None)
    return Shown(match[2], match[1].lower())


def bearer_token(authorization: str | None) -> str:
    """The same where only bearer tokens are of use."""
    found = shown(authorization)
    if found.scheme != "bearer":
        raise AccessDenied(None)
    return found.token


class AccessTokenVerifier:
    """Judges tokens of one provider for one audience (our own identifier).

    With `proofs` it also takes tokens that are bound to a key, where the request proves its possession; `forwarded`
    says whose word counts for the certificate of a request (if not given, nobody's). With `introspection` the provider
    is asked about every token whether it was revoked.
    """

    def __init__(
        self,
        provider: Provider,
        audience: str,
        *,
        algorithms: Sequence[str] = jwt.ALGORITHMS,
        acr_order: Sequence[str] = LEVELS,
        proofs: ProofVerifier | None = None,
        forwarded: ForwardedCertificates | None = None,
        introspection: Introspection | None = None,
    ) -> None:
        self._provider = provider
        self._audience = audience
        self._algorithms = tuple(algorithms)
        self._acr_order = tuple(acr_order)
        self._proofs = proofs
        self._introspection = introspection
        self.forwarded = forwarded or ForwardedCertificates()

    def verify_request(
        self,
        authorization: str | None,
        proofs: Sequence[str],
        *,
        method: str,
        path: str,
        now: datetime,
        certificate: bytes | None = None,
    ) -> AccessToken:
        """The token of a request by its Authorization and DPoP headers, and the certificate (DER) its caller proved to
        hold in TLS. Raises as :meth:`verify` and :meth:`ProofVerifier.check` do."""
        if self._proofs is None:
            return self.verify(bearer_token(authorization), now=now, certificate=certificate)
        found = shown(authorization)
        token = self._judge(found.token, now, found.scheme == "dpop", certificate)
        if token.jkt is not None:
            self._proofs.check(proofs, method=method, path=path, token=found.token, jkt=token.jkt, now=now)
        self._check_active(token, found.token, now)  # last: who proves nothing gives the provider no work
        return token

    def verify(
        self, token: str, *, now: datetime, is_bound: bool = False, certificate: bytes | None = None
    ) -> AccessToken:
        """Every check of RFC 9068 §4. ``is_bound`` asks for a token bound to a key, whose possession is still to be
        proved. Raises AccessDenied (`invalid_token`), ProviderUnavailable."""
        found = self._judge(token, now, is_bound, certificate)
        self._check_active(found, token, now)
        return found

    def _judge(self, token: str, now: datetime, is_bound: bool, certificate: bytes | None) -> AccessToken:
        """What the token itself says."""
        try:
            read = jwt.read_signed(token, self._provider.key, self._algorithms)
            found = self._check(read, now)
            _check_binding(read.claims, is_bound, certificate)
            return found
        except TokenInvalid as error:
            raise _not_valid(error.claim, "DPoP" if is_bound else "Bearer") from error

    def _check_active(self, found: AccessToken, token: str, now: datetime) -> None:
        """What the provider says of it."""
        if self._introspection is not None and not self._introspection.is_active(token, now=now):
            raise _not_valid("active", found.scheme)

    def _check(self, token: jwt.SignedToken, now: datetime) -> AccessToken:
        claims = token.claims
        jwt.check_type(token.header, "at+jwt")
        jwt.check_issuer(claims, self._provider.issuer)
        jwt.check_audience(claims, self._audience)
        expires_at = jwt.check_expiry(claims, now)
        jwt.check_not_before(claims, now)
        jwt.check_issued_at(claims, now)
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
                "insufficient_scope",
                "The access token lacks a scope",
                status=403,
                scheme=token.scheme,
                scope=" ".join(needed),
            )

    def check_acr(self, token: AccessToken, required: str) -> None:
        """Raises AccessDenied 401 `insufficient_user_authentication` with `acr_values` (RFC 9470 §3)."""
        if not satisfies(token.acr, required, self._acr_order):
            raise AccessDenied(
                "insufficient_user_authentication",
                "A higher level of identity assurance is needed",
                scheme=token.scheme,
                acr_values=required,
            )


def _not_valid(claim: str, scheme: str) -> AccessDenied:
    return AccessDenied("invalid_token", f"The access token is not valid here ({claim})", scheme=scheme)


def _check_binding(claims: dict[str, Any], is_bound: bool, certificate: bytes | None) -> None:
    """All of it must be known here and shown: as a bearer token, one bound to a key is worth nothing, for nobody showed
    us its possession; nor is one bound to nothing worth more for being shown with a proof."""
    confirmation = claims.get("cnf", {})
    is_known = isinstance(confirmation, dict) and _BINDINGS.issuperset(confirmation)
    if not is_known or ("cnf" in claims and not confirmation):
        raise TokenInvalid("cnf", "bound in a way that is not known here")
    if not is_bound and "jkt" in confirmation:
        raise TokenInvalid("cnf", "bound to a key, presented as bearer")
    if is_bound and not isinstance(confirmation.get("jkt"), str):
        raise TokenInvalid("cnf", "not bound to a key")
    if certificates.THUMBPRINT in confirmation:
        certificates.check(confirmation[certificates.THUMBPRINT], certificate)


def challenge(error: AccessDenied, realm: str = "tongxing") -> str:
    """The value of the WWW-Authenticate header for a refusal (RFC 6750 §3, RFC 9449 §7.1)."""
    parts = {"realm": realm, **({"error": error.error} if error.error else {})}
    if error.description:
        parts["error_description"] = error.description
    parts |= error.parameters
    if error.scheme == "DPoP":
        parts["algs"] = " ".join(ALGORITHMS)
    return f"{error.scheme} " + ", ".join(f'{name}="{_quoted(value)}"' for name, value in parts.items())


def _quoted(value: str) -> str:
    # Characters a quoted string of these parameters may not hold are left out (RFC 6750 §3).
    return "".join(character for character in value if " " <= character <= "~" and character not in '"\\')
