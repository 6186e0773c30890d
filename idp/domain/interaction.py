"""An authorization request that waits for its person: logging in, choosing, consenting."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from idp.domain.origin import PLAIN, Origin


@dataclass(frozen=True)
class Interaction:
    """The parameters that count, how they came, and what the pages have stored since. Only its id travels, sealed."""

    id: str
    client_id: str
    parameters: tuple[tuple[str, str], ...]
    created_at: datetime
    browser_hash: str  # the browser that started it
    origin: Origin = PLAIN
    is_denied: bool = False
    selected_sid: str | None = None  # the session the person confirmed at prompt=select_account
    is_hint_followed: bool = False  # idp_hint has led to the other provider once; it does not do so again

    def denied(self) -> Interaction:
        return replace(self, is_denied=True)

    def selected(self, sid: str) -> Interaction:
        return replace(self, selected_sid=sid)

    def hint_followed(self) -> Interaction:
        return replace(self, is_hint_followed=True)

    def as_dict(self) -> dict[str, Any]:
        return {
            "client_id": self.client_id,
            "parameters": [list(pair) for pair in self.parameters],
            "created_at": self.created_at.isoformat(),
            "browser_hash": self.browser_hash,
            "origin": self.origin.as_dict(),
            "is_denied": self.is_denied,
            "selected_sid": self.selected_sid,
            "is_hint_followed": self.is_hint_followed,
        }

    @classmethod
    def from_dict(cls, id: str, value: dict[str, Any]) -> Interaction:
        return cls(
            id=id,
            client_id=value["client_id"],
            parameters=tuple((name, text) for name, text in value["parameters"]),
            created_at=datetime.fromisoformat(value["created_at"]),
            browser_hash=value["browser_hash"],
            origin=Origin.from_dict(value.get("origin", {})),
            is_denied=value["is_denied"],
            selected_sid=value["selected_sid"],
            is_hint_followed=value.get("is_hint_followed", False),
        )
