"""Client secrets: made where an authentication method uses one, kept as a hash or, where it is a key, sealed.

RFC 6749 §2.3.1, RFC 7591 §3.2.1 (client_secret), OpenID Connect Core §9 (client_secret_jwt), §10.1 (its octets are the
key), RFC 7518 §3.2 (a key for HS256 has at least 256 bits). Whoever registers clients gets their secrets here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from idp.crypto.random import hash_secret, new_secret
from idp.crypto.vault import Vault, VaultError
from idp.domain.client import Client

_SENT = frozenset({"client_secret_basic", "client_secret_post"})
_SIGNED_WITH = "client_secret_jwt"
_PURPOSE = "client_secret"
SECRET_KEY_BYTES = 32


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
    return kept(vault, client_id, method, new_secret()) if uses_secret(method) else None


def kept(vault: Vault, client_id: str, method: str, text: str) -> Secret:
    """A secret that somebody else made, as it is kept for a method that uses one. Raises ValueError where it is too
    short to sign with."""
    if method != _SIGNED_WITH:
        return Secret(text, hash=hash_secret(text))
    if len(text.encode()) < SECRET_KEY_BYTES:
        raise ValueError(f"a secret to sign with has at least {SECRET_KEY_BYTES} bytes")
    return Secret(text, sealed=vault.seal(_PURPOSE, text.encode(), client_id))


def signing_key(vault: Vault, client: Client) -> bytes | None:
    """The key that a client's secret is; None where there is none to be read."""
    if client.secret_sealed is None:
        return None
    try:
        return vault.open(_PURPOSE, client.secret_sealed, client.client_id)
    except VaultError:
        return None
