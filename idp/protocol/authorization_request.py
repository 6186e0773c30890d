"""An authorization request: its parameters as sent, and what the ordered checks made of them.

OpenID Connect Core §3.1.2.1 (parameters), RFC 6749 §3.1 (a parameter without a value counts as omitted).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from idp.context import Context
from idp.domain.client import Client
from idp.domain.origin import PLAIN, Origin
from idp.protocol.messages import Pairs
from idp.protocol.requested_claims import RequestedClaims
from idp.protocol.responses import Target


@dataclass
class AuthorizationRequest:
    """Filled in by the checks in their order and only read afterwards. ``client`` and ``target`` are always set once
    the first two checks have passed."""

    parameters: Pairs = field(repr=False)  # those that count, see idp.protocol.resolution
    origin: Origin = PLAIN
    client: Client = field(init=False)
    target: Target | None = None
    response_type: str = "code"  # in our order of words
    scope: frozenset[str] = frozenset()
    nonce: str | None = None
    code_challenge: str | None = None
    dpop_jkt: str | None = None  # the only key whose proof may redeem the code (RFC 9449 §10)
    prompt: frozenset[str] = frozenset()
    max_age: int | None = None  # seconds
    display: str | None = None
    login_hint: str | None = field(default=None, repr=False)
    expected_subjects: frozenset[str] = (
        frozenset()
    )  # who must be the person: from id_token_hint and the claims parameter
    allowed_subjects: frozenset[str] | None = None  # one of whom the person must be: values of sub; None: anybody
    ui_locales: tuple[str, ...] = ()
    wished_level: int = 0  # the least level of acr_values: tried for, not insisted on
    needed_level: int = 0  # the least level that must be reached
    claims: RequestedClaims = field(default_factory=RequestedClaims)
    resources: tuple[str, ...] = ()
    idp_hint: str | None = None

    def asks_for(self, part: str) -> bool:
        """Whether the answer is to hold a ``code``, an ``id_token`` or an access ``token``."""
        return part in self.response_type.split(" ")

    def values(self, name: str) -> list[str]:
        """Every value sent for a parameter, empty ones left out."""
        return [value for key, value in self.parameters if key == name and value]

    def value(self, name: str) -> str | None:
        """The parameter's first value, or None."""
        return next((value for key, value in self.parameters if key == name and value), None)

    @property
    def redirect_uri(self) -> str:
        if self.target is None:
            raise ValueError("the redirect URI has not been validated")
        return self.target.redirect_uri


Check = Callable[[AuthorizationRequest, Context], None]
