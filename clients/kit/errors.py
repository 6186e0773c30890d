"""Everything the kit raises on purpose; a web layer turns each kind into one plain page."""

from __future__ import annotations


class KitError(Exception):
    """Base of the family. The message is for logs: it names the cause and never carries a secret."""


class ServiceUnavailable(KitError):
    """A service did not give a usable answer in time; trying again later may help."""


class ProviderUnavailable(ServiceUnavailable):
    """The OpenID provider is unreachable, too slow, or answers with something that is no protocol message."""


class LoginRefused(KitError):
    """The provider answered the authorization request with an error (OpenID Connect Core §3.1.2.6).

    `error` is the protocol's code (`access_denied`, `login_required`, …), `description` the provider's own words.
    """

    def __init__(self, error: str, description: str | None = None) -> None:
        super().__init__(f"login refused: {error}")
        self.error = error
        self.description = description


class ResponseInvalid(KitError):
    """An authorization response that is not the answer to this browser's request (state, iss, missing code)."""


class TokenRefused(KitError):
    """The token endpoint, or another endpoint that authenticates clients, answered with an OAuth error."""

    def __init__(self, error: str, description: str | None = None) -> None:
        super().__init__(f"request refused: {error}")
        self.error = error
        self.description = description


class TokenInvalid(KitError):
    """A token (ID, logout or access token) failed a check. `claim` names what was wrong, never its value."""

    def __init__(self, claim: str, reason: str) -> None:
        super().__init__(f"{claim}: {reason}")
        self.claim = claim
        self.reason = reason


class SessionEnded(KitError):
    """The local session is over: signed out, expired, or its refresh token was refused. Log in again."""


class LogoutReplayed(KitError):
    """This logout token was received before (OpenID Connect Back-Channel Logout §2.6 step 8)."""


class AccessDenied(KitError):
    """A protected resource refuses an access token; carries what the `WWW-Authenticate` challenge needs.

    `error` is None when the request carried no token at all (RFC 6750 §3.1); `scheme` is how the token was shown.
    """

    def __init__(
        self,
        error: str | None,
        description: str = "",
        *,
        status: int = 401,
        scheme: str = "Bearer",
        **parameters: str,
    ) -> None:
        super().__init__(f"access denied: {error or 'no token'}")
        self.error = error
        self.description = description
        self.status = status
        self.scheme = scheme
        self.parameters = parameters
