"""Starts the demonstration's processes, waits until all are healthy, watches them, and ends them together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from idp.demo.layout import HOST, Layout, Service

ROOT = Path(__file__).resolve().parent.parent.parent
_START_LIMIT = 60.0  # seconds until every service must be healthy
_STOP_LIMIT = 5.0  # seconds a service has to end by itself


class DemoError(Exception):
    """What went wrong, in one line."""


def check_ports(services: Sequence[Service]) -> None:
    """Raises DemoError naming the first port that something else listens on."""
    for service in services:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, service.port))
            except OSError as error:
                raise DemoError(
                    f"port {service.port} ({service.name}) is taken: stop what listens there, or use --offset"
                ) from error


@contextmanager
def running(layout: Layout) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """All services, healthy; ended when the block is left, however it is left."""
    check_ports(layout.services)
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for service in layout.services:
            processes[service.name] = _start(layout, service)
        wait_until_healthy(layout, processes)
        yield processes
    finally:
        stop(processes)


def watch(layout: Layout, processes: dict[str, subprocess.Popen[bytes]]) -> None:
    """Return when interrupted; raises DemoError when a service ends by itself."""
    while True:
        for name, process in processes.items():
            if process.poll() is not None:
                raise DemoError(_ended(layout, name, process))
        time.sleep(0.5)


def wait_until_healthy(layout: Layout, processes: dict[str, subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + _START_LIMIT
    waiting = {service.name: service for service in layout.services}
    with httpx.Client(timeout=2) as http:
        while waiting:
            for name, service in list(waiting.items()):
                if processes[name].poll() is not None:
                    raise DemoError(_ended(layout, name, processes[name]))
                if _is_healthy(http, service):
                    del waiting[name]
            if time.monotonic() > deadline:
                raise DemoError(
                    f"not healthy after {_START_LIMIT:.0f} s: {', '.join(waiting)} (see {layout.directory}/log)"
                )
            time.sleep(0.1)


def stop(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    """End every service; what does not listen is killed."""
    for process in processes.values():
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + _STOP_LIMIT
    for process in processes.values():
        try:
            process.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _start(layout: Layout, service: Service) -> subprocess.Popen[bytes]:
    log = layout.log(service)
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "TONGXING_CONFIG": str(layout.configuration.resolve()),
        "TONGXING_TABLE": service.table,
        "PYTHONUNBUFFERED": "1",
    }
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(service.port)),
        *("--workers", "1", "--blocking-threads", "4", "--backpressure", "64", "--no-ws", service.application),
    ]
    with log.open("ab") as output:
        # A group of its own, so that Ctrl-C reaches us alone and we end the services in order.
        return subprocess.Popen(  # noqa: S603 -- our own interpreter and arguments
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )


def _is_healthy(http: httpx.Client, service: Service) -> bool:
    try:
        return http.get(f"{service.url}/healthz").status_code == 200
    except httpx.HTTPError:
        return False


def _ended(layout: Layout, name: str, process: subprocess.Popen[bytes]) -> str:
    log = layout.log(layout.service(name))
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return f"{name} ended with status {process.returncode}: {lines[-1] if lines else 'it printed nothing'} (see {log})"
