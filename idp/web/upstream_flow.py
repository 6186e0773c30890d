"""What a login at another provider leaves here while the browser is away: kept on the server, bound to this browser,
taken once.

Two kinds: a visit under way (state, nonce, code verifier), and an identity that came back and waits for its person's
word (to be bound by hand, or to replace whoever is signed in). Both are sealed: they hold personal data and secrets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from clients.kit.pending_login import PendingLogin
from idp.authn.upstream_identity import UpstreamIdentity
from idp.context import Context
from idp.crypto.random import hash_secret, new_id
from idp.crypto.vault import VaultError
from idp.web import browser

VISIT, WAITING = "upstream_visit", "upstream_waiting"
LIFETIME = timedelta(minutes=15)


@dataclass(frozen=True)
class Visit:
    """A login under way at ``upstream``; ``interaction`` is the handle to come back to, or empty."""

    upstream: str
    interaction: str
    pending: PendingLogin
    started_at: datetime


@dataclass(frozen=True)
class Waiting:
    """An identity that waits. ``reason``: why it must be bound by hand; ``proved_account``: whom the person proved to
    be here, once they did."""

    id: str
    identity: UpstreamIdentity
    interaction: str
    reason: str = ""
    proved_account: str = ""

    def proved(self, account_id: str) -> Waiting:
        return replace(self, proved_account=account_id)


def remember_visit(context: Context, visit: Visit) -> None:
    """One write."""
    value = {
        "upstream": visit.upstream,
        "interaction": visit.interaction,
        "pending": visit.pending.to_json(),
        "started_at": visit.started_at.isoformat(),
        "browser_hash": browser.browser_hash(context.settings),
    }
    _put(context, VISIT, hash_secret(visit.pending.state), value)


def consume_visit(context: Context, upstream: str, state: str) -> Visit | None:
    """The visit of this state, once, if this browser began it at this upstream."""
    value = context.ephemeral.consume(VISIT, hash_secret(state))
    opened = _open(context, VISIT, hash_secret(state), value)
    if opened is None or opened["upstream"] != upstream:
        return None
    return Visit(
        upstream,
        opened["interaction"],
        PendingLogin.from_json(opened["pending"]),
        datetime.fromisoformat(opened["started_at"]),
    )


def wait(context: Context, identity: UpstreamIdentity, interaction: str, reason: str = "") -> str:
    """Keep an identity; returns the handle for the pages that ask about it."""
    waiting = Waiting(new_id(), identity, interaction, reason)
    save_waiting(context, waiting)
    return context.vault.seal_text(WAITING, waiting.id)


def save_waiting(context: Context, waiting: Waiting) -> None:
    value = {
        "identity": waiting.identity.as_dict(),
        "interaction": waiting.interaction,
        "reason": waiting.reason,
        "proved_account": waiting.proved_account,
        "browser_hash": browser.browser_hash(context.settings),
    }
    _put(context, WAITING, waiting.id, value)


def find_waiting(context: Context, handle: str, upstream: str) -> Waiting | None:
    """The identity behind a handle, if it is this browser's and still waits."""
    return _waiting(context, handle, upstream, take=False)


def consume_waiting(context: Context, handle: str, upstream: str) -> Waiting | None:
    """The same, once."""
    return _waiting(context, handle, upstream, take=True)


def _waiting(context: Context, handle: str, upstream: str, *, take: bool) -> Waiting | None:
    try:
        key = str(context.vault.open_text(WAITING, handle))
    except VaultError:
        return None
    stored = context.ephemeral.consume(WAITING, key) if take else context.ephemeral.get(WAITING, key)
    opened = _open(context, WAITING, key, stored)
    if opened is None:
        return None
    identity = UpstreamIdentity.from_dict(opened["identity"])
    if identity.upstream != upstream:
        return None
    return Waiting(key, identity, opened["interaction"], opened["reason"], opened["proved_account"])


def _put(context: Context, kind: str, key: str, value: dict[str, Any]) -> None:
    context.ephemeral.put(kind, key, {"sealed": context.vault.seal_text(kind, value, key)}, LIFETIME)


def _open(context: Context, kind: str, key: str, stored: dict[str, Any] | None) -> dict[str, Any] | None:
    if stored is None:
        return None
    value: dict[str, Any] = context.vault.open_text(kind, stored["sealed"], key)
    return value if value["browser_hash"] == browser.browser_hash(context.settings) else None
