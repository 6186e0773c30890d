"""Initial access tokens of a configuration file. A token is found again by itself; its label may change."""

from __future__ import annotations

from functools import partial
from typing import Any

from idp.configuration.difference import differences
from idp.configuration.entries import TokenEntry
from idp.configuration.step import Refused, Step, place_of
from idp.context import Context
from idp.crypto.random import new_id
from idp.protocol.client_metadata.policy import Policy, known_scopes
from idp.storage import initial_access_tokens as storage
from idp.storage.initial_access_tokens import InitialAccessToken

_HIDDEN = ("token_hash",)


def plan(context: Context, entry: TokenEntry) -> Step:
    """Raises Refused."""
    place = place_of("initial_access_tokens", entry.label)
    scope = frozenset(entry.scope.split())
    if not scope <= known_scopes(context.settings):
        raise Refused([f"{place}.scope: names a scope that is not known here"])
    known = storage.find_by_hash(context.db, entry.hash)
    policy = Policy(entry.profile, tuple(entry.openings), scope, entry.first_party)
    wanted = InitialAccessToken(
        id=known.id if known else new_id(),
        label=entry.label,
        policy=policy.as_document(),
        uses_left=_uses_left(entry.uses_left, known),
        expires_at=entry.expires_at,
        created_at=known.created_at if known else context.now,
        token_hash=entry.hash,
    )
    before = described(known) if known else None
    changes = differences(place, before, described(wanted), hidden=_HIDDEN)
    return Step(changes, partial(storage.put, context.db, wanted))


def _uses_left(stated: int | None, known: InitialAccessToken | None) -> int | None:
    """What has been used stays used: a second import gives no further uses."""
    if stated is None or known is None or known.uses_left is None:
        return stated
    return min(stated, known.uses_left)


def described(token: InitialAccessToken) -> dict[str, Any]:
    """A token as a file would say it."""
    policy = Policy.of(token.policy)
    found = {
        "label": token.label,
        "token_hash": token.token_hash,
        "profile": policy.profile,
        "openings": list(policy.openings),
        "scope": " ".join(sorted(policy.scope)),
        "first_party": policy.is_first_party,
        "uses_left": token.uses_left,
        "expires_at": token.expires_at,
    }
    return {name: value for name, value in found.items() if value is not None and value != ""}
