"""One command starts everything, one plays the story, Ctrl-C ends it, and a second start keeps the data."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import httpx

from idp.demo.layout import HOST, Layout
from tests.journeys.demo import ROOT, Demo, command, free_layout, running_demo


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603


def test_the_whole_story_is_green(demo: Demo) -> None:
    played = run(demo.command("smoke"))
    assert played.returncode == 0, played.stdout + played.stderr
    assert " 0 red" in played.stdout
    assert "signed in at the national hall, no login form seen" in played.stdout


def test_the_story_can_be_played_again(demo: Demo) -> None:
    played = run(demo.command("smoke"))
    assert played.returncode == 0, played.stdout + played.stderr


def test_a_taken_port_gives_one_clear_line(demo: Demo) -> None:
    refused = run(demo.command("demo"))
    assert refused.returncode != 0
    lines = [line for line in (refused.stdout + refused.stderr).splitlines() if line.strip()]
    assert len(lines) == 1 and "is taken" in lines[0], lines


def test_smoke_without_a_demo_says_so(tmp_path: Path) -> None:
    refused = run(command(Layout(tmp_path), "smoke"))
    assert refused.returncode != 0 and "start the demo first" in refused.stderr


def test_ctrl_c_ends_everything_and_a_second_start_keeps_the_data(tmp_path: Path) -> None:
    layout = free_layout(tmp_path)
    with running_demo(layout) as first:
        assert run(first.command("smoke")).returncode == 0
        target = first.target
        issuer = target["issuer"]
        keys = {key["kid"] for key in httpx.get(f"{issuer}/jwks").json()["keys"]}
        assert first.interrupt() == 0
    for service in layout.services:
        with socket.socket() as probe:
            assert probe.connect_ex((HOST, service.port)) != 0, f"{service.name} still listens"
    with running_demo(layout) as second:
        assert second.target == target
        assert {key["kid"] for key in httpx.get(f"{issuer}/jwks").json()["keys"]} == keys
        sent = httpx.get(f"{second.target['message_gateway']}/messages.json").json()
        assert sent, "the messages of the first run are kept"


def test_reset_starts_anew(tmp_path: Path) -> None:
    layout = free_layout(tmp_path)
    with running_demo(layout) as first:
        target = first.target
    with running_demo(layout, "--reset") as second:
        assert second.target["clients"]["confidential"] != target["clients"]["confidential"]
