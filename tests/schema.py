"""Template databases: the provider's tables as its migrations make them, with signing keys already there."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select

from idp.app import create_app
from idp.config import Settings
from idp.context import Provider
from idp.crypto.keyring import KeyRing
from idp.protocol import keys
from idp.storage import migrate
from idp.storage.signing_keys import list_all
from idp.storage.tables import signing_keys

MASTER_KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()


def build(url: str) -> None:
    """Make the tables in an empty database, and the keys, a little before any test's clock."""
    migrate.upgrade(url)
    settings = Settings(database_url=url, master_key=MASTER_KEY, argon2_memory_kib=8192)
    provider: Provider = create_app(settings, clock=_a_minute_ago).extensions["tongxing"]
    with provider.work() as context:
        keys.ensure_keys(context)
    provider.engine.dispose()
    provider.alone.dispose()


def load_keys(provider: Provider, *, are_own: bool = False) -> None:
    """Give a new application its signing keys: the template's, or those of a test's second provider."""
    if are_own:
        _put_own(provider)
    with provider.work() as context:
        stored = list_all(context.db, context.vault)
    kids = tuple(key.kid for key in stored)
    if kids not in _rings:
        _rings[kids] = KeyRing(stored)  # importing RSA keys costs more than the rest of most tests
    vars(provider.keys).update(vars(_rings[kids]))


_rings: dict[tuple[str, ...], KeyRing] = {}
_own: list[dict[str, Any]] = []


def _put_own(provider: Provider) -> None:
    """Keys that the template does not have: made once in a process, for RSA keys take half a second."""
    with provider.work() as context:
        context.db.execute(delete(signing_keys))
        if _own:
            context.db.execute(insert(signing_keys), _own)
            return
        keys.ensure_keys(context)
        _own.extend(dict(row) for row in context.db.execute(select(signing_keys)).mappings())


def _a_minute_ago() -> datetime:
    return datetime.now(UTC) - timedelta(minutes=1)
