"""Pending logins at rest: bound to the browser that began them, redeemed once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, insert

from clients.kit.pending_login import LIFE, PendingLogin
from clients.kit.sealing import Sealer
from clients.kit.session_tables import pending_logins


def hash_secret(secret: str) -> str:
    """SHA-256 in hex: enough for values of 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True)
class Redeemed:
    """A pending login taken out of the store, and the path of our own to go on to."""

    pending: PendingLogin
    next_path: str


class PendingLogins:
    """The pending logins of one client."""

    def __init__(self, engine: Engine, sealer: Sealer, client_id: str) -> None:
        self._engine = engine
        self._sealer = sealer
        self._client_id = client_id

    def add(self, pending: PendingLogin, *, browser: str, next_path: str) -> None:
        """`browser` is the secret in the cookie of the browser that begins this login."""
        state_hash = hash_secret(pending.state)
        row = {
            "state_hash": state_hash,
            "client_id": self._client_id,
            "browser_hash": hash_secret(browser),
            "pending_sealed": self._sealer.seal(pending.to_json(), _place(state_hash)),
            "next_path": next_path,
            "expires_at": pending.created_at + LIFE,
        }
        with self._engine.begin() as connection:
            connection.execute(insert(pending_logins).values(row))

    def consume(self, state: str, *, browser: str, now: datetime) -> Redeemed | None:
        """Take the pending login out; of any number of callers at once, one gets it.

        None when there is none, it expired, or another browser began it: then it stays for its owner.
        """
        state_hash = hash_secret(state)
        claim = (
            delete(pending_logins)
            .where(
                pending_logins.c.state_hash == state_hash,
                pending_logins.c.client_id == self._client_id,
                pending_logins.c.browser_hash == hash_secret(browser),
                pending_logins.c.expires_at > now,
            )
            .returning(pending_logins.c.pending_sealed, pending_logins.c.next_path)
        )
        with self._engine.begin() as connection:
            row = connection.execute(claim).one_or_none()
        if row is None:
            return None
        pending = PendingLogin.from_json(self._sealer.unseal(row.pending_sealed, _place(state_hash)))
        return Redeemed(pending, row.next_path)


def _place(state_hash: str) -> str:
    return f"rp_pending_login.pending:{state_hash}"
