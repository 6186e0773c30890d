"""What a relying party keeps of a person who is logged in."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from clients.kit.login import Login
from clients.kit.token_endpoint import TokenAnswer


@dataclass(frozen=True)
class Session:
    """A live session. `login` holds claims and tokens as of the last refresh; `acr_asked` what step-ups asked for.

    `version` counts refreshes: whoever writes new tokens must have read the version they replace.
    """

    token_hash: str = field(repr=False)
    login: Login
    version: int
    acr_asked: tuple[str, ...]
    created_at: datetime
    expires_at: datetime

    @property
    def subject(self) -> str:
        return self.login.subject

    @property
    def acr(self) -> str | None:
        return self.login.acr

    @property
    def claims(self) -> dict[str, Any]:
        """What is known of the person: userinfo, and above it the ID token."""
        return {**self.login.userinfo, **self.login.id_token}


def renewed(login: Login, answer: TokenAnswer, userinfo: dict[str, Any] | None = None) -> Login:
    """`login` with the tokens of a refresh."""
    return replace(
        login,
        access_token=answer.access_token,
        refresh_token=answer.refresh_token,
        expires_at=answer.expires_at,
        scope=answer.scope or login.scope,
        userinfo=login.userinfo if userinfo is None else userinfo,
    )


def login_to_json(login: Login) -> str:
    return json.dumps(asdict(login) | {"expires_at": login.expires_at.timestamp()})


def login_from_json(text: str) -> Login:
    values: dict[str, Any] = json.loads(text)
    return Login(**values | {"expires_at": datetime.fromtimestamp(values["expires_at"], UTC)})
