"""Client secrets: made where an authentication method uses one, kept as a hash or, where it is a key, sealed.

RFC 6749 §2.3.1, RFC 7591 §3.2.1 (client_secret), OpenID Connect Core §9 (client_secret_jwt), RFC 7518 §3.2 (a key for
HS256 has at least 256 bits).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from idp.crypto.random import hash_secret, new_secret
from idp.crypto.vault import Vault

_SENT = frozenset({"client_secret_basic", "client_secret_post"})
_SIGNED_WITH = "client_secret_jwt"


@dataclass(frozen=True)
class Secret:
    """``text`` is told once; ``hash`` or ``sealed`` is what is kept."""

    text: str = field(repr=False)
    hash: str | None = field(default=None, repr=False)
    sealed: bytes | None = field(default=None, repr=False)


def uses_secret(method: str) -> bool:
    return method in _SENT or method == _SIGNED_WITH


def new_client_secret(vault: Vault, client_id: str, method: str) -> Secret | None:
    """A secret for a client of this method, None where the method uses none."""
    if not uses_secret(method):
        return None
    text = new_secret()
    if method == _SIGNED_WITH:
        return Secret(text, sealed=vault.seal("client_secret", text.encode(), client_id))
    return Secret(text, hash=hash_secret(text))
