"""Says, when a provider starts, that it may be less strict than its clients' profiles: which setting, which clients."""

from __future__ import annotations

import logging

from sqlalchemy.exc import SQLAlchemyError

from idp.context import Context, Provider
from idp.storage import clients

_log = logging.getLogger("tongxing.openings")
_MOST_LINES = 50


def warn(provider: Provider) -> None:
    """Where the deployment lets openings count: one line, and one for each client that has some. A database that cannot
    be read yet is no reason not to start. No connection stays open: a server may fork after this."""
    if not provider.settings.openings_allowed:
        return
    _log.warning(
        "setting openings_allowed is on: test-only openings of single clients count, which relax what their "
        "profiles demand; never set it where real people log in"
    )
    try:
        with provider.work() as context:
            _warn_of_clients(context)
    except SQLAlchemyError as error:
        _log.warning(
            "which clients have openings cannot be told: the database cannot be read (%s)", type(error).__name__
        )
    finally:
        provider.engine.dispose()
        provider.alone.dispose()


def _warn_of_clients(context: Context) -> None:
    found = [client for client in clients.list_all(context.db) if client.is_active and client.openings]
    for client in found[:_MOST_LINES]:
        _log.warning("client %s has openings: %s", client.client_id, ", ".join(client.openings))
    if len(found) > _MOST_LINES:
        _log.warning("%d more clients have openings (tongxing client list)", len(found) - _MOST_LINES)
