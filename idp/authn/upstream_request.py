"""What we ask of another provider when a relying party's request is passed on to it.

OpenID Connect Core §3.1.2.1: whoever asked us for a fresh login (prompt, max_age) or a level (acr_values) is only
served when we ask the same of the provider that will do it.
"""

from __future__ import annotations

from typing import Any

from idp.config import Upstream
from idp.domain.interaction import Interaction

_FRESH = frozenset({"login", "select_account"})
_MAX_AGE_DIGITS = 9


def request_for(upstream: Upstream, interaction: Interaction | None, level: int = 0) -> dict[str, Any]:
    """The parameters ``prompt``, ``max_age`` and ``acr_values`` of the login at the upstream, for a service that needs
    ``level``."""
    parameters = dict(interaction.parameters) if interaction else {}
    asked: dict[str, Any] = {}
    if _FRESH & set(parameters.get("prompt", "").split()):
        asked["prompt"] = "login"
    max_age = parameters.get("max_age", "")
    if max_age.isascii() and max_age.isdigit() and len(max_age) <= _MAX_AGE_DIGITS:
        asked["max_age"] = int(max_age)
    acr_values = acrs_for(upstream, level) if level else ""
    return asked | ({"acr_values": acr_values} if acr_values else {})


def acrs_for(upstream: Upstream, level: int) -> str:
    """The upstream's acr values that are worth at least ``level`` here, the lowest first."""
    worth = {acr: upstream.assurance.level_of(acr) for acr in upstream.assurance.levels}
    return " ".join(sorted((acr for acr, value in worth.items() if value >= level), key=lambda acr: (worth[acr], acr)))


def is_followed_hint(upstream: Upstream, interaction: Interaction) -> bool:
    """Whether the request itself, not the person, chose this upstream."""
    return dict(interaction.parameters).get("idp_hint") == upstream.name
