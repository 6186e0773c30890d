"""The relying party's sessions, kept on the server (SQLite or PostgreSQL); the browser holds one random cookie.

Session tokens are stored as hashes, everything about the person sealed. A logout token of the provider ends sessions
by (issuer, sid) or (issuer, subject), and its `jti` is claimed once (Back-Channel Logout §2.6, §2.7).
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, delete, insert, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from clients.kit import migrations
from clients.kit.errors import LogoutReplayed, SessionEnded
from clients.kit.jwt import SKEW
from clients.kit.login import Login
from clients.kit.logout_token import LogoutNotice
from clients.kit.pending_logins import PendingLogins, hash_secret
from clients.kit.sealing import SealBroken, Sealer
from clients.kit.session import Session, login_from_json, login_to_json
from clients.kit.session_tables import logout_notices, open_engine, pending_logins, sessions

__all__ = ["LogoutReplayed", "Session", "SessionEnded", "SessionStore", "migrate", "open_engine"]

IDLE = timedelta(minutes=60)
ABSOLUTE = timedelta(hours=12)
TOUCH_INTERVAL = timedelta(minutes=1)
REFRESH_LEASE = timedelta(seconds=10)
"""How long one request may hold the right to refresh; longer than any refresh takes."""
PURGE_INTERVAL = timedelta(minutes=10)
NOTICE_KEPT = timedelta(hours=1)
"""A logout notice is kept this long, so that a login already on its way when it came does not outlive it."""


def migrate(url: str) -> None:
    """Bring the tables in the database at `url` up to date."""
    migrations.upgrade("portals", url)


class SessionStore:
    """The sessions and pending logins of one client. Safe to share between threads and processes."""

    def __init__(
        self, engine: Engine, sealer: Sealer, client_id: str, *, idle: timedelta = IDLE, absolute: timedelta = ABSOLUTE
    ) -> None:
        self.pending = PendingLogins(engine, sealer, client_id)
        self._engine = engine
        self._sealer = sealer
        self._client_id = client_id
        self._idle = idle
        self._absolute = absolute
        self._purged_at: datetime | None = None

    def ping(self) -> None:
        """Raises SQLAlchemyError when the database does not answer or has no tables."""
        with self._engine.connect() as connection:
            connection.execute(select(sessions.c.token_hash).limit(1)).first()

    def add_session(self, login: Login, *, now: datetime, acr_asked: tuple[str, ...] = ()) -> str:
        """Start a session; gives the secret for the cookie. Raises SessionEnded if its logout has already arrived."""
        token = secrets.token_urlsafe(32)
        token_hash = hash_secret(token)
        row = {
            "token_hash": token_hash,
            "client_id": self._client_id,
            "issuer": login.issuer,
            "subject": login.subject,
            "sid": login.sid,
            "acr_asked": " ".join(acr_asked),
            "login_sealed": self._seal(login, token_hash),
            "version": 1,
            "created_at": now,
            "last_seen_at": now,
            "expires_at": now + self._absolute,
        }
        with self._engine.begin() as connection:
            connection.execute(insert(sessions).values(row))
        # Session first, look for notices second; a notice does it the other way round. Whichever comes first is seen.
        if self._has_notice(login):
            self._delete(sessions.c.token_hash == token_hash)
            raise SessionEnded("the provider ended this session while it began")
        return token

    def find_session(self, token: str, *, now: datetime) -> Session | None:
        """The live session behind a cookie, None when there is none or it has run out. Counts as activity."""
        token_hash = hash_secret(token)
        query = select(sessions).where(self._is_live(token_hash, now))
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        if now - row.last_seen_at >= TOUCH_INTERVAL:
            self._update(token_hash, last_seen_at=now)
        return self._session(row)

    def claim_refresh(self, session: Session, *, now: datetime) -> bool:
        """True for the one caller that may refresh this session's tokens now; the others wait for its result."""
        claim = (
            update(sessions)
            .where(
                self._is_own(session.token_hash),
                sessions.c.version == session.version,
                or_(sessions.c.refreshing_until.is_(None), sessions.c.refreshing_until <= now),
            )
            .values(refreshing_until=now + REFRESH_LEASE)
            .returning(sessions.c.token_hash)
        )
        with self._engine.begin() as connection:
            return connection.execute(claim).one_or_none() is not None

    def save_refreshed(self, session: Session, login: Login) -> bool:
        """Store new tokens in place of those of `session`; False when the session has ended meanwhile."""
        change = (
            update(sessions)
            .where(self._is_own(session.token_hash), sessions.c.version == session.version)
            .values(
                login_sealed=self._seal(login, session.token_hash),
                version=session.version + 1,
                refreshing_until=None,
            )
            .returning(sessions.c.token_hash)
        )
        with self._engine.begin() as connection:
            return connection.execute(change).one_or_none() is not None

    def release_refresh(self, session: Session) -> None:
        """Give the right to refresh back after a try that changed nothing."""
        self._update(session.token_hash, refreshing_until=None)

    def end_session(self, token: str) -> None:
        self._delete(sessions.c.token_hash == hash_secret(token))

    def end_by_hash(self, session: Session) -> None:
        self._delete(sessions.c.token_hash == session.token_hash)

    def end_by_notice(self, notice: LogoutNotice) -> int:
        """End the sessions a logout token speaks of; gives how many. Raises LogoutReplayed for a second time."""
        is_first = self._claim(notice)
        condition = sessions.c.sid == notice.sid if notice.sid else sessions.c.subject == notice.subject
        # Also for a repeated notice: if we died between the two steps, the repetition finishes the work.
        ended = self._delete(sessions.c.issuer == notice.issuer, condition)
        if not is_first:
            raise LogoutReplayed("this logout token was received before")
        return ended

    def keep_house(self, *, now: datetime) -> None:
        """`purge_expired`, at most every ten minutes in a process; called at each login, so it needs no timer."""
        if self._purged_at is None or now - self._purged_at >= PURGE_INTERVAL:
            self._purged_at = now
            self.purge_expired(now=now)

    def purge_expired(self, *, now: datetime) -> int:
        """Housekeeping; expiry itself is judged at every use. Gives the number of rows removed."""
        with self._engine.begin() as connection:
            removed = connection.execute(delete(pending_logins).where(pending_logins.c.expires_at <= now)).rowcount
            removed += connection.execute(delete(logout_notices).where(logout_notices.c.expires_at <= now)).rowcount
            stale = or_(sessions.c.expires_at <= now, sessions.c.last_seen_at <= now - self._idle)
            removed += connection.execute(delete(sessions).where(self._is_ours(), stale)).rowcount
        return removed

    def _claim(self, notice: LogoutNotice) -> bool:
        row = {
            "jti_hash": hash_secret(f"{notice.issuer}\n{notice.jti}"),
            "client_id": self._client_id,
            "issuer": notice.issuer,
            "sid": notice.sid,
            "subject": notice.subject,
            "issued_at": notice.issued_at,
            "expires_at": max(notice.expires_at + SKEW, notice.issued_at + NOTICE_KEPT),
        }
        dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        claim = dialect.insert(logout_notices).values(row).on_conflict_do_nothing().returning(logout_notices.c.jti_hash)
        with self._engine.begin() as connection:
            return connection.execute(claim).one_or_none() is not None

    def _has_notice(self, login: Login) -> bool:
        """True if a logout of this session came in already, or one of the whole person after this login's start."""
        whole_person = (
            logout_notices.c.sid.is_(None)
            & (logout_notices.c.subject == login.subject)
            & (logout_notices.c.issued_at > login.authenticated_at)
        )
        query = select(text("1")).where(
            logout_notices.c.client_id == self._client_id,
            logout_notices.c.issuer == login.issuer,
            or_(logout_notices.c.sid == login.sid, whole_person) if login.sid else whole_person,
        )
        with self._engine.connect() as connection:
            return connection.execute(query.select_from(logout_notices).limit(1)).first() is not None

    def _is_ours(self) -> ColumnElement[bool]:
        return sessions.c.client_id == self._client_id

    def _is_own(self, token_hash: str) -> ColumnElement[bool]:
        return (sessions.c.token_hash == token_hash) & self._is_ours()

    def _is_live(self, token_hash: str, now: datetime) -> ColumnElement[bool]:
        return self._is_own(token_hash) & (sessions.c.expires_at > now) & (sessions.c.last_seen_at > now - self._idle)

    def _update(self, token_hash: str, **values: Any) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(sessions).where(self._is_own(token_hash)).values(values))

    def _delete(self, *conditions: ColumnElement[bool]) -> int:
        with self._engine.begin() as connection:
            return connection.execute(delete(sessions).where(self._is_ours(), *conditions)).rowcount

    def _seal(self, login: Login, token_hash: str) -> bytes:
        return self._sealer.seal(login_to_json(login), f"rp_session.login:{token_hash}")

    def _session(self, row: Row[Any]) -> Session | None:
        try:
            login = login_from_json(self._sealer.unseal(row.login_sealed, f"rp_session.login:{row.token_hash}"))
        except SealBroken:
            # The key was changed without keeping the old one: the session cannot go on, the person logs in again.
            self._delete(sessions.c.token_hash == row.token_hash)
            return None
        return Session(
            token_hash=row.token_hash,
            login=login,
            version=row.version,
            acr_asked=tuple(row.acr_asked.split()),
            created_at=row.created_at,
            expires_at=row.expires_at,
        )
