"""What applications compile for themselves is compiled once in a process: each test makes an application of its own.

Without this, half of the suite's time would go into the two functions that werkzeug compiles for each of eighty routes,
and a page's templates would be compiled again for each test that opens it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from io import BytesIO
from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule


def share_compiled() -> None:
    """To be called before the first application is made."""
    _share_routes()
    Flask.jinja_options = {"bytecode_cache": _Templates()}


def _share_routes() -> None:
    compile_builder: Callable[[Rule, bool], Any] = Rule._compile_builder
    known: dict[Hashable, Any] = {}

    def compile_once(rule: Rule, append_unknown: bool = True) -> Any:
        """The function that builds a rule's addresses: it is given the rule, and depends on its text alone."""
        if rule.defaults:
            return compile_builder(rule, append_unknown)
        key = rule.rule, tuple(rule._trace), append_unknown
        if key not in known:
            known[key] = compile_builder(rule, append_unknown)
        return known[key]

    Rule._compile_builder = compile_once  # type: ignore[method-assign]


class _Templates(BytecodeCache):
    """Keeps templates in memory; Jinja compares the source's checksum itself."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if found := self._known.get(bucket.key):
            bucket.load_bytecode(BytesIO(found))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._known[bucket.key] = bucket.bytecode_to_string()
