"""The certified library openid-client in a Node process: the client's server, as somebody else wrote it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.services import ServiceMissing

FOLDER = Path(__file__).resolve().parent


class Refused(Exception):
    """The library refused what the provider answered, or the provider refused the library; ``details`` says how."""

    def __init__(self, details: dict[str, Any]) -> None:
        super().__init__(json.dumps(details))
        self.details = details


class OpenidClient:
    """A relying party by ``name`` in the process; every call is one command of relying_party.mjs."""

    def __init__(self, process: subprocess.Popen[str], name: str = "party") -> None:
        self._process, self._name = process, name

    def named(self, name: str) -> OpenidClient:
        """Another relying party of the same process."""
        return OpenidClient(self._process, name)

    def call(self, command: str, **wishes: Any) -> dict[str, Any]:
        """Raises Refused."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"command": command, "name": self._name, **wishes}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the Node process has ended"
        answer: dict[str, Any] = json.loads(line)
        if "failure" in answer:
            raise Refused(answer["failure"])
        result: dict[str, Any] = answer["result"]
        return result


@contextmanager
def running_openid_client() -> Iterator[OpenidClient]:
    """Start the process; it ends with its input."""
    node = shutil.which("node")
    if node is None:
        raise ServiceMissing("node is not installed: apt install nodejs npm")
    if not (FOLDER / "node_modules" / "openid-client").is_dir():
        raise ServiceMissing("openid-client is not installed: npm ci --prefix tests/interop")
    command = [node, *_flags(node), str(FOLDER / "relying_party.mjs")]
    with subprocess.Popen(  # noqa: S603 -- our own program
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=FOLDER
    ) as process:
        try:
            yield OpenidClient(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=30)


def _flags(node: str) -> list[str]:
    """Node 18, which Debian 12 has, keeps the Web Cryptography API behind a flag."""
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
    return ["--experimental-global-webcrypto"] if int(version.removeprefix("v").split(".")[0]) < 20 else []
