"""Which sources belong to which catalogue, and what texts they ask for (the table in docs/pages.md)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_file
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
Message = str | tuple[str, ...]

AREAS: dict[str, tuple[str, ...]] = {
    "shared": (
        "templates/base.html",
        "templates/components/**/*.html",
        "templates/errors/**/*.html",
        "templates/relying_parties/**/*.html",
    ),
    "accounts": (
        "templates/accounts/**/*.html",
        "idp/accounts/**/*.py",
        "idp/web/account*.py",
        "idp/web/account*/**/*.py",
    ),
    "idp": ("templates/idp/**/*.html", "idp/**/*.py"),
    "clients": ("templates/clients/**/*.html", "clients/**/*.py"),
    "federation": ("templates/federation/**/*.html", "federation/**/*.py"),
}
KEYWORDS = DEFAULT_KEYWORDS | {"_l": None, "lazy_gettext": None, "lazy_ngettext": (1, 2)}


def area_sources(area: str) -> Iterator[Path]:
    """The files of an area; a file that an earlier area claims is not in a later one."""
    claimed: set[Path] = set()
    for name, patterns in AREAS.items():
        files = {path for pattern in patterns for path in ROOT.glob(pattern)} - claimed
        claimed |= files
        if name == area:
            yield from sorted(files)


def area_messages(area: str) -> dict[Message, set[str]]:
    """Every text the area asks for, with the files that ask."""
    messages: dict[Message, set[str]] = defaultdict(set)
    for path in area_sources(area):
        method = "python" if path.suffix == ".py" else "jinja2"
        for _line, message, _comments, _context in extract_from_file(method, path, keywords=KEYWORDS):
            messages[message].add(str(path.relative_to(ROOT)))
    return messages


def catalogue(area: str) -> Catalog:
    """The Chinese catalogue of an area; empty where none was written."""
    path = ROOT / "translations" / area / "zh" / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return Catalog(locale="zh")
    with path.open("rb") as text:
        return read_po(text, locale="zh")
