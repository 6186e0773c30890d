"""How an authorization request came, where it was not in plain parameters: what is remembered beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Origin:
    is_pushed: bool = False  # RFC 9126
    is_signed: bool = False  # in a request object whose signature we verified
    request_hash: str | None = None  # of the pushed request or request object, which is answered once (Grant)

    def as_dict(self) -> dict[str, Any]:
        return {"is_pushed": self.is_pushed, "is_signed": self.is_signed, "request_hash": self.request_hash}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Origin:
        return cls(**value)


PLAIN = Origin()
