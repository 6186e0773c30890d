"""The rules of the code base that no linter knows: sizes, names, docstrings, banned imports, what is committed."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = sorted(path for package in ("idp", "federation", "clients") for path in (ROOT / package).rglob("*.py"))
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "shared"}
MODULE_LIMIT, FUNCTION_LIMIT = 300, 40


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_module_is_small_documented_and_well_named(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert len(text.splitlines()) <= MODULE_LIMIT, f"over {MODULE_LIMIT} lines"
    assert ast.get_docstring(tree), "a module says at its head what it owns"
    assert path.stem not in BANNED_NAMES and path.parent.name not in BANNED_NAMES
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            docstring = ast.get_docstring(node, clean=False)
            length -= len(docstring.splitlines()) if docstring else 0
            assert length <= FUNCTION_LIMIT, f"{node.name} has {length} lines"
        if isinstance(node, ast.ClassDef):
            assert not re.search(r"Manager$|^Base[A-Z]", node.name), node.name


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_module_uses_no_deprecated_or_banned_part_of_authlib(path: Path) -> None:
    names = imported(ast.parse(path.read_text()))
    banned = {name for name in names if name.startswith(("authlib.integrations", "authlib.jose"))}
    assert not banned


PROTOCOL = [path for path in SOURCES if relative(path).startswith("idp/protocol/") and path.name != "__init__.py"]


@pytest.mark.parametrize("path", PROTOCOL, ids=relative)
def test_protocol_module_cites_its_specification(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert re.search(r"(RFC \d{4} ?§|OpenID [A-Za-z0-9 .-]+ ?§|FAPI 2\.0|OAuth 2\.0 [A-Z][A-Za-z ]+§)", docstring)


def tracked() -> list[str]:
    answer = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
    return answer.stdout.splitlines() if answer.returncode == 0 else []


def test_lock_files_pin_with_hashes_and_hold_no_address() -> None:
    for lock in sorted((ROOT / "requirements").glob("*.lock")):
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text


def test_nothing_generated_or_large_is_committed() -> None:
    for name in tracked():
        path = ROOT / name
        assert not name.endswith((".mo", ".pyc", ".sqlite3", ".whl")), name
        if path.is_file() and not name.endswith(".lock"):
            assert path.stat().st_size <= 400 * 1024, name


def test_every_declared_package_is_really_used() -> None:
    required = {"authlib", "flask", "flask_sqlalchemy", "redis", "argon2", "gmssl", "pyotp", "qrcode"}
    found: set[str] = set()
    for path in SOURCES:
        found |= {name.split(".")[0] for name in imported(ast.parse(path.read_text()))}
    missing = required - found
    # These three serve the second factor and the exchange, which are not built yet (docs/architecture.md, "Not yet").
    assert missing <= {"gmssl", "pyotp", "qrcode"}, missing
