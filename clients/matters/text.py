"""A text in the languages of the service, and the mark that says how far a statement can be trusted."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Mark = Literal["source read", "source read, weak", "recalled: verify", "project choice", "open"]
"""How we know: from the text itself, from a secondary source, from memory, by our own decision, or not yet."""

Language = Literal["zh", "en"]


class Text(BaseModel):
    """One text in Chinese and English."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)

    def in_(self, language: str) -> str:
        """The text in `language`, Chinese for any language there is none in."""
        return self.en if language == "en" else self.zh


def text(zh: str, en: str) -> Text:
    """Short for ``Text(zh=…, en=…)``: declarations are full of them."""
    return Text(zh=zh, en=en)
