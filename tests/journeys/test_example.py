"""The example of docs/integrators.md, run as it is printed there against the demonstration."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from tests.journeys.demo import ROOT, Demo
from tests.journeys.foreign_client import Attempt, ForeignClient
from tests.person import Person


def test_the_example_logs_a_person_in(demo: Demo, new_person: Callable[..., Person]) -> None:
    script = [sys.executable, str(ROOT / "docs/examples/bound_login.py"), str(demo.layout.target)]
    with subprocess.Popen(  # noqa: S603 -- our own example
        script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as example:
        assert example.stdin is not None and example.stdout is not None and example.stderr is not None
        foreign = ForeignClient(demo.target, "private_key_jwt")
        attempt = Attempt(example.stdout.readline().strip(), foreign.registered["redirect_uri"], "", "", "")
        user = demo.target["users"][0]
        end = foreign.walk(new_person("en"), user, attempt)
        foreign.close()
        # Not by communicate(): what readline() has read ahead would be lost to it.
        example.stdin.write(end.url + "\n")
        example.stdin.close()
        said, complained = example.stdout.read(), example.stderr.read()
    assert example.returncode == 0, complained
    assert said.split(": ", 1)[1] == f"As a bearer token: 401\nHello, {user['claims']['name']}\nNew DPoP\n"
