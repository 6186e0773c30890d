"""The divisions of the region: prefectures, counties and cities directly under it, with the codes that have retired.

GB/T 2260: six digits, two a level. The rows with their sources stand in ``divisions.json``. A code is never deleted,
only closed; 659000 and xx01 are statistical parents and never an address.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from federation.identifiers.checked import Checked, InvalidIdentifier

PROVINCE = "650000"


@dataclass(frozen=True, slots=True)
class Division:
    """A place in force: six-digit code, Chinese name, code of the place above, letter of its plates if it has one."""

    code: str
    name: str
    parent: str | None
    plate_letter: str | None = None


@dataclass(frozen=True, slots=True)
class _Table:
    in_force: dict[str, Division]
    retired: frozenset[str]


@cache
def _table() -> _Table:
    rows = json.loads(files(__package__).joinpath("divisions.json").read_text(encoding="utf-8"))
    places = [Division(PROVINCE, rows["province"]["name"], None)]
    places += [Division(r["code"], r["name"], PROVINCE, r["plate_letter"]) for r in rows["prefectures"]]
    places += [Division(r["code"], r["name"], PROVINCE, r.get("plate_letter")) for r in rows["direct_cities"]]
    places += [Division(r["code"], r["name"], r["parent"]) for r in rows["counties"]]
    return _Table({place.code: place for place in places}, frozenset(r["code"] for r in rows["retired"]))


def find_division(code: str) -> Division | None:
    """The place in force with this six-digit code, or None."""
    return _table().in_force.get(code)


def check_division(code: str) -> Checked:
    """Check that `code` is a place of the region in force; raises `InvalidIdentifier` (``form``, ``unknown``)."""
    if not re.fullmatch(r"[0-9]{6}", code):
        raise InvalidIdentifier("division", "form")
    if find_division(code) is None:
        raise InvalidIdentifier("division", "unknown")
    return Checked(code)


def regions_of_filing() -> tuple[Division, ...]:
    """Places a case can be handled at, by code: counties, districts and the cities directly under the region."""
    places = _table().in_force.values()
    above = {place.parent for place in places}
    return tuple(sorted((place for place in places if place.code not in above), key=lambda place: place.code))


def prefecture_of(code: str) -> Division | None:
    """The prefecture-level unit that answers for this place; a city directly under the region answers for itself."""
    place = find_division(code)
    if place is None or place.parent in (None, PROVINCE):
        return place
    return find_division(place.parent or "")


def is_code_ever_used(code: str) -> bool:
    """Whether a code of this region is or was assigned; codes of other provinces are not ours to judge: True."""
    table = _table()
    if not code.startswith(PROVINCE[:2]) or code in table.in_force or code in table.retired:
        return True
    # The 市辖区 of a city (xx01) is no place to live in but does stand in real numbers.
    return code[4:] == "01" and code[:4] + "00" in table.in_force
