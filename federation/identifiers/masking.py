"""How an identifier is shown where not every reader needs it whole (the form is our own choice)."""

from __future__ import annotations


def mask(value: str) -> str:
    """`value` with its first six and last two characters; shorter than twelve, only the first and the last."""
    head, tail = (6, 2) if len(value) >= 12 else (1, 1)
    hidden = len(value) - head - tail
    return value[:head] + "*" * hidden + value[-tail:] if hidden > 0 else "*" * len(value)


def mask_mobile(value: str) -> str:
    """The customary form of a mobile number, 138****8000."""
    return value[:3] + "****" + value[-4:] if len(value) == 11 else mask(value)
