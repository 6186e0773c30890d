"""Client secrets: made for the method they are for, and kept as that method needs them.

RFC 6749 §2.3.1 (a secret that is shown is kept as a hash), OpenID Connect Core §9 and §10.1 (one that signs is a key of
at least 256 bits: sealed, since the provider must read it). Whoever registers clients gets their secrets here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from idp.crypto import random
from idp.crypto.jose import SECRET_KEY_BYTES
from idp.crypto.vault import Vault, VaultError
from idp.domain.client import Client

SIGNING = "client_secret_jwt"
SHOWN = frozenset({"client_secret_basic", "client_secret_post"})
_PURPOSE = "client_secret"


@dataclass(frozen=True)
class ClientSecret:
    """A secret, told once, and what is kept of it. All are None where the method uses no secret."""

    secret: str | None = field(default=None, repr=False)
    secret_hash: str | None = field(default=None, repr=False)
    secret_sealed: bytes | None = field(default=None, repr=False)


def new_secret(vault: Vault, client_id: str, method: str) -> ClientSecret:
    """A fresh secret for a client that authenticates by ``method``."""
    if method not in SHOWN and method != SIGNING:
        return ClientSecret()
    return keep(vault, client_id, method, random.new_secret())


def keep(vault: Vault, client_id: str, method: str, secret: str) -> ClientSecret:
    """A secret that somebody else made. Raises ValueError where it is too short to sign with."""
    if method in SHOWN:
        return ClientSecret(secret, secret_hash=random.hash_secret(secret))
    if method != SIGNING:
        return ClientSecret()
    if len(secret.encode()) < SECRET_KEY_BYTES:
        raise ValueError(f"a secret that signs has at least {SECRET_KEY_BYTES} bytes")
    return ClientSecret(secret, secret_sealed=vault.seal(_PURPOSE, secret.encode(), client_id))


def signing_key(vault: Vault, client: Client) -> bytes | None:
    """The secret as the key it is (OpenID Connect Core §10.1: its UTF-8 octets); None where there is none to read."""
    if client.secret_sealed is None:
        return None
    try:
        return vault.open(_PURPOSE, client.secret_sealed, client.client_id)
    except VaultError:
        return None
