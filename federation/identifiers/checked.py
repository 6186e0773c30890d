"""What a check of an identifier says: accepted with warnings, or refused with a reason (severities of our own choice).

The standards (GB 11643, GB 32100, GA 36, GB 16735) know right and wrong only; registers hold numbers that break their
inner checks, so those are warnings for an officer and never a closed door for a citizen.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Checked:
    """An accepted identifier. `warnings` are codes such as ``unknown_area``, shown to officers."""

    value: str
    warnings: tuple[str, ...] = ()


class InvalidIdentifier(ValueError):
    """An identifier that must be refused.

    `kind` names the identifier (``resident_id``), `code` the reason: ``form``, ``check_digit``, ``birth_date``,
    ``birth_in_future`` or ``unknown``. The refused text is deliberately not kept: it may be personal.
    """

    def __init__(self, kind: str, code: str) -> None:
        super().__init__(f"{kind}: {code}")
        self.kind = kind
        self.code = code
