from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clients.kit.own_path import own_path

SITE = "https://portal.example/login"
PIECES = st.lists(
    st.sampled_from(["/", "\\", "//", "evil.example", "@", ":", "https", "?", "#", "%2f", "\t", "..", " "])
)


@pytest.mark.parametrize("path", ["/", "/cases", "/cases/1?page=2&x=%2F", "/a#b", "/..", "/@x", "/a//b", "/案"])
def test_paths_of_our_own_are_kept(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "value",
    [None, "", "cases", "//x", "///x", "/\\x", "/a\\x", "\\x", "https://x", "/\tx", "/\n/x", "/ x", "/\x00", "/\x7f"],
)
def test_everything_else_becomes_the_default(value: str | None) -> None:
    assert own_path(value, "/home") == "/home"


def test_overlong_path_becomes_the_default() -> None:
    assert own_path("/" + "x" * 2048) == "/"


@given(PIECES.map("".join) | st.text())
@example("/\t/evil.example")
@example("/[")
def test_whatever_is_asked_for_stays_on_the_site(value: str) -> None:
    target = urljoin(SITE, own_path(value))
    assert urlsplit(target)[:2] == ("https", "portal.example")
    # Browsers read a backslash as a slash and drop tabs and line ends.
    seen = own_path(value).replace("\\", "/").replace("\t", "").replace("\n", "").replace("\r", "")
    assert seen.startswith("/") and not seen.startswith("//")
