"""Accounts: natural persons, their credentials and the proofs behind their level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ScalarSelect, and_, case, exists, func, insert, or_, select, update

from idp.crypto.random import new_id
from idp.crypto.vault import Vault
from idp.domain.account import Account, AccountStatus, Credentials
from idp.domain.assurance import OWN_SOURCES, Proof, strongest
from idp.storage.db import Db, unique_or
from idp.storage.tables import accounts, mandates, proofs

COLUMNS = (
    accounts.c.id,
    accounts.c.subject,
    accounts.c.status,
    accounts.c.level,
    accounts.c.username,
    accounts.c.locale,
    accounts.c.claims_sealed,
    accounts.c.created_at,
    accounts.c.updated_at,
)


class AccountExists(Exception):
    """The username, phone or ID number already belongs to an account."""


@dataclass(frozen=True)
class Identifier:
    """What a person types to say who they are: a kind (``username``, ``phone``, ``id_number``) and the normal value."""

    kind: str
    value: str


def account_of(row: Any, vault: Vault) -> Account:
    """Build the Account of a row that holds COLUMNS."""
    return _account(row._mapping, vault.open_json("claims", row.claims_sealed, row.id))


def _account(values: Mapping[str, Any], claims: dict[str, Any]) -> Account:
    return Account(
        id=values["id"],
        subject=values["subject"],
        status=AccountStatus(values["status"]),
        level=values["level"],
        username=values["username"],
        locale=values["locale"],
        claims=claims,
        created_at=values["created_at"],
        updated_at=values["updated_at"],
    )


def find(db: Db, vault: Vault, account_id: str) -> Account | None:
    row = db.execute(select(*COLUMNS).where(accounts.c.id == account_id)).first()
    return account_of(row, vault) if row else None


def find_by_identifier(db: Db, vault: Vault, identifier: Identifier) -> Account | None:
    row = db.execute(select(*COLUMNS).where(_matches(vault, identifier))).first()
    return account_of(row, vault) if row else None


def find_credentials(db: Db, vault: Vault, identifier: Identifier, now: datetime) -> Credentials | None:
    """One statement: the account, its password hash, its failures and whether it may act for someone."""
    query = select(
        *COLUMNS,
        accounts.c.password_hash,
        accounts.c.failed_count,
        accounts.c.last_failed_at,
        exists()
        .where(
            mandates.c.account_id == accounts.c.id,
            mandates.c.accepted_at.is_not(None),
            mandates.c.revoked_at.is_(None),
            mandates.c.valid_from <= now,
            or_(mandates.c.valid_until.is_(None), mandates.c.valid_until > now),
        )
        .label("has_mandates"),
        _own_level(now).label("own_level"),
    ).where(_matches(vault, identifier))
    row = db.execute(query).first()
    if row is None:
        return None
    return Credentials(
        account=account_of(row, vault),
        password_hash=row.password_hash,
        failed_count=row.failed_count,
        last_failed_at=row.last_failed_at,
        has_mandates=bool(row.has_mandates),
        level=row.own_level,
    )


def _own_level(now: datetime) -> ScalarSelect[int]:
    """The best valid proof that was made here."""
    best = func.coalesce(func.max(proofs.c.level), 0)
    is_valid = or_(proofs.c.expires_at.is_(None), proofs.c.expires_at > now)
    where = and_(proofs.c.account_id == accounts.c.id, proofs.c.source.in_(OWN_SOURCES), is_valid)
    return select(best).where(where).scalar_subquery()


def find_password_hash(db: Db, account_id: str) -> str | None:
    return db.execute(select(accounts.c.password_hash).where(accounts.c.id == account_id)).scalar()


def add(
    db: Db,
    vault: Vault,
    *,
    claims: dict[str, Any],
    now: datetime,
    username: str | None = None,
    phone: str | None = None,
    id_number: str | None = None,
    password_hash: str | None = None,
    locale: str | None = None,
    terms_version: str | None = None,
    subject: str | None = None,
    evidence: Sequence[Proof] = (),
) -> Account:
    """Create an account with its proofs; its level follows from them.

    Raises AccountExists, after which the session stays usable.
    """
    account_id = new_id()
    best = strongest(evidence, now)
    values = {
        "id": account_id,
        "subject": subject or new_id(),
        "status": AccountStatus.ACTIVE.value,
        "level": best.level if best else 0,
        "username": username,
        "phone_index": vault.blind_index("phone", phone) if phone else None,
        "id_number_index": vault.blind_index("id_number", id_number) if id_number else None,
        "claims_sealed": vault.seal_json("claims", claims, account_id),
        "locale": locale,
        "password_hash": password_hash,
        "password_changed_at": now if password_hash else None,
        "terms_version": terms_version,
        "terms_accepted_at": now if terms_version else None,
        "created_at": now,
        "updated_at": now,
    }
    with unique_or(AccountExists, db):
        db.execute(insert(accounts), values)
    for proof in evidence:
        _insert_proof(db, account_id, proof)
    return _account(values, claims)


def update_claims(
    db: Db,
    vault: Vault,
    account_id: str,
    claims: dict[str, Any],
    now: datetime,
    *,
    phone: str | None = None,
    id_number: str | None = None,
    locale: str | None = None,
) -> None:
    """Replace the claims; where phone or id_number is given its index follows. Raises AccountExists on a clash."""
    values: dict[str, Any] = {"claims_sealed": vault.seal_json("claims", claims, account_id), "updated_at": now}
    if phone is not None:
        values["phone_index"] = vault.blind_index("phone", phone)
    if id_number is not None:
        values["id_number_index"] = vault.blind_index("id_number", id_number)
    if locale is not None:
        values["locale"] = locale
    with unique_or(AccountExists, db):
        db.execute(update(accounts).where(accounts.c.id == account_id).values(values))


def set_password(db: Db, account_id: str, password_hash: str, now: datetime) -> None:
    db.execute(
        update(accounts)
        .where(accounts.c.id == account_id)
        .values(password_hash=password_hash, password_changed_at=now, failed_count=0, last_failed_at=None)
    )


def rehash_password(db: Db, account_id: str, old_hash: str, new_hash: str) -> None:
    """Store the same password under stronger parameters, unless it was changed meanwhile."""
    db.execute(
        update(accounts)
        .where(accounts.c.id == account_id, accounts.c.password_hash == old_hash)
        .values(password_hash=new_hash)
    )


def set_username(db: Db, account_id: str, username: str, now: datetime) -> None:
    """Raises AccountExists when it is taken."""
    with unique_or(AccountExists, db):
        db.execute(update(accounts).where(accounts.c.id == account_id).values(username=username, updated_at=now))


def set_status(db: Db, account_id: str, status: AccountStatus, now: datetime) -> None:
    db.execute(update(accounts).where(accounts.c.id == account_id).values(status=status.value, updated_at=now))


def record_failure(db: Db, account_id: str, now: datetime, memory: timedelta) -> None:
    """Count a wrong password; counting is atomic, so parallel guesses all count. After ``memory`` without a failure
    the count begins anew. For an account that does not exist it is the same statement without effect."""
    is_forgotten = or_(accounts.c.last_failed_at.is_(None), accounts.c.last_failed_at <= now - memory)
    db.execute(
        update(accounts)
        .where(accounts.c.id == account_id)
        .values(failed_count=case((is_forgotten, 1), else_=accounts.c.failed_count + 1), last_failed_at=now)
    )


def find_failures(db: Db, account_id: str, now: datetime, memory: timedelta) -> tuple[int, datetime] | None:
    """How many wrong passwords were given for the account lately, and when last; None without any."""
    row = db.execute(
        select(accounts.c.failed_count, accounts.c.last_failed_at).where(
            accounts.c.id == account_id, accounts.c.failed_count > 0, accounts.c.last_failed_at > now - memory
        )
    ).first()
    return (int(row.failed_count), row.last_failed_at) if row else None


def add_proof(db: Db, account_id: str, proof: Proof, now: datetime, *, raises_level: bool = True) -> None:
    """Store a proof; a valid one raises the account's level, unless it says nothing of who holds the password."""
    _insert_proof(db, account_id, proof)
    if raises_level and proof.is_valid(now):
        raise_level(db, account_id, proof.level, now)


def raise_level(db: Db, account_id: str, gained: int, now: datetime) -> int:
    """Raise the account's level to ``gained`` where it is below; the level as it then is."""
    raised = case((accounts.c.level < gained, gained), else_=accounts.c.level)
    level = db.execute(
        update(accounts)
        .where(accounts.c.id == account_id)
        .values(level=raised, updated_at=now)
        .returning(accounts.c.level)
    ).scalar_one()
    return int(level)


def list_proofs(db: Db, account_id: str) -> list[Proof]:
    """Newest first."""
    rows = db.execute(select(proofs).where(proofs.c.account_id == account_id).order_by(proofs.c.verified_at.desc()))
    return [
        Proof(
            level=row.level,
            source=row.source,
            method=row.method,
            verified_at=row.verified_at,
            expires_at=row.expires_at,
            source_level=row.source_level,
        )
        for row in rows
    ]


def _insert_proof(db: Db, account_id: str, proof: Proof) -> None:
    db.execute(
        insert(proofs).values(
            id=new_id(),
            account_id=account_id,
            level=proof.level,
            source=proof.source,
            source_level=proof.source_level,
            method=proof.method,
            verified_at=proof.verified_at,
            expires_at=proof.expires_at,
        )
    )


def _matches(vault: Vault, identifier: Identifier) -> Any:
    if identifier.kind == "phone":
        return accounts.c.phone_index == vault.blind_index("phone", identifier.value)
    if identifier.kind == "id_number":
        return accounts.c.id_number_index == vault.blind_index("id_number", identifier.value)
    return accounts.c.username == identifier.value
