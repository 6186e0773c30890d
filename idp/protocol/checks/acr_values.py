"""``acr_values`` and a client's own least level: how sure we must be who the person is.

OpenID Connect Core §3.1.2.1 (acr_values is a wish), §5.5.1.1 (acr as an essential claim is a demand), RFC 9470 §4,
OpenID Connect Core Unmet Authentication Requirements 1.0 §2. Levels: urn:tongxing:loa:0 to 4; a higher one satisfies a
lower.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from idp.context import Context
from idp.domain.assurance import level_of
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import ProtocolError


def check_acr_values(request: AuthorizationRequest, context: Context) -> None:
    """Runs after the claims parameter was read."""
    wished = request.value("acr_values") or request.client.metadata.get("default_acr_values") or ""
    values = wished.split() if isinstance(wished, str) else [str(item) for item in wished]
    request.wished_level = min(_levels(values), default=0)
    request.needed_level = max(int(request.client.metadata.get("minimum_level") or 0), _essential_level(request))
    request.claims = request.claims.with_acr_values(value for value in values if level_of(value) is not None)


def _essential_level(request: AuthorizationRequest) -> int:
    demand = request.claims.of("id_token", "acr")
    if not demand or not demand.get("essential"):
        return 0
    values = [*demand.get("values", []), *([demand["value"]] if "value" in demand else [])]
    if not values:
        return 0  # any acr will do
    levels = _levels(values)
    if not levels:
        raise ProtocolError(
            "unmet_authentication_requirements", "None of the demanded acr values exists here.", parameter="claims"
        )
    return min(levels)


def _levels(values: Iterable[Any]) -> list[int]:
    found = (level_of(value) if isinstance(value, str) else None for value in values)
    return [level for level in found if level is not None]
