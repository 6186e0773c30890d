"""Random values and their hashes at rest: what is issued is ≥ 256 random bits, what is stored is its SHA-256."""

from __future__ import annotations

import hashlib
import secrets


def new_secret() -> str:
    """256 random bits in base64url, 43 characters: tokens, cookies, codes."""
    return secrets.token_urlsafe(32)


def new_id() -> str:
    """128 random bits in base64url, 22 characters: identifiers that are not secrets. None begins with a hyphen: it can
    be given on a command line, where that would make it an option."""
    while (found := secrets.token_urlsafe(16)).startswith("-"):
        pass
    return found


def new_digits(length: int) -> str:
    """A one-time code of decimal digits for a person to type."""
    return "".join(secrets.choice("0123456789") for _ in range(length))


def hash_secret(secret: str) -> str:
    """SHA-256 in hex. Enough for values of ≥ 256 random bits; never for anything a person chose."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
