"""Journeys: the federation served for real, and people with browsers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from idp.config import Settings
from tests.members import Federation, federation
from tests.person import Person


@pytest.fixture
def members(settings: Settings, new_database: Callable[[], str], tmp_path: Path) -> Iterator[Federation]:
    """The region and the national platform, running."""
    with federation(settings, new_database, tmp_path) as built:
        yield built


@pytest.fixture
def new_person() -> Iterator[Callable[..., Person]]:
    """Gives a person with a browser of their own."""
    with ExitStack() as stack:

        def new(language: str = "zh") -> Person:
            person = Person(language)
            stack.callback(person.close)
            return person

        yield new
