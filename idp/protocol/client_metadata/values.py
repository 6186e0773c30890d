"""Readers of single values: each checks one type and gives what is stored, or raises Wrong with a fixed text.

RFC 7591 §2 and OpenID Connect Registration §2 (types), RFC 6749 §3.3 (scope), RFC 8705 §2.1.2 (subjects).
Lengths are ours: nothing here may be larger than a page or a header can bear.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from idp.domain.profile import in_order
from idp.protocol.certificate_subjects import SUBJECTS

Read = Callable[[Any], Any]
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_LONGEST_SCOPE = 2000
_MOST_SECONDS = 2**31 - 1


class Wrong(ValueError):
    """What a value must be; the text follows the field's name."""


def text(most: int = 255) -> Read:
    """Printable text: no control characters, no half of a surrogate pair, nothing that turns the writing around."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= most or not value.isprintable():
            raise Wrong(f"must be a text of 1 to {most} printable characters.")
        return value

    return read


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong("must be true or false.")
    return value


def number(least: int, most: int = _MOST_SECONDS) -> Read:
    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise Wrong(f"must be a whole number from {least} to {most}.")
        return value

    return read


def one_of(values: Iterable[str]) -> Read:
    known = tuple(values)

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            raise Wrong(f"must be one of {', '.join(known)}.")
        return value

    return read


def list_of(read_item: Read, most: int, least: int = 0) -> Read:
    """A list without repetitions."""

    def read(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple) or not least <= len(value) <= most:
            raise Wrong(f"must be a list of {least} to {most} items.")
        try:
            return list(dict.fromkeys(read_item(item) for item in value))
        except Wrong as wrong:
            raise Wrong(f"has an item that {wrong}") from wrong

    return read


def response_type(known: Iterable[str]) -> Read:
    """A response type in our order of words, whatever order it came in."""
    names = tuple(sorted(known))

    def read(value: Any) -> str:
        found = in_order(value) if isinstance(value, str) else ""
        if found not in names:
            raise Wrong(f"must be one of {', '.join(names)}.")
        return found

    return read


def scope(value: Any) -> str:
    words = value.split(" ") if isinstance(value, str) and len(value) <= _LONGEST_SCOPE else [""]
    if not all(_SCOPE.fullmatch(word) for word in words):
        raise Wrong("must be scope names separated by single spaces.")
    return " ".join(dict.fromkeys(words))


def subject_of_certificate(member: str) -> Read:
    """What a certificate must be of, in the words of one of the members of RFC 8705 §2.1.2."""

    def read(value: Any) -> str:
        found = str(text(1024)(value))
        try:
            SUBJECTS[member].read(found)
        except (ValueError, TypeError, LookupError) as error:
            raise Wrong("must name a subject as RFC 8705 section 2.1.2 writes it.") from error
        return found

    return read
