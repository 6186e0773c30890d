"""Requests to the token endpoint and what a good answer must hold (RFC 6749 §5, OpenID Connect Core §3.1.3.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from clients.kit.client_auth import ClientAuthentication
from clients.kit.errors import ProviderUnavailable, TokenRefused
from clients.kit.http import Answer, JsonInvalid
from clients.kit.provider import Provider

_ERROR_CODE = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,64}")
_CHALLENGE_ERROR = re.compile(r'\berror="([^"]*)"')
DEFAULT_LIFE = 60
"""Seconds an access token is taken to live when `expires_in`, which is only recommended, is missing."""


@dataclass(frozen=True)
class TokenAnswer:
    """A successful answer; `scope` is what was granted, or None when it equals what was asked (RFC 6749 §5.1)."""

    access_token: str = field(repr=False)
    expires_at: datetime
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    scope: str | None = None


@dataclass(frozen=True)
class ClientEndpoint:
    """The endpoints at which this client authenticates itself."""

    provider: Provider
    client_id: str
    auth: ClientAuthentication

    def request_token(self, form: Mapping[str, str], now: datetime) -> TokenAnswer:
        """Raises TokenRefused for an OAuth error, ProviderUnavailable for anything else that is no answer."""
        answer = self.post(self.provider.endpoint("token_endpoint"), form, now)
        if answer.status != 200:
            raise refusal(answer)
        return _token_answer(answer, now)

    def post(self, url: str, form: Mapping[str, str], now: datetime) -> Answer:
        proof, headers = self.auth.prove(self.client_id, self.provider.issuer, now)
        return self.provider.http.post(url, form={**form, **proof}, headers=headers)


def error_code(value: object) -> str | None:
    """`value` as an OAuth error code (RFC 6749 §5.2), None when it is not one."""
    return value if isinstance(value, str) and _ERROR_CODE.fullmatch(value) else None


def refusal(answer: Answer) -> TokenRefused | ProviderUnavailable:
    """The error that an unsuccessful answer stands for."""
    try:
        content = answer.json_object()
    except JsonInvalid:
        content = {}
    # A protected resource says in its challenge what is wrong (RFC 6750 §3), the others in the body (RFC 6749 §5.2).
    challenged = _CHALLENGE_ERROR.search(answer.headers.get("WWW-Authenticate", ""))
    code = error_code(content.get("error")) or error_code(challenged[1] if challenged else None)
    if code is None or answer.status >= 500:
        return ProviderUnavailable(f"the provider answered with status {answer.status}")
    description = content.get("error_description")
    return TokenRefused(code, description if isinstance(description, str) else None)


def _token_answer(answer: Answer, now: datetime) -> TokenAnswer:
    try:
        content = answer.json_object()
    except JsonInvalid as error:
        raise ProviderUnavailable("the token answer is no JSON object") from error
    token_type = content.get("token_type")
    if not isinstance(token_type, str) or token_type.lower() != "bearer":
        raise ProviderUnavailable("the token answer has an unknown token_type")
    return TokenAnswer(
        access_token=_text(content, "access_token") or _missing("access_token"),
        expires_at=now + timedelta(seconds=_life(content.get("expires_in", DEFAULT_LIFE))),
        refresh_token=_text(content, "refresh_token"),
        id_token=_text(content, "id_token"),
        scope=_text(content, "scope"),
    )


def _text(content: dict[str, Any], name: str) -> str | None:
    value = content.get(name)
    if value is not None and not isinstance(value, str):
        raise ProviderUnavailable(f"the token answer has a malformed {name}")
    return value


def _missing(name: str) -> str:
    raise ProviderUnavailable(f"the token answer has no {name}")


def _life(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= 10**9:
        raise ProviderUnavailable("the token answer has a malformed expires_in")
    return value
