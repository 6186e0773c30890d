"""Secrets as an export writes them: text that only a provider with the same master key can read."""

from __future__ import annotations

from idp.context import Context
from idp.crypto.vault import VaultError

_MARK = "tongxing-sealed:"
_PURPOSE = "exported_secret"


def sealed(context: Context, secret: str, owner: str) -> str:
    """``owner``: whose secret it is (a client_id, a kid); under another name it cannot be opened."""
    return _MARK + context.vault.seal_text(_PURPOSE, secret, owner)


def opened(context: Context, text: str, owner: str) -> str:
    """The secret of a sealed text; any other text as it is. Raises ValueError."""
    if not text.startswith(_MARK):
        return text
    try:
        return str(context.vault.open_text(_PURPOSE, text.removeprefix(_MARK), owner))
    except VaultError:
        raise ValueError("was sealed under another master key or for another owner") from None
