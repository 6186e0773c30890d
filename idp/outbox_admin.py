"""What an operator sees of the outbox and may do: look at what waits and at dead letters, and send one again."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from idp.context import Context
from idp.storage import outbox
from idp.storage.outbox import Delivery


class Which(StrEnum):
    DEAD = "dead"
    WAITING = "waiting"


def list_deliveries(context: Context, which: Which = Which.DEAD, limit: int = 100) -> Sequence[Delivery]:
    """Dead letters (the newest first) or what still waits (the next first)."""
    if which is Which.DEAD:
        return outbox.list_dead(context.db, limit)
    return outbox.list_waiting(context.db, limit)


def retry(context: Context, delivery_id: str) -> bool:
    """Give a dead letter another life; False when there is no such dead letter."""
    return outbox.revive(context.db, delivery_id, context.now)


def retry_all(context: Context) -> int:
    """Give every dead letter another life; how many."""
    return outbox.revive_all(context.db, context.now)
