"""What a password must be: long, and not one that is guessed first. No composition rules, no forced change.

Judged offline when a password is set, never at login, with a reason the person can act on (NIST SP 800-63B-4 §3.1.1.2,
OWASP ASVS 6.2). The lists of commonest passwords and words are those of the zxcvbn package.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import Enum
from functools import cache
from itertools import pairwise

from idp.crypto.passwords import MAX_LENGTH

MIN_LENGTH = 12  # code points
MAX_BYTES = 4096
_LEAST_GUESSES = 9  # powers of ten; two common words have eight
_JUDGED = 64  # characters that the estimate looks at: it takes longer than linear time
CONTEXT_WORDS = ("tongxing", "xinjiang", "jiaotong", "yunshu", "urumqi", "zhengwu", "通行", "新疆", "交通", "政务")
_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p")
_EDGES = re.compile(r"^[\W\d_]+|[\W\d_]+$")


class Weakness(Enum):
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    COMMON = "common"
    REPEATED = "repeated"
    SEQUENCE = "sequence"
    CONTEXT = "context"
    PERSONAL = "personal"
    GUESSABLE = "guessable"


class WeakPassword(ValueError):
    """The password cannot be used; ``weakness`` says why."""

    def __init__(self, weakness: Weakness) -> None:
        super().__init__(weakness.value)
        self.weakness = weakness


def check_password(password: str, personal: Iterable[str] = ()) -> None:
    """Raises WeakPassword. ``personal``: the person's own name, username, phone, ID number, in any number."""
    if len(password.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise WeakPassword(Weakness.TOO_LONG)  # before anything is computed of it
    normal = unicodedata.normalize("NFKC", password)
    if len(normal) > MAX_LENGTH:
        raise WeakPassword(Weakness.TOO_LONG)
    if len(normal) < MIN_LENGTH:
        raise WeakPassword(Weakness.TOO_SHORT)
    weakness = _weakness(normal.lower(), tuple(_parts(personal)))
    if weakness is not None:
        raise WeakPassword(weakness)


def _weakness(text: str, personal: tuple[str, ...]) -> Weakness | None:
    bare = re.sub(r"[\W_]", "", text)
    if {text, bare, _EDGES.sub("", text)} & _common_passwords():
        return Weakness.COMMON
    if _is_repeated(text) or (bare and _is_repeated(bare)):
        return Weakness.REPEATED
    if _longest_run(text) * 2 > len(text):
        return Weakness.SEQUENCE
    if _is_mostly(text, CONTEXT_WORDS):
        return Weakness.CONTEXT
    if any(part in text for part in personal if len(part) >= 6) or _is_mostly(text, personal):
        return Weakness.PERSONAL
    return Weakness.GUESSABLE if _guesses(text[:_JUDGED], personal) < _LEAST_GUESSES else None


@cache
def _common_passwords() -> frozenset[str]:
    """Loaded when a password is first set: the package's lists take 12 MB that a process may never need."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"])


def _guesses(text: str, personal: tuple[str, ...]) -> float:
    """How many guesses the estimate expects, as a power of ten."""
    from zxcvbn import zxcvbn

    return float(zxcvbn(text, user_inputs=[*CONTEXT_WORDS, *personal])["guesses_log10"])


def _parts(personal: Iterable[str]) -> Iterable[str]:
    """A person's data as they turn up in passwords: whole, and an ID number's birth date and last six."""
    for item in personal:
        text = unicodedata.normalize("NFKC", item).strip().lower()
        if len(text) >= 2:
            yield text
        if re.fullmatch(r"[0-9]{17}[0-9x]", text):
            yield from (text[6:14], text[8:14], text[12:])
        elif re.fullmatch(r"[0-9]{11}", text):
            yield text[-8:]


def _is_repeated(text: str) -> bool:
    """Few different characters, or one piece said again and again."""
    return len(set(text)) < 5 or text in (text + text)[1:-1]


def _longest_run(text: str) -> int:
    """The length of the longest stretch that goes up or down the alphabet or along a row of keys."""
    longest = run = 1
    for before, after in pairwise(text):
        run = run + 1 if _are_neighbours(before, after) else 1
        longest = max(longest, run)
    return longest


def _are_neighbours(before: str, after: str) -> bool:
    pair = before + after
    return abs(ord(before) - ord(after)) == 1 or any(pair in row or pair[::-1] in row for row in _ROWS)


def _is_mostly(text: str, words: Iterable[str]) -> bool:
    """Whether less than eight characters are left when the words are taken out."""
    left = text
    for word in words:
        left = left.replace(word, "")
    return left != text and len(left) < 8
