"""Whole people, for an operator who moves or compares them: an account with all that its row holds, and its proofs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, update

from idp.crypto.vault import Vault
from idp.domain.account import Account
from idp.domain.assurance import Proof
from idp.storage.accounts import COLUMNS, account_of, list_proofs
from idp.storage.db import Db
from idp.storage.tables import accounts

_BATCH = 500


@dataclass(frozen=True)
class Record:
    """``has_phone_index`` and ``has_id_number_index``: whether the person signs in with the number of their claims;
    None where they sign in with one that the claims do not hold."""

    account: Account
    proofs: tuple[Proof, ...]
    password_hash: str | None = field(repr=False)
    terms_version: str | None
    has_phone_index: bool | None
    has_id_number_index: bool | None


def find_by_id(db: Db, vault: Vault, account_id: str) -> Record | None:
    return _first(db, vault, accounts.c.id == account_id)


def find_by_subject(db: Db, vault: Vault, subject: str) -> Record | None:
    return _first(db, vault, accounts.c.subject == subject)


def iterate(db: Db, vault: Vault) -> Iterator[Record]:
    """Everybody, by subject."""
    after = ""
    while True:
        query = _query().where(accounts.c.subject > after).order_by(accounts.c.subject).limit(_BATCH)
        rows = db.execute(query).all()
        for row in rows:
            yield _record(db, vault, row)
        if len(rows) < _BATCH:
            return
        after = rows[-1].subject


def set_terms(db: Db, account_id: str, version: str, now: datetime) -> None:
    values = {"terms_version": version, "terms_accepted_at": now, "updated_at": now}
    db.execute(update(accounts).where(accounts.c.id == account_id).values(values))


def _query() -> Any:
    others = (accounts.c.password_hash, accounts.c.terms_version, accounts.c.phone_index, accounts.c.id_number_index)
    return select(*COLUMNS, *others)


def _first(db: Db, vault: Vault, where: ColumnElement[bool]) -> Record | None:
    row = db.execute(_query().where(where)).first()
    return _record(db, vault, row) if row else None


def _record(db: Db, vault: Vault, row: Any) -> Record:
    account = account_of(row, vault)
    phone = str(account.claims.get("phone_number") or "").removeprefix("+86")
    id_number = str(account.claims.get("id_number") or "")
    return Record(
        account=account,
        proofs=tuple(sorted(list_proofs(db, account.id), key=_order)),
        password_hash=row.password_hash,
        terms_version=row.terms_version,
        has_phone_index=_is_indexed(vault, row.phone_index, "phone", phone),
        has_id_number_index=_is_indexed(vault, row.id_number_index, "id_number", id_number),
    )


def _is_indexed(vault: Vault, index: str | None, kind: str, value: str) -> bool | None:
    if index is None:
        return False
    return True if value and vault.blind_index(kind, value) == index else None


def _order(proof: Proof) -> tuple[Any, ...]:
    return proof.verified_at, proof.level, proof.source, proof.method, proof.source_level or ""
