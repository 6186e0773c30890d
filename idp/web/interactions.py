"""Interactions in URLs: a sealed handle names the stored request and carries what the login page shows.

The handle is encrypted and authenticated, bound to the browser that started the request, and lets the login page be
drawn without a look-up. The parameters themselves stay in the ephemeral store. A request that another site posted is
parked first: it came without our cookies (SameSite=Lax), so nothing can be bound or decided until the browser has been
sent round once more.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from idp.context import Context
from idp.crypto.random import new_id
from idp.crypto.vault import Vault, VaultError
from idp.domain.interaction import Interaction
from idp.domain.origin import Origin
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.messages import Pairs
from idp.web import browser

KIND = "interaction"
PARKED = "parked_request"


class InteractionLost(Exception):
    """The handle is altered, expired or another browser's; the page says to start again from the service."""


@dataclass(frozen=True)
class Handle:
    """What travels: the interaction's id and the few facts pages show before the person is known."""

    id: str
    client_id: str
    browser_hash: str  # empty: a parked request, bound to no browser yet
    expires_at: str
    login_hint: str = ""
    locale: str = ""  # the language chosen on its pages, or wished for by the client; empty: the person's own
    level: int = 0  # the level the login should reach, 0 for any
    account_id: str = ""  # whom a page asked; another person's answer does not count for them


def start(context: Context, asked: AuthorizationRequest) -> str:
    """Store a request that waits for its person; returns its handle (one write)."""
    client_id = asked.client.client_id
    interaction = Interaction(
        id=new_id(),
        client_id=client_id,
        parameters=asked.parameters,
        created_at=context.now,
        browser_hash=browser.browser_hash(context.settings),
        origin=asked.origin,
    )
    save(context, interaction)
    handle = _handle(context, interaction.id, client_id, interaction.browser_hash, asked.login_hint or "")
    return _seal(context, handle)


def park(context: Context, asked: AuthorizationRequest) -> str:
    """Store a posted request until the browser comes back with its cookies; returns its handle (one write)."""
    handle = _handle(context, new_id(), asked.client.client_id, "", "")
    value = {"parameters": [list(pair) for pair in asked.parameters], "origin": asked.origin.as_dict()}
    context.ephemeral.put(PARKED, handle.id, value, context.settings.interaction_lifetime)
    return _seal(context, handle)


def find_parked(context: Context, text: str) -> tuple[Pairs, Origin] | None:
    """The parameters of a parked request and how they came (one read), None where the handle is an interaction's. It
    may be read again: that is the same as sending the request again. Raises InteractionLost."""
    handle = read(context.vault, text)
    if handle.browser_hash:
        return None
    value = context.ephemeral.get(PARKED, handle.id)
    if value is None:
        raise InteractionLost
    return tuple((name, given) for name, given in value["parameters"]), Origin.from_dict(value["origin"])


def read(vault: Vault, text: str) -> Handle:
    """What a handle says, whoever brings it and whenever; raises InteractionLost for one we did not seal."""
    try:
        return Handle(**vault.open_text(KIND, text))
    except (VaultError, TypeError) as error:
        raise InteractionLost from error


def peek(context: Context, text: str) -> Handle:
    """Open a handle of this browser without a look-up; raises InteractionLost."""
    handle = read(context.vault, text)
    is_expired = datetime.fromisoformat(handle.expires_at) <= context.now
    if is_expired or handle.browser_hash != browser.browser_hash(context.settings):
        raise InteractionLost
    return handle


def load(context: Context, text: str) -> Interaction:
    """The stored interaction of a handle (one read); raises InteractionLost."""
    handle = peek(context, text)
    value = context.ephemeral.get(KIND, handle.id)
    if value is None:
        raise InteractionLost
    return Interaction.from_dict(handle.id, value)


def save(context: Context, interaction: Interaction) -> None:
    """Store what a page decided (one write)."""
    lifetime = interaction.created_at + context.settings.interaction_lifetime - context.now
    context.ephemeral.put(KIND, interaction.id, interaction.as_dict(), lifetime)


def for_page(context: Context, text: str, *, level: int, locale: str | None = None) -> str:
    """The handle for a page that is to be shown: with the level the login should reach and, where the person has
    chosen none, the language the client wishes for."""
    handle = read(context.vault, text)
    wanted = replace(handle, level=level, locale=handle.locale or locale or "")
    return text if wanted == handle else _seal(context, wanted)


def for_person(context: Context, text: str, account_id: str) -> str:
    """The handle for the form of a page that asks this person."""
    return _seal(context, replace(read(context.vault, text), account_id=account_id))


def with_locale(context: Context, text: str, locale: str) -> str:
    """The handle once the person has chosen a language on one of its pages."""
    return _seal(context, replace(read(context.vault, text), locale=locale))


def resume_url(handle: str) -> str:
    """Where every page goes when it has stored its result."""
    return page_url("/authorize", handle)


def page_url(page: str, handle: str) -> str:
    """The URL of an interaction page such as ``/login``."""
    return f"{page}?" + urlencode({"interaction": handle})


def _handle(context: Context, id: str, client_id: str, browser_hash: str, login_hint: str) -> Handle:
    expires_at = context.now + context.settings.interaction_lifetime
    return Handle(id, client_id, browser_hash, expires_at.isoformat(), login_hint)


def _seal(context: Context, handle: Handle) -> str:
    return context.vault.seal_text(KIND, asdict(handle))
