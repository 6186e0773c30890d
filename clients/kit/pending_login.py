"""What a relying party must remember between sending a browser to the provider and its coming back."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

LIFE = timedelta(minutes=15)


@dataclass(frozen=True)
class PendingLogin:
    """Keep it on the server, bound to the browser session that started the login; it holds secrets.

    `max_age` in seconds and `essential_acr` repeat what was asked, so that the answer can be held against it.
    """

    state: str
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    created_at: datetime
    max_age: int | None = None
    essential_acr: tuple[str, ...] = ()
    acr_values: tuple[str, ...] = ()

    @property
    def code_challenge(self) -> str:
        """RFC 7636 §4.2, method S256."""
        digest = hashlib.sha256(self.code_verifier.encode("ascii")).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")

    def has_expired(self, now: datetime) -> bool:
        return now >= self.created_at + LIFE

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"created_at": self.created_at.timestamp()})

    @classmethod
    def from_json(cls, text: str) -> PendingLogin:
        values: dict[str, Any] = json.loads(text)
        values["created_at"] = datetime.fromtimestamp(values["created_at"], UTC)
        for name in ("essential_acr", "acr_values"):
            values[name] = tuple(values[name])
        return cls(**values)


def new_pending_login(
    now: datetime, *, max_age: int | None, essential_acr: tuple[str, ...], acr_values: tuple[str, ...]
) -> PendingLogin:
    """Fresh random state, nonce and verifier: 256 bits each."""
    return PendingLogin(
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        code_verifier=secrets.token_urlsafe(48),
        created_at=now,
        max_age=max_age,
        essential_acr=essential_acr,
        acr_values=acr_values,
    )
