"""How long what we issue counts: the deployment's time, or the client's own where that is shorter.

RFC 9700 §4.14.2 (refresh tokens end), FAPI 2.0 Security Profile §5.3.2.1 (codes of at most a minute). A client's own
stand in its metadata in seconds: ``access_token_lifetime``, ``id_token_lifetime``, ``refresh_idle_lifetime`` and
``refresh_absolute_lifetime``. They lengthen nothing, so that keys are kept long enough for whatever they signed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from idp.config import Settings
from idp.domain.client import Client

_LONGEST_CODE = timedelta(seconds=60)


def code(settings: Settings) -> timedelta:
    return min(settings.code_lifetime, _LONGEST_CODE)


def access_token(settings: Settings, client: Client) -> timedelta:
    return _shorter(settings.access_token_lifetime, client, "access_token_lifetime")


def id_token(settings: Settings, client: Client) -> timedelta:
    return _shorter(settings.id_token_lifetime, client, "id_token_lifetime")


def refresh(settings: Settings, client: Client, now: datetime) -> tuple[datetime, datetime]:
    """(end of the idle time, absolute end) of a family that starts now."""
    idle = _shorter(settings.refresh_idle_lifetime, client, "refresh_idle_lifetime")
    absolute = _shorter(settings.refresh_absolute_lifetime, client, "refresh_absolute_lifetime")
    return now + idle, now + absolute


def _shorter(longest: timedelta, client: Client, name: str) -> timedelta:
    own = client.lifetime(name)
    return longest if own is None else min(longest, own)
