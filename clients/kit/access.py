"""A session's access token, renewed when it has run out: one refresh at a time, whoever asks at the same moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from clients.kit.errors import ProviderUnavailable, SessionEnded, TokenInvalid, TokenRefused
from clients.kit.relying_party import RelyingParty
from clients.kit.session import Session, renewed
from clients.kit.sessions import SessionStore

EARLY = timedelta(seconds=20)
"""A token that is about to run out is renewed before it is used."""
_WAIT = 0.05


def utc_now() -> datetime:
    return datetime.now(UTC)


def fresh_session(
    session: Session,
    read_again: Callable[[], Session | None],
    relying_party: RelyingParty,
    store: SessionStore,
    clock: Callable[[], datetime] = utc_now,
) -> Session:
    """`session` with an access token that is good for a while.

    Raises SessionEnded when the provider refuses to go on (the local session is then gone), ProviderUnavailable when
    it cannot be asked right now.
    """
    give_up_at = time.monotonic() + relying_party.provider.http.timeout.total_seconds()
    while session.login.expires_at <= clock() + EARLY:
        if store.claim_refresh(session, now=clock()):
            return _refresh(session, relying_party, store, clock())
        if session.login.expires_at > clock():
            return session  # somebody else is renewing it; this one still works
        if time.monotonic() > give_up_at:
            raise ProviderUnavailable("another request is still refreshing this session")
        time.sleep(_WAIT)
        session = read_again() or _ended()
    return session


def _refresh(session: Session, relying_party: RelyingParty, store: SessionStore, now: datetime) -> Session:
    if session.login.refresh_token is None:
        store.end_by_hash(session)
        raise SessionEnded("the access token has run out and there is no refresh token")
    try:
        answer = relying_party.refresh(session.login.refresh_token, now=now, previous=session.login.id_token)
    except ProviderUnavailable:
        store.release_refresh(session)
        raise
    except (TokenRefused, TokenInvalid) as error:
        store.end_by_hash(session)
        raise SessionEnded("the provider refused to renew the session") from error
    login = renewed(session.login, answer)
    if not store.save_refreshed(session, login):
        raise SessionEnded("the session was ended while it was renewed")
    return Session(
        token_hash=session.token_hash,
        login=login,
        version=session.version + 1,
        acr_asked=session.acr_asked,
        created_at=session.created_at,
        expires_at=session.expires_at,
    )


def _ended() -> Session:
    raise SessionEnded("the session was ended by another request")
