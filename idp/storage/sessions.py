"""Single sign-on sessions: found by the hash of the cookie's secret, ended for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, insert, or_, select, update
from sqlalchemy import func as sql

from idp.crypto.random import hash_secret, new_id, new_secret
from idp.crypto.vault import Vault
from idp.domain.session import Consent, Session, SessionEnded, SignedIn
from idp.storage.accounts import COLUMNS as ACCOUNT_COLUMNS
from idp.storage.accounts import account_of
from idp.storage.db import Db
from idp.storage.tables import accounts, clients, consents, grants, mandates, sessions

_COLUMNS = tuple(
    column.label(f"session_{column.name}")
    for column in sessions.c
    if column.name not in {"secret_hash", "upstream_id_token_sealed"}
)


_MAY_ACT_UNTIL = sql.coalesce(mandates.c.revoked_at, mandates.c.valid_until).label("may_act_until")


_SIGNED_IN = (
    select(*_COLUMNS, *ACCOUNT_COLUMNS, consents.c.scope, consents.c.claims, consents.c.granted_at, _MAY_ACT_UNTIL)
    .select_from(
        sessions.join(accounts, accounts.c.id == sessions.c.account_id)
        .outerjoin(
            consents, and_(consents.c.account_id == sessions.c.account_id, consents.c.client_id == bindparam("client"))
        )
        .outerjoin(mandates, mandates.c.id == sessions.c.mandate_id)
    )
    .where(sessions.c.secret_hash == bindparam("secret"))
)
_ADD = insert(sessions)


@dataclass(frozen=True)
class UpstreamSession:
    """Where a federated login came from; kept so that logout can reach it."""

    issuer: str
    subject: str
    sid: str | None
    id_token: str


def add(
    db: Db,
    vault: Vault,
    *,
    account_id: str,
    level: int,
    amr: Sequence[str],
    source: str,
    is_choice_made: bool,
    user_agent: str,
    address: str,
    now: datetime,
    expires_at: datetime,
    auth_time: datetime | None = None,
    upstream: UpstreamSession | None = None,
) -> tuple[Session, str]:
    """Create a session; returns it with the cookie's secret, which is kept nowhere."""
    secret, session_id = new_secret(), new_id()
    values: dict[str, Any] = {
        "id": session_id,
        "secret_hash": hash_secret(secret),
        "sid": new_id(),
        "account_id": account_id,
        "auth_time": auth_time or now,
        "level": level,
        "amr": " ".join(amr),
        "source": source,
        **_upstream_values(vault, session_id, upstream),
        "is_choice_made": is_choice_made,
        "mandate_id": None,
        "act_as": None,
        "user_agent": user_agent[:255],
        "address": address[:64],
        "created_at": now,
        "last_seen_at": now,
        "expires_at": expires_at,
        "ended_at": None,
    }
    db.execute(_ADD, values)
    return _session_of(values), secret


def find_signed_in(db: Db, vault: Vault, secret: str, client_id: str | None = None) -> SignedIn | None:
    """One statement: the session of a cookie, its person and their consent to the client. Says nothing of expiry."""
    row = db.execute(_SIGNED_IN, {"secret": hash_secret(secret), "client": client_id or ""}).first()
    if row is None:
        return None
    consent = None
    if row.granted_at is not None:
        consent = Consent(frozenset(row.scope.split()), frozenset(row.claims.split()), row.granted_at)
    session = replace(_session_of(_prefixed(row)), may_act_until=row.may_act_until)
    return SignedIn(session, account_of(row, vault), consent)


def find(db: Db, session_id: str) -> Session | None:
    row = db.execute(select(*_COLUMNS).where(sessions.c.id == session_id)).first()
    return _session_of(_prefixed(row)) if row else None


def find_by_sid(db: Db, sid: str) -> Session | None:
    row = db.execute(select(*_COLUMNS).where(sessions.c.sid == sid)).first()
    return _session_of(_prefixed(row)) if row else None


def list_alive(db: Db, account_id: str, now: datetime) -> list[Session]:
    """The person's sessions, the one seen last first."""
    query = (
        select(*_COLUMNS)
        .where(sessions.c.account_id == account_id, sessions.c.ended_at.is_(None), sessions.c.expires_at > now)
        .order_by(sessions.c.last_seen_at.desc())
    )
    return [_session_of(_prefixed(row)) for row in db.execute(query)]


def list_of_upstream(db: Db, issuer: str, *, sid: str | None, subject: str | None) -> list[Session]:
    """Sessions that came from an upstream session (by sid) or person (by subject) and have not ended."""
    query = select(*_COLUMNS).where(sessions.c.upstream_issuer == issuer, sessions.c.ended_at.is_(None))
    if sid is not None:
        query = query.where(sessions.c.upstream_sid == sid)
    if subject is not None:
        query = query.where(sessions.c.upstream_subject == subject)
    return [_session_of(_prefixed(row)) for row in db.execute(query)]


def touch(db: Db, session_id: str, now: datetime) -> None:
    """Note that the session was used. Callers do this at most once a minute."""
    is_older = sessions.c.last_seen_at < now  # of two requests at once the later one counts
    db.execute(update(sessions).where(sessions.c.id == session_id, is_older).values(last_seen_at=now))


def reauthenticate(
    db: Db,
    session: Session,
    *,
    level: int,
    amr: Sequence[str],
    now: datetime,
    expires_at: datetime,
    is_choice_made: bool,
    auth_time: datetime | None = None,
) -> tuple[Session, str]:
    """The same person proved themselves again: new auth_time, a new absolute end and a new secret in one statement.
    Raises SessionEnded.

    ``auth_time`` is when they did, if not just now (another provider's word).
    """
    secret = new_secret()
    changes: dict[str, Any] = {
        "auth_time": auth_time or now,
        "last_seen_at": now,
        "expires_at": expires_at,
        "level": level,
        "is_choice_made": is_choice_made,
    }
    renewed = db.execute(
        update(sessions)
        .where(sessions.c.id == session.id, sessions.c.ended_at.is_(None))
        .values(secret_hash=hash_secret(secret), amr=" ".join(amr), **changes)
        .returning(sessions.c.id)
    )
    if renewed.first() is None:
        raise SessionEnded
    return replace(session, amr=tuple(amr), **changes), secret


def link_upstream(db: Db, vault: Vault, session_id: str, source: str, upstream: UpstreamSession) -> None:
    """Note that the session's person proved themselves again at another provider: its logout goes there too."""
    db.execute(
        update(sessions)
        .where(sessions.c.id == session_id)
        .values(source=source, **_upstream_values(vault, session_id, upstream))
    )


def _upstream_values(vault: Vault, session_id: str, upstream: UpstreamSession | None) -> dict[str, Any]:
    if upstream is None:
        names = ("upstream_issuer", "upstream_subject", "upstream_sid", "upstream_id_token_sealed")
        return dict.fromkeys(names)
    return {
        "upstream_issuer": upstream.issuer,
        "upstream_subject": upstream.subject,
        "upstream_sid": upstream.sid,
        "upstream_id_token_sealed": vault.seal("upstream_id_token", upstream.id_token.encode(), session_id),
    }


def raise_level(db: Db, session_id: str, level: int) -> None:
    """The person proved more of themselves in this session; a level never falls by this."""
    db.execute(update(sessions).where(sessions.c.id == session_id, sessions.c.level < level).values(level=level))


def release_mandate(db: Db, mandate_id: str) -> None:
    """Everyone who acts by this mandate acts for themselves again."""
    db.execute(update(sessions).where(sessions.c.mandate_id == mandate_id).values(mandate_id=None, act_as=None))


def choose(db: Db, session_id: str, mandate_id: str | None, act_as: dict[str, str] | None) -> None:
    """Store for whom the person acts in this session (None: as themselves)."""
    db.execute(
        update(sessions)
        .where(sessions.c.id == session_id)
        .values(is_choice_made=True, mandate_id=mandate_id, act_as=act_as)
    )


def end(db: Db, session_id: str, reason: str, now: datetime) -> bool:
    """End a session once; False when it had ended before."""
    ended = db.execute(
        update(sessions)
        .where(sessions.c.id == session_id, sessions.c.ended_at.is_(None))
        .values(ended_at=now, end_reason=reason)
        .returning(sessions.c.id)
    )
    return ended.first() is not None


def list_clients(db: Db, session_id: str) -> list[tuple[str, str]]:
    """(client_id, subject as that client knows the person) of every client that got tokens in the session."""
    query = (
        select(grants.c.client_id, sql.max(grants.c.subject))
        .join(clients, clients.c.client_id == grants.c.client_id)
        .where(grants.c.session_id == session_id, or_(grants.c.code_used_at.is_not(None), grants.c.is_front_channel))
        .group_by(grants.c.client_id)
        .order_by(grants.c.client_id)
    )
    return [(client_id, subject) for client_id, subject in db.execute(query)]


def _prefixed(row: Any) -> dict[str, Any]:
    return {name.removeprefix("session_"): value for name, value in row._mapping.items() if name.startswith("session_")}


def _session_of(values: dict[str, Any]) -> Session:
    return Session(
        id=values["id"],
        sid=values["sid"],
        account_id=values["account_id"],
        auth_time=values["auth_time"],
        level=values["level"],
        amr=tuple(values["amr"].split()),
        source=values["source"],
        created_at=values["created_at"],
        last_seen_at=values["last_seen_at"],
        expires_at=values["expires_at"],
        is_choice_made=values["is_choice_made"],
        mandate_id=values["mandate_id"],
        act_as=values["act_as"],
        ended_at=values["ended_at"],
        upstream_sid=values["upstream_sid"],
        user_agent=values["user_agent"],
        address=values["address"],
    )
