"""The demonstration as a test starts it: by its command, in a folder of its own, on ports nobody uses."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from idp.demo.layout import HOST, Layout

ROOT = Path(__file__).resolve().parents[2]
_STOP_SECONDS = 60


class Demo:
    """A running demonstration."""

    def __init__(self, layout: Layout, process: subprocess.Popen[str]) -> None:
        self.layout, self.process = layout, process

    @property
    def target(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.layout.target.read_text())
        return found

    def command(self, name: str, *more: str) -> list[str]:
        return command(self.layout, name, *more)

    def interrupt(self) -> int:
        """Press Ctrl-C and wait for the end; the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=_STOP_SECONDS)


@contextmanager
def running_demo(layout: Layout, *arguments: str) -> Iterator[Demo]:
    process = subprocess.Popen(  # noqa: S603 -- our own command
        command(layout, "demo", *arguments),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        _await_ready(process)
        yield Demo(layout, process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=_STOP_SECONDS)
        if process.stdout:
            process.stdout.close()


def command(layout: Layout, name: str, *more: str) -> list[str]:
    options = ["--directory", str(layout.directory), "--offset", str(layout.offset)]
    return [sys.executable, "-m", "idp", name, *options, *more]


def free_layout(directory: Path) -> Layout:
    """A layout none of whose ports is in use; test processes look at different ones, so that none takes another's."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for offset in range(10_000 + 350 * (worker % 2), 40_000, 700):
        layout = Layout(directory, offset)
        if all(_is_free(service.port) for service in layout.services):
            return layout
    raise AssertionError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) != 0


def _await_ready(process: subprocess.Popen[str]) -> None:
    """Read what the command prints until it says that everything runs."""
    assert process.stdout is not None
    printed = []
    for line in process.stdout:
        printed.append(line)
        if "Ctrl-C ends everything" in line:
            return
    raise AssertionError("".join(printed))
