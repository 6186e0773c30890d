"""Grants: authorization codes, refresh families and revocation, each decided by one conditional statement.

A refresh family has one live leaf by construction: the row holds the hash of the current token only, and a refresh
replaces it in the statement that checks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, exists, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from idp.domain.account import AccountStatus
from idp.domain.grant import Grant, RequestAnswered
from idp.domain.session import SessionEnded
from idp.storage.db import Db
from idp.storage.tables import accounts, grants, sessions

_IS_OF_ACTIVE_PERSON = exists().where(
    accounts.c.id == grants.c.account_id, accounts.c.status == AccountStatus.ACTIVE.value
)
_HIDDEN = {"code_hash", "refresh_hash"}
_COLUMNS = tuple(column.label(f"grant_{column.name}") for column in grants.c if column.name not in _HIDDEN)


# Statements of every token request are built once: building one costs more than running it.
_CONSUME = (
    update(grants)
    .where(
        grants.c.code_hash == bindparam("code"),
        grants.c.client_id == bindparam("client"),
        grants.c.code_used_at.is_(None),
        grants.c.code_expires_at > bindparam("moment"),
        grants.c.revoked_at.is_(None),
        _IS_OF_ACTIVE_PERSON,
    )
    .values(
        code_used_at=bindparam("moment"),
        refresh_hash=bindparam("secret"),
        refresh_generation=bindparam("generation"),
        refresh_expires_at=bindparam("idle_until"),
        refresh_ends_at=bindparam("ends_at"),
        confirmation=bindparam("confirmed", type_=grants.c.confirmation.type),
    )
    .returning(*_COLUMNS)
)
_LATER = {
    "code_used_at",
    "refresh_hash",
    "refresh_expires_at",
    "refresh_ends_at",
    "confirmation",
    "revoked_at",
    "revoked_reason",
}
_NEW = [column.name for column in grants.c if column.name not in _LATER]
_GIVEN = select(*(bindparam(name, type_=grants.c[name].type).label(name) for name in _NEW))
_GIVEN_IN_SESSION = (
    _GIVEN.select_from(sessions)
    .where(sessions.c.id == bindparam("of_session"), sessions.c.ended_at.is_(None))
    # The lock makes a logout wait until this is committed, and then find it.
    .with_for_update(read=True)
)


def _addition(insert: Any) -> Any:
    """A request that was answered already adds nothing; nor does a session that has ended."""
    begun = insert(grants).from_select(_NEW, _GIVEN_IN_SESSION)
    return begun.on_conflict_do_nothing(index_elements=["request_hash"]).returning(grants.c.id)


_ADD = insert(grants)
_ADD_IN_SESSION = {"sqlite": _addition(sqlite.insert), "postgresql": _addition(postgresql.insert)}
_IS_ANSWERED = select(exists().where(grants.c.request_hash == bindparam("request")))
_IS_LIVE = (
    grants.c.id == bindparam("grant"),
    grants.c.refresh_hash == bindparam("old"),
    grants.c.revoked_at.is_(None),
    grants.c.refresh_expires_at > bindparam("moment"),
    grants.c.refresh_ends_at > bindparam("moment"),
    _IS_OF_ACTIVE_PERSON,
)
_IS_CONFIRMED = or_(  # by the only key the family is bound to, if it is
    grants.c.confirmation.is_(None),
    grants.c.confirmation["jkt"].as_string() == bindparam("jkt"),
    grants.c.confirmation["x5t#S256"].as_string() == bindparam("certificate"),
)
_ROTATE = (
    update(grants)
    .where(*_IS_LIVE, grants.c.client_id == bindparam("client"), _IS_CONFIRMED)
    .values(
        refresh_hash=bindparam("new"),
        refresh_generation=grants.c.refresh_generation + 1,
        refresh_expires_at=bindparam("idle_until"),
    )
    .returning(*_COLUMNS)
)
_LIVE = select(*_COLUMNS).where(*_IS_LIVE)


def add(db: Db, grant: Grant, code_hash: str | None) -> None:
    """Store a grant with its code (None: it has none, its tokens travel in the front channel). Raises SessionEnded when
    the session it comes from has ended meanwhile: logging out revokes what it finds, so nothing may appear behind it.
    Raises RequestAnswered when its ``request_hash`` has a grant already."""
    values = _values_of(grant, code_hash)
    if grant.session_id is None:
        db.execute(_ADD, values)
        return
    added = db.execute(_ADD_IN_SESSION[db.get_bind().dialect.name], values | {"of_session": grant.session_id}).first()
    if added is None:
        raise RequestAnswered if _is_answered(db, grant.request_hash) else SessionEnded


def _is_answered(db: Db, request_hash: str | None) -> bool:
    return request_hash is not None and bool(db.execute(_IS_ANSWERED, {"request": request_hash}).scalar_one())


def _values_of(grant: Grant, code_hash: str | None) -> dict[str, Any]:
    return {
        "id": grant.id,
        "client_id": grant.client_id,
        "account_id": grant.account_id,
        "subject": grant.subject,
        "session_id": grant.session_id,
        "sid": grant.sid,
        "scope": " ".join(sorted(grant.scope)),
        "redirect_uri": grant.redirect_uri,
        "audience": list(grant.audience),
        "auth_time": grant.auth_time,
        "acr": grant.acr,
        "amr": " ".join(grant.amr),
        "nonce": grant.nonce,
        "requested_claims": grant.requested_claims,
        "act_as": grant.act_as,
        "dpop_jkt": grant.dpop_jkt,
        "request_hash": grant.request_hash,
        "is_front_channel": grant.is_front_channel,
        "code_hash": code_hash,
        "code_challenge": grant.code_challenge,
        "code_expires_at": grant.code_expires_at,
        "refresh_generation": 0,
        "created_at": grant.created_at,
    }


def consume_code(
    db: Db,
    code_hash: str,
    client_id: str,
    now: datetime,
    *,
    refresh_hash: str | None = None,
    refresh_expires_at: datetime | None = None,
    refresh_ends_at: datetime | None = None,
    confirmation: dict[str, str] | None = None,
) -> Grant | None:
    """Claim a code once, for the client it was issued to, and start its refresh family in the same statement;
    ``confirmation`` is what each refresh must prove."""
    row = db.execute(
        _CONSUME,
        {
            "code": code_hash,
            "client": client_id,
            "moment": now,
            "secret": refresh_hash,
            "generation": 1 if refresh_hash else 0,
            "idle_until": refresh_expires_at,
            "ends_at": refresh_ends_at,
            "confirmed": confirmation,
        },
    ).first()
    return _grant_of(row) if row else None


def revoke_replayed(db: Db, code_hash: str, now: datetime) -> str | None:
    """Revoke what a code gave if it was used before: the id of the grant, None when there was nothing to revoke."""
    row = db.execute(
        update(grants)
        .where(grants.c.code_hash == code_hash, grants.c.code_used_at.is_not(None), grants.c.revoked_at.is_(None))
        .values(revoked_at=now, revoked_reason="code_replayed")
        .returning(grants.c.id)
    ).first()
    return row.id if row else None


def find(db: Db, grant_id: str) -> Grant | None:
    row = db.execute(select(*_COLUMNS).where(grants.c.id == grant_id)).first()
    return _grant_of(row) if row else None


def rotate_refresh(
    db: Db,
    grant_id: str,
    client_id: str,
    old_hash: str,
    new_hash: str,
    expires_at: datetime,
    now: datetime,
    *,
    confirmation: Mapping[str, str] | None = None,
) -> Grant | None:
    """Replace the family's live refresh token, or keep it where ``new_hash`` is the old one; None when ``old_hash`` is
    not the live one of a live grant, or the family is bound to something else than ``confirmation``."""
    confirmed = confirmation or {}
    row = db.execute(
        _ROTATE,
        {
            "grant": grant_id,
            "client": client_id,
            "old": old_hash,
            "new": new_hash,
            "idle_until": expires_at,
            "moment": now,
            "jkt": confirmed.get("jkt"),
            "certificate": confirmed.get("x5t#S256"),
        },
    ).first()
    return _grant_of(row) if row else None


def revoke_reused(db: Db, grant_id: str, client_id: str, old_hash: str, now: datetime) -> bool:
    """Revoke the family of a refresh token that was ours and is not the live one: somebody holds a copy."""
    is_copy = and_(grants.c.id == grant_id, grants.c.client_id == client_id, grants.c.refresh_hash != old_hash)
    return _revoke(db, is_copy, "refresh_reused", now) > 0


def find_live_refresh(db: Db, grant_id: str, refresh_hash: str, now: datetime) -> Grant | None:
    """The grant whose live refresh token this is: for introspection."""
    row = db.execute(_LIVE, {"grant": grant_id, "old": refresh_hash, "moment": now}).first()
    return _grant_of(row) if row else None


def revoke(db: Db, grant_id: str, reason: str, now: datetime) -> bool:
    """Revoke a grant and with it every token of its family; False when it was revoked before."""
    return _revoke(db, grants.c.id == grant_id, reason, now) > 0


def revoke_of_session(db: Db, session_id: str, reason: str, now: datetime) -> int:
    """Revoke what a session gave out; offline grants outlive it (OpenID Connect Core §11)."""
    is_offline = (" " + grants.c.scope + " ").contains(" offline_access ", autoescape=True)
    return _revoke(db, and_(grants.c.session_id == session_id, ~is_offline), reason, now)


def revoke_of_account(db: Db, account_id: str, reason: str, now: datetime, client_id: str | None = None) -> int:
    where = grants.c.account_id == account_id
    if client_id is not None:
        where = and_(where, grants.c.client_id == client_id)
    return _revoke(db, where, reason, now)


def revoke_of_mandate(db: Db, account_id: str, mandate_id: str, reason: str, now: datetime) -> int:
    """Revoke what was given while acting by a mandate, offline grants included."""
    is_by_mandate = grants.c.act_as["mandate_id"].as_string() == mandate_id
    return _revoke(db, and_(grants.c.account_id == account_id, is_by_mandate), reason, now)


def revoke_of_other_sessions(db: Db, account_id: str, session_id: str, reason: str, now: datetime) -> int:
    """Revoke everything of a person, offline grants included, but what this one session gave."""
    where = and_(
        grants.c.account_id == account_id, or_(grants.c.session_id.is_(None), grants.c.session_id != session_id)
    )
    return _revoke(db, where, reason, now)


def _revoke(db: Db, where: Any, reason: str, now: datetime) -> int:
    rows = db.execute(
        update(grants)
        .where(where, grants.c.revoked_at.is_(None))
        .values(revoked_at=now, revoked_reason=reason)
        .returning(grants.c.id)
    )
    return len(rows.all())


def _grant_of(row: Any) -> Grant:
    """The columns are named as the fields are."""
    values = {name.removeprefix("grant_"): value for name, value in row._mapping.items()}
    values["scope"], values["amr"] = frozenset(values["scope"].split()), tuple(values["amr"].split())
    values["audience"] = tuple(values["audience"])
    return Grant(**values)
