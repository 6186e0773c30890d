"""What a client knows a person by: one public identifier per account, or one of the client's sector.

OpenID Connect Core §8. The public one is random, never reused, never derived from personal data. A pairwise one (§8.1)
is a keyed hash of it with the client's sector: the same for all clients of a sector, unlinkable between sectors by
anybody without our key; the session's name, which clients of all sectors would share, is made alike. A client's own
identifier (client credentials) is longer-lived text chosen at registration; 128 random bits or a hash cannot be
mistaken for it (RFC 9700 §4.15).
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlsplit

from idp.config import Settings
from idp.context import Context
from idp.crypto.vault import Vault
from idp.domain.account import Account
from idp.domain.client import Client

TYPES = ("public", "pairwise")


def subject_for(vault: Vault, account: Account, client: Client) -> str:
    """The ``sub`` of this person for this client. A grant keeps the one it was made with."""
    if client.metadata.get("subject_type") != "pairwise":
        return account.subject
    digest = vault.mac("pairwise_subject", f"{sector_of(client)}\0{account.subject}".encode())
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def sid_for(context: Context, sid: str, client: Client) -> str:
    """The ``sid`` of a session for this client: the session's own would tell two sectors that their subjects are one
    person. A member of a federation, which ends sessions by it, gets the session's own."""
    is_public = client.metadata.get("subject_type") != "pairwise"
    if is_public or client.client_id in context.settings.session_end_clients:
        return sid
    digest = context.vault.mac("pairwise_session", f"{sector_of(client)}\0{sid}".encode())
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def sector_of(client: Client) -> str:
    """The host that the client's redirect URIs share, or that of its ``sector_identifier_uri`` (§8.1). A client with
    neither, such as a native application, is a sector of its own."""
    uri = client.metadata.get("sector_identifier_uri")
    hosts = {urlsplit(item).hostname for item in ([uri] if uri else client.redirect_uris)}
    return (hosts.pop() if len(hosts) == 1 else None) or f"client {client.client_id}"


def server_metadata(settings: Settings) -> dict[str, Any]:
    """OpenID Connect Discovery §3."""
    return {"subject_types_supported": list(TYPES)}
