"""Numbers that are shown so that their owner recognises them and a bystander learns little."""

from __future__ import annotations

SHOWN = {"resident_id": (4, 2), "id_number": (4, 2), "mobile": (3, 4), "phone": (3, 4)}
"""Format of a value → how many of its first and last characters are shown."""


def masked(value: object, format_name: str) -> str | None:
    """`value` with its middle hidden, as its format wants it; None when there is none."""
    if not isinstance(value, str) or not value:
        return None
    value = value.removeprefix("+86")  # every phone here is Chinese; the prefix would take the place of what tells
    first, last = SHOWN[format_name]
    if len(value) <= first + last:
        return "*" * len(value)
    return value[:first] + "*" * (len(value) - first - last) + value[len(value) - last :]
