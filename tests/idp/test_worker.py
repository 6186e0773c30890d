"""The threads beside the requests: they begin with the first request, do all the work, and end when told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from sqlalchemy import delete

from idp.protocol import keys
from idp.storage import outbox
from idp.storage.tables import signing_keys
from idp.web import background
from idp.worker import HANDLERS, Worker
from tests.idp.test_outbox import await_that


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()} & {"outbox", "housekeeping"}


@pytest.fixture
def started():
    """Workers started by a test, stopped after it."""
    made: list[Worker] = []
    yield made
    for worker in made:
        worker.stop()


@pytest.fixture
def catch_workers(started, monkeypatch):
    start = Worker.start
    monkeypatch.setattr(Worker, "start", lambda worker: (started.append(worker), start(worker)))


def send(provider, kind: str) -> None:
    with provider.work() as context:
        outbox.add(context.db, kind=kind, batch="b", recipient="r", payload={}, now=context.now)


def test_every_kind_that_is_sent_has_a_handler() -> None:
    assert set(HANDLERS) >= {"backchannel_logout", "upstream_session_end"}


def test_nothing_runs_before_the_first_request_and_everything_after(make_app, new_http, started, catch_workers) -> None:
    app = make_app(worker="embedded")
    background.install(app)
    assert threads() == set()
    for _ in range(3):
        new_http(app).get("/.well-known/openid-configuration")
    assert threads() == {"outbox", "housekeeping"}
    assert len(started) == 1
    assert "outbox" in app.extensions["tongxing"].parts


def test_first_requests_at_once_start_one_worker(make_app, new_http, started, catch_workers) -> None:
    app = make_app(worker="embedded")
    background.install(app)
    clients = [new_http(app) for _ in range(6)]
    callers = [threading.Thread(target=client.get, args=("/jwks",)) for client in clients]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(started) == 1


def test_a_process_that_only_serves_keeps_its_keys_fresh_and_delivers_nothing(
    make_app, new_http, started, catch_workers
) -> None:
    app = make_app(worker="none")
    background.install(app)
    provider = app.extensions["tongxing"]
    send(provider, "backchannel_logout")
    assert new_http(app).get("/jwks").status_code == 200
    assert threads() == {"housekeeping"}
    assert "outbox" not in provider.parts


def test_a_provider_without_keys_makes_them_before_its_first_answer(
    make_app, new_http, started, catch_workers, clock
) -> None:
    app = make_app()
    provider = app.extensions["tongxing"]
    with provider.work() as context:
        context.db.execute(delete(signing_keys))
    provider.keys.replace(())
    background.install(app)
    kept = (*provider.settings.key_algorithms, *provider.settings.encryption_algorithms)
    assert sorted(key["alg"] for key in new_http(app).get("/jwks").json["keys"]) == sorted(kept)
    assert provider.keys.signing("RS256", clock.now)


def test_a_key_another_process_made_is_known_here_within_seconds(make_app, engine_url, clock, started) -> None:
    here, there = (make_app().extensions["tongxing"] for _ in range(2))
    worker = Worker(here, is_whole=False)
    started.append(worker)
    worker.start()
    with there.work() as context:
        keys.rotate_now(context)
    clock.advance(5)
    await_that(lambda: {key.kid for key in here.keys.keys} == {key.kid for key in there.keys.keys})


def test_the_worker_delivers_and_stops_cleanly(provider, started) -> None:
    taken = threading.Event()
    worker = Worker(provider, is_whole=True, handlers={"note": lambda _provider, _delivery: taken.set()})
    started.append(worker)
    send(provider, "note")
    worker.start()
    assert taken.wait(30)
    worker.stop()
    assert threads() == set()
    assert "outbox" not in provider.parts


def test_the_worker_process_delivers_and_ends_at_sigterm(provider, settings) -> None:
    send(provider, "pigeon")
    environment = {
        **os.environ,
        "TONGXING_DATABASE_URL": settings.database_url,
        "TONGXING_MASTER_KEY": settings.master_key,
        "TONGXING_CONFIG": "",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", "from idp.cli import main; main(['worker'])"], env=environment, stderr=subprocess.PIPE
    )

    def is_settled() -> bool:
        assert process.poll() is None, process.stderr.read().decode()
        with provider.work() as context:
            return outbox.list_batch(context.db, "b")[0].status == "failed"

    await_that(is_settled, seconds=200)  # Python starts slowly on a busy machine
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    assert time.monotonic() - began < 15
    process.stderr.close()
