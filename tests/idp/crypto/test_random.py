from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from idp.crypto import random


def test_no_identifier_looks_like_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Iterator[str] = iter(["-qyri2fEyFy5oC_9SJrk0w", "-" * 22, "q-ri2fEyFy5oC_9SJrk0w-"])
    monkeypatch.setattr(secrets, "token_urlsafe", lambda _bytes: next(made))
    assert random.new_id() == "q-ri2fEyFy5oC_9SJrk0w-"
