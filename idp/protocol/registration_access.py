"""Who may register a client, and with what: the deployment's setting, initial access tokens, a count by address.

RFC 7591 §3 (open and protected registration) and Appendix A, RFC 6750 §2.1 and §3 (tokens in the header, the
challenge), OWASP ASVS 10.4.7 (open registration made safe).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from idp.context import Context
from idp.crypto.random import hash_secret
from idp.domain.network import network_of
from idp.protocol.client_metadata import Policy
from idp.protocol.errors import ProtocolError
from idp.protocol.messages import Request
from idp.storage import initial_access_tokens
from idp.storage.ephemeral import Ephemeral, SqlEphemeral
from idp.storage.ephemeral_redis import EphemeralUnavailable

_HOUR = timedelta(hours=1)
_KIND = "client_registrations"


@dataclass(frozen=True)
class Registrant:
    """Who registers: what they may have, and the initial access token to be counted when they have succeeded."""

    policy: Policy
    token: str | None = field(default=None, repr=False)

    def count(self, context: Context) -> None:
        """Raises invalid_token where somebody else has had the token's last use meanwhile."""
        if self.token is not None and not initial_access_tokens.use(context.db, self.token, context.now):
            raise invalid_token()


def admit(context: Context, request: Request, address: str) -> Registrant:
    """Raises invalid_token (401) without a good token where one is needed or given, and temporarily_unavailable (429)
    for an address that has registered too often."""
    token = bearer_token(request)
    if token is not None:
        found = initial_access_tokens.find(context.db, token, context.now)
        if found is None:
            raise invalid_token()
        return Registrant(Policy.of(found.policy), token)
    if context.settings.registration == "token":
        raise no_token()
    if context.settings.registration == "open":
        _count_address(context, address)
    return Registrant(Policy())


def bearer_token(request: Request) -> str | None:
    """The token of the Authorization header; it is taken from nowhere else. Raises invalid_token for another scheme."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise no_token()
    return token.strip()


def no_token() -> ProtocolError:
    """Where nothing was tried the challenge carries no error (RFC 6750 §3.1)."""
    return _challenge('Bearer realm="clients"', "A token is needed here.")


def invalid_token() -> ProtocolError:
    return _challenge(
        'Bearer realm="clients", error="invalid_token"', "The token is unknown, expired, used up or of another client."
    )


def _challenge(header: str, description: str) -> ProtocolError:
    return ProtocolError("invalid_token", description, status_code=401, headers=(("WWW-Authenticate", header),))


def _count_address(context: Context, address: str) -> None:
    key = hash_secret(network_of(address))
    count = _with_store(context, lambda store: store.increment(_KIND, key, _HOUR))
    if count > context.settings.registration_limit:
        retry = (("Retry-After", str(int(_HOUR.total_seconds()))),)
        raise ProtocolError(
            "temporarily_unavailable",
            "Too many clients were registered from this address.",
            status_code=429,
            headers=retry,
        )


def _with_store(context: Context, work: Callable[[Ephemeral], int]) -> int:
    """While Redis is away counting goes on in the database."""
    try:
        return work(context.ephemeral)
    except EphemeralUnavailable:
        return work(SqlEphemeral(context.db, context.vault, context.now))
