"""wrk: one Lua script per measurement; what counts is how many answers were the right ones."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parent / "lua"


@dataclass(frozen=True)
class Measured:
    """Right answers per second, wrong answers, and latencies in milliseconds."""

    rate: float
    wrong: int
    p50: float
    p99: float


def run(script: str, url: str, values: Mapping[str, str], *, seconds: int, connections: int = 16) -> Measured:
    """Load ``url`` for ``seconds``; ``values`` reach the script as a Lua table."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as data:
        data.write("return " + _lua(values))
        data.flush()
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            "--timeout",
            "10s",
            "-s",
            str(SCRIPTS / script),
            url,
        ]
        environment = {**os.environ, "BENCH_VALUES": data.name, "LUA_PATH": f"{SCRIPTS}/?.lua;;"}
        answer = subprocess.run(  # noqa: S603 -- our own words
            command, env=environment, capture_output=True, text=True, check=True, timeout=seconds + 60
        )
    line = next(line for line in answer.stdout.splitlines() if line.startswith("RESULT "))
    result = json.loads(line.removeprefix("RESULT "))
    return Measured(result["right"] / result["seconds"], result["wrong"], result["p50"], result["p99"])


def _lua(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(f"[{_lua(key)}]={_lua(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ",".join(_lua(item) for item in value) + "}"
    return json.dumps(str(value))
