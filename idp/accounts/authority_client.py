"""The authority over HTTP: asks the national registry with an access token of our own client (RFC 6749 §4.4, RFC 6750).

One verification, its token included, ends within five seconds. Whatever goes wrong is "not available": nothing is
concluded from silence.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from clients.kit.errors import KitError
from clients.kit.http import Answer, HttpClient, JsonInvalid
from clients.kit.relying_party import RelyingParty
from clients.kit.token_endpoint import TokenAnswer
from idp.accounts.authority import AuthorityUnavailable, EnterpriseCheck, PersonCheck
from idp.context import utc_now

SCOPE = "authority.verify"
NAME_AND_NUMBER = 2
"""What a match of name and number proves: the authority may have proved that person better, but not who types it."""
_EARLY = timedelta(seconds=20)


class AuthorityClient:
    """Implements :class:`idp.accounts.authority.Authority`. Safe to share between threads."""

    def __init__(
        self, url: str, client: RelyingParty, http: HttpClient, clock: Callable[[], datetime] = utc_now
    ) -> None:
        """``url``: the API's base without a slash at its end; ``client``: our registration at its provider."""
        self._url, self._client, self._http, self._clock = url, client, http, clock
        self._lock = threading.Lock()
        self._token: TokenAnswer | None = None

    def verify_person(self, name: str, id_number: str) -> PersonCheck:
        content = self._ask("/persons/verify", {"name": name, "id_number": id_number})
        is_match = _is_match(content)
        return PersonCheck(is_match, min(NAME_AND_NUMBER, _level(content)) if is_match else 0)

    def verify_enterprise(
        self, name: str, uscc: str, representative_name: str, representative_id_number: str
    ) -> EnterpriseCheck:
        representative = {"name": representative_name, "id_number": representative_id_number}
        content = self._ask("/enterprises/verify", {"name": name, "uscc": uscc, "representative": representative})
        # The authority answers a match for companies in business only.
        return EnterpriseCheck(True, "active") if _is_match(content) else EnterpriseCheck(False)

    def _ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            with self._http.within():
                answer = self._send(path, body, self._fresh_token())
                if answer.status == 401:
                    # The token may have been revoked, or the provider's keys replaced: one more try with a new one.
                    answer = self._send(path, body, self._fresh_token(instead_of=self._token))
        except KitError as error:
            raise AuthorityUnavailable(str(error)) from error
        if answer.status != 200:
            raise AuthorityUnavailable(f"the authority answered with status {answer.status}")
        try:
            return answer.json_object()
        except JsonInvalid as error:
            raise AuthorityUnavailable("the authority's answer is no JSON object") from error

    def _send(self, path: str, body: dict[str, Any], token: str) -> Answer:
        return self._http.send("POST", self._url + path, headers={"Authorization": f"Bearer {token}"}, body=body)

    def _fresh_token(self, instead_of: TokenAnswer | None = None) -> str:
        with self._lock:
            token = self._token
            if token is None or token is instead_of or token.expires_at <= self._clock() + _EARLY:
                token = self._token = self._client.client_credentials(SCOPE, now=self._clock())
            return token.access_token


class NoAuthority:
    """Where no authority is configured: every question goes unanswered."""

    def verify_person(self, name: str, id_number: str) -> PersonCheck:
        raise AuthorityUnavailable("no authority is configured")

    def verify_enterprise(
        self, name: str, uscc: str, representative_name: str, representative_id_number: str
    ) -> EnterpriseCheck:
        raise AuthorityUnavailable("no authority is configured")


def _is_match(content: dict[str, Any]) -> bool:
    match = content.get("match")
    if not isinstance(match, bool):
        raise AuthorityUnavailable("the authority does not say whether it is a match")
    return match


def _level(content: dict[str, Any]) -> int:
    level = content.get("level")
    if isinstance(level, bool) or not isinstance(level, int) or not 0 <= level <= 4:
        raise AuthorityUnavailable("the authority's level is malformed")
    return level
