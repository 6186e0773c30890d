"""From a proof to a session: the same person goes on in theirs, another person begins a new one.

Every proof gives the browser a new session secret (ASVS 7.2.4), whoever it was before.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from idp.context import Context
from idp.domain.account import Account
from idp.domain.session import Session, SessionEnded, SignedIn
from idp.protocol import logout
from idp.storage import sessions
from idp.storage.sessions import UpstreamSession

LOCAL = "local"


def establish(
    context: Context,
    account: Account,
    *,
    level: int,
    amr: Sequence[str],
    source: str = LOCAL,
    has_mandates: bool,
    current: SignedIn | None,
    user_agent: str,
    address: str,
    upstream: UpstreamSession | None = None,
    auth_time: datetime | None = None,
) -> tuple[Session, str]:
    """Sign the person in; returns the session and its cookie's secret.

    ``level`` is this login's assurance, ``auth_time`` when the person proved themselves (default: now), ``current``
    what the browser's cookie names now. The same person keeps their session (and so their ``sid``, their clients and
    the choice for whom they act); anybody else's is ended everywhere.
    """
    login: dict[str, Any] = {"level": level, "amr": amr, "auth_time": auth_time, "now": context.now}
    login["expires_at"] = context.now + context.settings.session_absolute_lifetime
    is_same = current is not None and current.account.id == account.id
    if current is not None and is_same and _may_continue(current.session, source):
        is_choice_made = current.session.is_choice_made or not has_mandates
        with suppress(SessionEnded):  # signed out elsewhere in this very moment: then a new session
            session, secret = sessions.reauthenticate(
                context.db, current.session, is_choice_made=is_choice_made, **login
            )
            if upstream is not None:
                sessions.link_upstream(context.db, context.vault, session.id, source, upstream)
            return session, secret
    if current is not None:
        logout.end_session(context, current.session, reason="replaced")
    return sessions.add(
        context.db,
        context.vault,
        account_id=account.id,
        source=source,
        is_choice_made=not has_mandates,
        user_agent=user_agent,
        address=address,
        upstream=upstream,
        **login,
    )


def _may_continue(session: Session, source: str) -> bool:
    """A session remembers one upstream: a login by a second one begins another session."""
    return LOCAL in {session.source, source} or session.source == source
