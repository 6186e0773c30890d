"""The real services the tests need: PostgreSQL, redis-server and Chromium, from Debian's packages; nginx is elsewhere.

Each server runs on a free loopback port out of a temporary folder and is stopped at the end, whatever happened. One
that is not installed is a failure that names its package: a test never skips because a tool is missing.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

import psycopg
import redis
from werkzeug.serving import WSGIRequestHandler, make_server

_START_SECONDS = 30


class ServiceMissing(RuntimeError):
    """A program is not installed; the text names its Debian package."""


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PostgreSQL:
    """A private PostgreSQL server; `url(name)` addresses a database of it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        """Run one statement as the server's administrator, outside any transaction."""
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())


@contextlib.contextmanager
def running_postgresql(*, durable: bool = False) -> Iterator[PostgreSQL]:
    """Start PostgreSQL in a new folder; stop it and remove the folder afterwards.

    Tests switch durability off; benchmarks keep it on, for their figures must hold in production.
    """
    programs = _postgresql_programs()
    with _owned_folder() as (folder, owner):
        run = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, **owner}
        data, port = folder / "data", free_port()
        arguments = ["-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        _call([str(programs / "initdb"), *arguments], run)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": folder,
            "fsync": "on" if durable else "off",
            "full_page_writes": "on" if durable else "off",
            "max_connections": 200,
            "log_min_messages": "warning",
        }
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        control = [str(programs / "pg_ctl"), "-D", str(data), "-w", "-t", str(_START_SECONDS)]
        _call([*control, "-l", str(folder / "log"), "-o", options, "start"], run)
        try:
            yield PostgreSQL(folder, port)
        finally:
            _call([*control, "-m", "immediate", "stop"], run)


@contextlib.contextmanager
def running_redis() -> Iterator[str]:
    """Start a redis-server without persistence; gives its URL."""
    program = _program("redis-server", "redis-server")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tongxing-redis-") as folder:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command += ["--dir", folder]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:  # noqa: S603 - our own arguments
            try:
                _await_redis(port, process)
                yield f"redis://127.0.0.1:{port}/0"
            finally:
                process.terminate()
                process.wait(timeout=_START_SECONDS)


def chromium() -> str:
    """The path of Debian's Chromium."""
    return _program("chromium", "chromium")


class _QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing: a test's output is its failures."""


@contextlib.contextmanager
def running_wsgi(app: WSGIApplication | Callable[..., Any], port: int | None = None) -> Iterator[str]:
    """Serve an application by a real server with a thread per connection on a loopback port; gives its base URL."""
    server = make_server("127.0.0.1", port or free_port(), app, threaded=True, request_handler=_QuietHandler)
    server.daemon_threads = True  # type: ignore[attr-defined]  # a browser's idle connection must not hold the end up
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _postgresql_programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    raise ServiceMissing("PostgreSQL is not installed: apt install postgresql")


def _program(name: str, package: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise ServiceMissing(f"{name} is not installed: apt install {package}")
    return path


@contextlib.contextmanager
def _owned_folder() -> Iterator[tuple[Path, dict[str, Any]]]:
    """A folder and the Popen arguments of who owns it: PostgreSQL refuses to run as root, so root steps down."""
    folder = Path(tempfile.mkdtemp(prefix="tongxing-pg-"))
    owner: dict[str, Any] = {"cwd": folder}
    try:
        if os.geteuid() == 0:
            user = _postgres_user()
            os.chown(folder, user.pw_uid, user.pw_gid)
            owner |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        yield folder, owner
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError as error:
        raise ServiceMissing("root needs the user postgres to run PostgreSQL: apt install postgresql") from error


def _call(command: list[str], options: dict[str, Any]) -> None:
    try:
        subprocess.run(command, check=True, **options)  # noqa: S603 - our own programs and arguments
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"{command[0]} failed: {error.stderr}") from error


def _await_redis(port: int, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + _START_SECONDS
    with redis.Redis(port=port) as client:
        while True:
            try:
                client.ping()
                return
            except redis.exceptions.ConnectionError:
                if process.poll() is not None or time.monotonic() > ends:
                    raise
                time.sleep(0.02)
