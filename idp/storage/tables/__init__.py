"""Every table of the provider's database, one module a concern, as its migrations have it.

Personal data and private keys are sealed (``*_sealed``), look-ups go by keyed blind index (``*_index``), secrets are
stored as hashes (``*_hash``). Times are aware UTC.
"""

from idp.storage.tables.clients import client_logos, clients, initial_access_tokens
from idp.storage.tables.columns import metadata
from idp.storage.tables.operation import ephemeral, outbox, signing_keys
from idp.storage.tables.people import accounts, linked_identities, mandates, organisations, proofs, registrations
from idp.storage.tables.sign_in import consents, grants, revoked_tokens, sessions

__all__ = [
    "accounts",
    "client_logos",
    "clients",
    "consents",
    "ephemeral",
    "grants",
    "initial_access_tokens",
    "linked_identities",
    "mandates",
    "metadata",
    "organisations",
    "outbox",
    "proofs",
    "registrations",
    "revoked_tokens",
    "sessions",
    "signing_keys",
]
