"""One-time codes by text message: six digits, ten minutes, five tries, at most three messages an hour.

A code is bound to what it is for, to who asked (``holder``) and to the number it was sent to. Only its keyed hash is
kept. Tries are counted before they are judged, so parallel guesses all count.
"""

from __future__ import annotations

import hmac
from datetime import timedelta
from enum import Enum

from idp.context import Context
from idp.crypto.random import hash_secret, new_digits, new_secret

LIFETIME = timedelta(minutes=10)
TRIES = 5
DIGITS = 6
_HOUR = timedelta(hours=1)
LIMITS = {"phone": 3, "holder": 3, "address": 60}  # messages an hour
_CODE, _TRIES, _SENT = "one_time_code", "one_time_code_tries", "messages_sent"


class TooManyMessages(Exception):
    """The number, the person or the address has had its messages for this hour."""


class Verdict(Enum):
    RIGHT = "right"
    WRONG = "wrong"
    OVER = "over"  # never sent, expired, used, or tried too often: only a new code helps


def count_message(context: Context, *, holder: str, phone: str, address: str) -> None:
    """Note a message about to be sent; raises TooManyMessages when it must not be."""
    owners = {"phone": context.vault.blind_index("phone", phone), "holder": holder, "address": address}
    counts = {
        kind: context.ephemeral.increment(_SENT, hash_secret(f"{kind}\n{owner}"), _HOUR)
        for kind, owner in owners.items()
    }
    if any(count > LIMITS[kind] for kind, count in counts.items()):
        raise TooManyMessages


def issue(context: Context, purpose: str, *, holder: str, phone: str) -> str:
    """A new code, which replaces any earlier one of the same holder and purpose."""
    code = new_digits(DIGITS)
    _keep(context, purpose, holder, phone, code)
    return code


def issue_none(context: Context, purpose: str, *, holder: str, phone: str) -> None:
    """Behave as if a code had been sent: no digits will ever be right, and nothing tells the difference."""
    _keep(context, purpose, holder, phone, new_secret())


def judge(context: Context, purpose: str, *, holder: str, phone: str, code: str) -> Verdict:
    """Whether this is the code; a right one is used up, by exactly one of several who give it."""
    key = _key(purpose, holder)
    tries = context.ephemeral.increment(_TRIES, key, LIFETIME)
    if tries > TRIES:
        context.ephemeral.forget(_CODE, key)
        return Verdict.OVER
    kept = context.ephemeral.get(_CODE, key)
    if kept is None:
        return Verdict.OVER
    if not hmac.compare_digest(kept["code_hash"], _hash(context, purpose, holder, phone, code)):
        return Verdict.WRONG if tries < TRIES else Verdict.OVER
    return Verdict.RIGHT if context.ephemeral.consume(_CODE, key) else Verdict.OVER


def _keep(context: Context, purpose: str, holder: str, phone: str, code: str) -> None:
    key = _key(purpose, holder)
    context.ephemeral.forget(_TRIES, key)
    context.ephemeral.put(_CODE, key, {"code_hash": _hash(context, purpose, holder, phone, code)}, LIFETIME)


def _key(purpose: str, holder: str) -> str:
    return hash_secret(f"{purpose}\n{holder}")


def _hash(context: Context, purpose: str, holder: str, phone: str, code: str) -> str:
    """Keyed: six digits could be guessed from a bare hash."""
    return context.vault.mac("one_time_code", "\n".join((purpose, holder, phone, code)).encode()).hex()
