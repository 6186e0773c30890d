"""What a client knows a person by (OpenID Connect Core §8).

One public identifier per account: random, never reused, never derived from personal data. A client's own identifier
(client credentials) is longer-lived text chosen at registration; the 128-bit random subject cannot be mistaken for it
(RFC 9700 §4.15).
"""

from __future__ import annotations

from typing import Any

from idp.config import Settings
from idp.domain.account import Account
from idp.domain.client import Client


def subject_for(account: Account, client: Client) -> str:
    """The ``sub`` of this person for this client."""
    return account.subject


def server_metadata(settings: Settings) -> dict[str, Any]:
    """OpenID Connect Discovery §3."""
    return {"subject_types_supported": ["public"]}
