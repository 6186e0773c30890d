"""Access tokens: denied one by one, or with the grant they came from. Each question is one statement, built once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, exists, literal, select

from idp.crypto.vault import Vault
from idp.domain.account import Account, AccountStatus
from idp.storage.accounts import COLUMNS as ACCOUNT_COLUMNS
from idp.storage.accounts import account_of
from idp.storage.db import Db, upsert
from idp.storage.tables import accounts, grants, revoked_tokens

_IS_DENIED = exists().where(revoked_tokens.c.jti == bindparam("jti"))
_IS_DENIED_ALONE = select(_IS_DENIED)
_OF_LIVE_GRANT = (
    grants.c.id == bindparam("grant_id"),
    grants.c.revoked_at.is_(None),
    accounts.c.status == AccountStatus.ACTIVE.value,
    ~_IS_DENIED,
)
_JOINED = grants.join(accounts, accounts.c.id == grants.c.account_id)
_IS_ACTIVE = select(literal(1)).select_from(_JOINED).where(*_OF_LIVE_GRANT)
_PERSON = (
    select(grants.c.subject.label("grant_subject"), grants.c.requested_claims, grants.c.act_as, *ACCOUNT_COLUMNS)
    .select_from(_JOINED)
    .where(*_OF_LIVE_GRANT)
)


@dataclass(frozen=True)
class TokenPerson:
    """The person behind a live access token and what its grant says of them."""

    subject: str
    requested_claims: Mapping[str, Any]
    act_as: Mapping[str, str] | None
    account: Account = field(repr=False)


def is_active(db: Db, jti: str, grant_id: str | None) -> bool:
    """Whether neither the token nor its grant is revoked and the person's account is active. A token that a client
    has for itself (``grant_id`` None) can only be denied by its own identifier."""
    if grant_id is None:
        return not db.execute(_IS_DENIED_ALONE, {"jti": jti}).scalar_one()
    return db.execute(_IS_ACTIVE, {"jti": jti, "grant_id": grant_id}).first() is not None


def find_person(db: Db, vault: Vault, jti: str, grant_id: str) -> TokenPerson | None:
    """The person of an active token; None when :func:`is_active` would be false."""
    row = db.execute(_PERSON, {"jti": jti, "grant_id": grant_id}).first()
    if row is None:
        return None
    return TokenPerson(row.grant_subject, row.requested_claims, row.act_as, account_of(row, vault))


def revoke(db: Db, jti: str, expires_at: datetime) -> None:
    """Deny one access token until it would have expired; saying it twice is no error."""
    db.execute(upsert(db, revoked_tokens).values(jti=jti, expires_at=expires_at).on_conflict_do_nothing())
