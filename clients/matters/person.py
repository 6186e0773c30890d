"""Who stands behind an access token, asked of the provider's userinfo endpoint (OpenID Connect Core §5.3).

The answer is kept for as long as the token lives, by its `jti`: the same person opens several pages in a row.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clients.kit.errors import AccessDenied, ProviderUnavailable
from clients.kit.http import JsonInvalid
from clients.kit.provider import Provider
from clients.kit.resource import AccessToken

MOST_KEPT = 10_000


class People:
    """Userinfo of the people behind tokens. Safe to share between threads."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._kept: OrderedDict[str, tuple[datetime, Mapping[str, Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def claims_of(self, token: AccessToken, raw_token: str, now: datetime) -> Mapping[str, Any]:
        """What the provider says of the person. Raises AccessDenied, ProviderUnavailable."""
        if not {"openid", "identity"} <= token.scope:
            raise AccessDenied("insufficient_scope", "The identity is needed", status=403, scope="openid identity")
        jti = str(token.claims["jti"])
        with self._lock:
            expires_at, claims = self._kept.get(jti, (now, {}))
        if expires_at > now:
            return claims
        claims = self._ask(token, raw_token)
        with self._lock:
            self._kept[jti] = (token.expires_at, claims)
            # Tokens live equally long, so the oldest entries are the ones that have run out.
            while len(self._kept) > MOST_KEPT or next(iter(self._kept.values()))[0] <= now:
                self._kept.popitem(last=False)
        return claims

    def _ask(self, token: AccessToken, raw_token: str) -> Mapping[str, Any]:
        url = self._provider.endpoint("userinfo_endpoint")
        answer = self._provider.http.get(url, headers={"Authorization": f"Bearer {raw_token}"})
        if answer.status in (401, 403):
            raise AccessDenied("invalid_token", "The provider does not know this access token any more")
        if answer.status != 200:
            raise ProviderUnavailable(f"userinfo answered with status {answer.status}")
        try:
            claims = answer.json_object()
        except JsonInvalid as error:
            raise ProviderUnavailable("userinfo answered with something that is no JSON object") from error
        # OpenID Connect Core §5.3.2: claims of another subject must not be used.
        if claims.get("sub") != token.subject:
            raise AccessDenied("invalid_token", "The provider's answer is about somebody else")
        return claims
