"""Paths of our own pages: where a person may be sent after a login, and nowhere else."""

from __future__ import annotations

import re
from urllib.parse import urlencode

HOME = "/account"
_OWN = re.compile(r"/(account|register/company)(/[A-Za-z0-9_/-]*)?")


def own_path(text: str | None) -> str:
    """``text`` where it names a page of the account centre, else its first page: never another site's."""
    return text if text and _OWN.fullmatch(text) else HOME


def login_url(next_path: str) -> str:
    return "/login?" + urlencode({"next": next_path})


def with_interaction(path: str, handle: str | None) -> str:
    """A page's address that keeps the authorization in progress."""
    return f"{path}?" + urlencode({"interaction": handle}) if handle else path
