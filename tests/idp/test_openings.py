"""A provider that may be less strict than its clients' profiles says so at start: the setting, and each client."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.pool import QueuePool

from idp import openings
from idp.app import create_app
from idp.config import Settings
from idp.context import Provider
from idp.web import background
from idp.worker import Worker


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == "tongxing.openings"]


@pytest.fixture
def with_openings(register_client: Callable[..., Any]) -> None:
    register_client("strict")
    register_client("lenient", openings=["unsigned_id_token", "request_without_pkce"])


def start(make_app: Callable[..., Any], **changes: Any) -> None:
    """What a serving process does before its first request, and a worker after that: it says nothing a second time."""
    app = make_app(**changes)
    background.install(app)
    worker = Worker(app.extensions["tongxing"], is_whole=False)
    worker.start()
    worker.stop()


@pytest.mark.usefixtures("with_openings")
def test_openings_that_count_are_told_at_start(make_app: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        start(make_app, openings_allowed=True)
    setting, client = told(caplog)
    assert setting.startswith("setting openings_allowed is on") and "real people" in setting
    assert client == "client lenient has openings: unsigned_id_token, request_without_pkce"


@pytest.mark.usefixtures("with_openings")
def test_they_are_told_before_any_request_and_no_connection_is_left_to_a_fork(
    make_app: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(openings_allowed=True)
    with caplog.at_level(logging.WARNING):
        background.install(app)
    assert len(told(caplog)) == 2
    provider: Provider = app.extensions["tongxing"]
    assert not isinstance(provider.engine.pool, QueuePool) or provider.engine.pool.checkedin() == 0


def test_a_database_that_cannot_be_read_yet_is_said_and_keeps_nobody_from_starting(
    settings: Settings, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    app = create_app(replace(settings, openings_allowed=True, database_url=f"sqlite:///{tmp_path}/x"))
    with caplog.at_level(logging.WARNING):
        background.install(app)
    setting, clients = told(caplog)
    assert setting.startswith("setting openings_allowed is on")
    assert clients == "which clients have openings cannot be told: the database cannot be read (OperationalError)"


@pytest.mark.usefixtures("with_openings")
def test_where_none_counts_nothing_is_said(make_app: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        start(make_app)
    assert told(caplog) == []


def test_many_clients_do_not_fill_the_log(
    make_app: Callable[..., Any],
    register_client: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(openings, "_MOST_LINES", 2)
    for number in range(4):
        register_client(f"client{number}", openings=["unsigned_id_token"])
    with caplog.at_level(logging.WARNING):
        start(make_app, openings_allowed=True)
    assert len(told(caplog)) == 4 and told(caplog)[-1].startswith("2 more clients")
