"""The provider under load: two workers of the production server over durable PostgreSQL and Redis."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from idp.config import Settings
from idp.storage.migrate import upgrade
from tests.services import free_port, running_postgresql, running_redis

ROOT = Path(__file__).resolve().parent.parent
WORKERS = 2


@dataclass(frozen=True)
class Target:
    """A running provider: its settings and the process that owns the workers."""

    settings: Settings
    process: subprocess.Popen[bytes]

    def resident_megabytes(self) -> list[float]:
        """Resident memory of each worker, in MB."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return sorted(_resident(pid) for pid in children if "granian" in _command(pid) or "python" in _command(pid))


@contextmanager
def running_provider() -> Iterator[Target]:
    with ExitStack() as stack:
        postgresql = stack.enter_context(running_postgresql(durable=True))
        redis_url = stack.enter_context(running_redis())
        postgresql.execute("CREATE DATABASE bench")
        port = free_port()
        settings = Settings(
            issuer=f"http://127.0.0.1:{port}",
            database_url=postgresql.url("bench"),
            redis_url=redis_url,
            master_key=urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("="),
        )
        upgrade(settings.database_url, "idp")
        process = _start(settings, port)
        stack.callback(_stop, process)
        _wait(settings)
        yield Target(settings, process)


def _start(settings: Settings, port: int) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "TONGXING_ISSUER": settings.issuer,
        "TONGXING_DATABASE_URL": settings.database_url,
        "TONGXING_REDIS_URL": settings.redis_url,
        "TONGXING_MASTER_KEY": settings.master_key,
    }
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", str(WORKERS), "--blocking-threads", "4", "--no-ws", "--log-level", "warning", "wsgi:idp"),
    ]
    return subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)  # noqa: S603 -- our own words


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(settings: Settings) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{settings.issuer}/healthz", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise SystemExit("the provider did not become healthy within 30 s")


def _command(pid: str) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def _resident(pid: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))
