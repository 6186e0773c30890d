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
_TRIES_REMEMBERED = 2 * LIFETIME  # longer than any code they count for, whichever node's clock began either
DIGITS = 6
_HOUR = timedelta(hours=1)
LIMITS = {"phone": 3, "holder": 3, "address": 60}  # messages an hour
_CODE, _TRIES, _SENT, _UNSENT = "one_time_code", "one_time_code_tries", "messages_sent", "messages_unsent"


class TooManyMessages(Exception):
    """The number, the person or the address has had its messages for this hour."""


class Verdict(Enum):
    RIGHT = "right"
    WRONG = "wrong"
    OVER = "over"  # never sent, expired, used, or tried too often: only a new code helps


def count_message(context: Context, *, holder: str, phone: str, address: str) -> None:
    """Note a message about to be sent; raises TooManyMessages when it must not be."""
    for kind, key in _owners(context, holder, phone, address).items():
        sent = context.ephemeral.increment(_SENT, key, _HOUR)
        if sent > LIMITS[kind] and sent - context.ephemeral.count(_UNSENT, key) > LIMITS[kind]:
            raise TooManyMessages


def discount_message(context: Context, *, holder: str, phone: str, address: str) -> None:
    """A message that was noted could not leave: it does not count."""
    for key in _owners(context, holder, phone, address).values():
        context.ephemeral.increment(_UNSENT, key, _HOUR)


def issue(context: Context, purpose: str, *, holder: str, phone: str, is_decoy: bool = False) -> str:
    """A new code, which replaces any earlier one of the same holder and purpose.

    A decoy behaves as if a code had been sent, but no digits will ever be right, and nothing tells the difference.
    """
    code = new_digits(DIGITS)
    kept = new_secret() if is_decoy else code
    key = _key(purpose, holder)
    context.ephemeral.forget(_TRIES, key)
    context.ephemeral.put(_CODE, key, {"code_hash": _hash(context, purpose, holder, phone, kept)}, LIFETIME)
    return code


def judge(context: Context, purpose: str, *, holder: str, phone: str, code: str) -> Verdict:
    """Whether this is the code; a right one is used up, by exactly one of several who give it.

    A try too many leaves the code where it is: an earlier one, still being judged, may be right.
    """
    key = _key(purpose, holder)
    tries = context.ephemeral.increment(_TRIES, key, _TRIES_REMEMBERED)
    if tries > TRIES:
        return Verdict.OVER
    kept = context.ephemeral.get(_CODE, key)
    if kept is None:
        return Verdict.OVER
    if not hmac.compare_digest(kept["code_hash"], _hash(context, purpose, holder, phone, code)):
        return Verdict.WRONG if tries < TRIES else Verdict.OVER
    return Verdict.RIGHT if context.ephemeral.consume(_CODE, key) else Verdict.OVER


def _owners(context: Context, holder: str, phone: str, address: str) -> dict[str, str]:
    owners = {"phone": context.vault.blind_index("phone", phone), "holder": holder, "address": address}
    return {kind: hash_secret(f"{kind}\n{owner}") for kind, owner in owners.items()}


def _key(purpose: str, holder: str) -> str:
    return hash_secret(f"{purpose}\n{holder}")


def _hash(context: Context, purpose: str, holder: str, phone: str, code: str) -> str:
    """Keyed: six digits could be guessed from a bare hash."""
    return context.vault.mac("one_time_code", "\n".join((purpose, holder, phone, code)).encode()).hex()
