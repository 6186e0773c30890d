"""Paths of our own site, the only targets a `next` parameter may name (RFC 9700 §4.11.1: no open redirector)."""

from __future__ import annotations

from urllib.parse import urlsplit

LONGEST = 2048


def own_path(value: str | None, default: str = "/") -> str:
    """`value` if every browser reads it as a path of this site, else `default`.

    `//host`, `/\\host` and anything with control characters are addresses of other sites to some browser.
    """
    if not value or len(value) > LONGEST or not value.startswith("/") or value.startswith(("//", "/\\")):
        return default
    if "\\" in value or any(character <= " " or character == "\x7f" for character in value):
        return default
    try:
        parts = urlsplit(value)
    except ValueError:
        return default
    return value if not parts.scheme and not parts.netloc else default
