"""Interactions in URLs: a sealed handle names the stored request and carries what the login page shows.

The handle is encrypted and authenticated, bound to the browser that started the request, and lets the login page be
drawn without a look-up. The parameters themselves stay in the ephemeral store.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from urllib.parse import urlencode

from idp.context import Context
from idp.crypto.random import new_id
from idp.crypto.vault import VaultError
from idp.domain.interaction import Interaction
from idp.web import browser

KIND = "interaction"


class InteractionLost(Exception):
    """The handle is altered, expired or another browser's; the page says to start again from the service."""


@dataclass(frozen=True)
class Handle:
    """What travels: the interaction's id and the few facts pages show before the person is known."""

    id: str
    client_id: str
    browser_hash: str
    expires_at: str
    login_hint: str = ""
    display: str = ""


def start(context: Context, parameters: tuple[tuple[str, str], ...], client_id: str, login_hint: str = "") -> str:
    """Store a request that waits for its person; returns its handle (one write)."""
    settings = context.settings
    interaction = Interaction(
        id=new_id(),
        client_id=client_id,
        parameters=parameters,
        created_at=context.now,
        browser_hash=browser.browser_hash(settings),
    )
    save(context, interaction)
    handle = Handle(
        id=interaction.id,
        client_id=client_id,
        browser_hash=interaction.browser_hash,
        expires_at=(context.now + settings.interaction_lifetime).isoformat(),
        login_hint=login_hint[:255],
    )
    return context.vault.seal_text(KIND, asdict(handle))


def peek(context: Context, text: str) -> Handle:
    """Open a handle without a look-up; raises InteractionLost."""
    try:
        handle = Handle(**context.vault.open_text(KIND, text))
    except (VaultError, TypeError) as error:
        raise InteractionLost from error
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


def resume_url(handle: str) -> str:
    """Where every page goes when it has stored its result."""
    return "/authorize?" + urlencode({"interaction": handle})


def page_url(page: str, handle: str) -> str:
    """The URL of an interaction page such as ``/login``."""
    return f"{page}?" + urlencode({"interaction": handle})
