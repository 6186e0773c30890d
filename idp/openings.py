"""Says, when a provider starts, that it may be less strict than its clients' profiles: which setting, which clients."""

from __future__ import annotations

import logging

from idp.config import Settings
from idp.context import Context
from idp.storage import clients

_log = logging.getLogger("tongxing.openings")
_MOST_LINES = 50


def warn_of_setting(settings: Settings) -> None:
    """One line where the deployment lets openings count."""
    if settings.openings_allowed:
        _log.warning(
            "setting openings_allowed is on: test-only openings of single clients count, which relax what their "
            "profiles demand; never set it where real people log in"
        )


def warn_of_clients(context: Context) -> None:
    """One line a client whose openings count."""
    if not context.settings.openings_allowed:
        return
    found = [client for client in clients.list_all(context.db) if client.is_active and client.openings]
    for client in found[:_MOST_LINES]:
        _log.warning("client %s has openings: %s", client.client_id, ", ".join(client.openings))
    if len(found) > _MOST_LINES:
        _log.warning("%d more clients have openings (tongxing client list)", len(found) - _MOST_LINES)
