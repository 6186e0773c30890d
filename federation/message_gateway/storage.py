"""The messages that were handed in, the newest first; recipient and text sealed, found by a keyed index."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Engine, Index, Integer, LargeBinary, MetaData, String, Table, delete, insert, select

from clients.kit import migrations
from clients.kit.sealing import Sealer
from clients.kit.session_tables import UtcDateTime, open_engine

__all__ = ["Message", "Messages", "migrate", "open_engine"]
_KEPT = 500  # the oldest beyond these are forgotten

metadata = MetaData()
messages = Table(
    "gateway_messages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("recipient_index", String(64), nullable=False),
    Column("message_sealed", LargeBinary, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Index("ix_gateway_messages_recipient_index", "recipient_index"),
)


@dataclass(frozen=True)
class Message:
    recipient: str
    text: str
    received_at: datetime


class Messages:
    """The store. ``key``: 32 secret bytes. Safe to share between threads and processes."""

    def __init__(self, engine: Engine, key: bytes) -> None:
        self._engine, self._key, self._sealer = engine, key, Sealer(key)

    def add(self, message: Message) -> None:
        text = json.dumps([message.recipient, message.text], ensure_ascii=False)
        index = self._index(message.recipient)
        row = {"recipient_index": index, "received_at": message.received_at}
        newest = select(messages.c.id).order_by(messages.c.id.desc()).limit(_KEPT)
        with self._engine.begin() as connection:
            connection.execute(insert(messages).values(message_sealed=self._sealer.seal(text, index), **row))
            connection.execute(delete(messages).where(messages.c.id.not_in(newest)))

    def list_newest(self, recipient: str | None = None, limit: int = 100) -> list[Message]:
        """All messages, or those to one recipient."""
        query = select(messages).order_by(messages.c.id.desc()).limit(limit)
        if recipient is not None:
            query = query.where(messages.c.recipient_index == self._index(recipient))
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        found = [(json.loads(self._sealer.unseal(row.message_sealed, row.recipient_index)), row) for row in rows]
        return [Message(to, text, row.received_at) for (to, text), row in found]

    def _index(self, recipient: str) -> str:
        return hmac.new(self._key, recipient.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def migrate(url: str) -> None:
    """Bring the tables in the database at ``url`` up to date."""
    migrations.upgrade("gateway", url)
