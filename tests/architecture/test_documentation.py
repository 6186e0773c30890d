"""What the documentation names exists, and every tested specification is in the list."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from idp.cli import main

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = "idp|federation|clients|tests|docs|deploy|templates|static|migrations|bench"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_named_files_exist(page: Path) -> None:
    text = page.read_text()
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    missing = [link for link in links if not (page.parent / link).exists()]
    named = re.findall(rf"`((?:{FOLDERS})/[\w./-]+)`", text)
    missing += [name for name in named if not (ROOT / name).exists()]
    assert not missing


def test_every_tested_specification_is_listed() -> None:
    text = (ROOT / "docs/specifications.md").read_text()
    tests = [f"tests/specs/{path.name}" for path in (ROOT / "tests/specs").glob("test_*.py")]
    assert [name for name in tests if name not in text] == []


def test_every_specification_has_one_place_and_what_is_claimed_a_test() -> None:
    lines = (ROOT / "docs/specifications.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")][1:]
    named = [row[0] for row in rows if row[0]]
    assert sorted(named) == sorted(set(named))
    assert [row for row in rows if not re.search(r"`tests/[\w/]+\.py`", row[3]) and not row[2].startswith("not:")] == []


@pytest.mark.parametrize("command", [name for name in main.commands])
def test_every_command_explains_itself(command: str) -> None:
    answer = CliRunner().invoke(main, [command, "--help"])
    assert answer.exit_code == 0 and "Usage:" in answer.output


def test_make_targets_named_in_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for name in set(re.findall(r"make ([a-z-]+)", (ROOT / "README.md").read_text())):
        assert re.search(rf"^{name}:", makefile, re.MULTILINE), name
