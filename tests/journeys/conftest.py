"""Journeys: the federation served for real, and people with browsers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from flask import Flask

from idp.config import Settings
from tests.conftest import AddPerson, RegisterClient
from tests.journeys.demo import Demo, free_layout, running_demo
from tests.journeys.service import Kind, start
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


@pytest.fixture
def start_service(
    make_app: Callable[..., Flask],
    serve: Callable[..., str],
    free_port: Callable[[], int],
    register_client: RegisterClient,
    add_person: AddPerson,
) -> Callable[[type[Kind], str], Kind]:
    """`start_service(Service, "localhost")` runs a relying party beside a provider until the test ends."""
    return partial(
        start,
        make_app=make_app,
        serve=serve,
        free_port=free_port,
        register_client=register_client,
        add_person=add_person,
    )


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The whole demonstration, running; started once for a file of tests, since a file runs in one process."""
    with running_demo(free_layout(tmp_path_factory.mktemp("demo"))) as demo:
        yield demo
