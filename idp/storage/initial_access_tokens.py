"""Initial access tokens: with what a client may be registered, how often and until when (RFC 7591 §3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, case, delete, insert, or_, select, update

from idp.crypto.random import hash_secret, new_id, new_secret
from idp.storage.db import Db, upsert
from idp.storage.tables import initial_access_tokens as tokens


@dataclass(frozen=True)
class InitialAccessToken:
    id: str
    label: str
    policy: Mapping[str, Any]
    uses_left: int | None  # None: not counted
    expires_at: datetime | None
    created_at: datetime
    token_hash: str = field(default="", repr=False)


_IS_GOOD = and_(
    tokens.c.token_hash == bindparam("hash"),
    or_(tokens.c.uses_left.is_(None), tokens.c.uses_left > 0),
    or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > bindparam("moment")),
)
_FIND = select(tokens).where(_IS_GOOD)
_USE = (
    update(tokens)
    .where(_IS_GOOD)
    .values(uses_left=case((tokens.c.uses_left.is_(None), None), else_=tokens.c.uses_left - 1))
    .returning(tokens.c.id)
)


def add(
    db: Db,
    *,
    label: str,
    policy: Mapping[str, Any],
    now: datetime,
    uses: int | None = None,
    expires_at: datetime | None = None,
) -> tuple[InitialAccessToken, str]:
    """The token as it is stored, and its text, which is not."""
    token = InitialAccessToken(new_id(), label, policy, uses, expires_at, now)
    text = new_secret()
    db.execute(
        insert(tokens).values(
            id=token.id,
            token_hash=hash_secret(text),
            label=label,
            policy=dict(policy),
            uses_left=uses,
            expires_at=expires_at,
            created_at=now,
        )
    )
    return token, text


def find(db: Db, text: str, now: datetime) -> InitialAccessToken | None:
    """The token while it is good for another registration."""
    row = db.execute(_FIND, {"hash": hash_secret(text), "moment": now}).first()
    return _token_of(row) if row else None


def use(db: Db, text: str, now: datetime) -> bool:
    """Count one registration; False where no use was left. The statement decides: of two who bring a token for its last
    use one is told so."""
    return db.execute(_USE, {"hash": hash_secret(text), "moment": now}).first() is not None


def find_by_hash(db: Db, token_hash: str) -> InitialAccessToken | None:
    """The token, good or not."""
    row = db.execute(select(tokens).where(tokens.c.token_hash == token_hash)).first()
    return _token_of(row) if row else None


def put(db: Db, token: InitialAccessToken) -> None:
    """Store a token whose text others chose, or replace what is stored of it."""
    values = {
        "label": token.label,
        "policy": dict(token.policy),
        "uses_left": token.uses_left,
        "expires_at": token.expires_at,
    }
    created = {"id": token.id, "token_hash": token.token_hash, "created_at": token.created_at}
    statement = upsert(db, tokens).values(**created, **values)
    db.execute(statement.on_conflict_do_update(index_elements=["token_hash"], set_=values))


def list_all(db: Db) -> list[InitialAccessToken]:
    return [_token_of(row) for row in db.execute(select(tokens).order_by(tokens.c.created_at))]


def withdraw(db: Db, token_id: str) -> bool:
    """Nobody registers with it any more; False where there was none."""
    return db.execute(delete(tokens).where(tokens.c.id == token_id).returning(tokens.c.id)).first() is not None


def _token_of(row: Any) -> InitialAccessToken:
    return InitialAccessToken(
        row.id, row.label, row.policy, row.uses_left, row.expires_at, row.created_at, row.token_hash
    )
