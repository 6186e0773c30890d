"""Name resolution under a time limit: how many may be left behind."""

from __future__ import annotations

import threading

import httpcore
import pytest

from idp.name_lookups import NameLookUps, TooManyLookUps


def test_look_ups_left_behind_are_counted_and_not_for_ever() -> None:
    """A name server that never answers leaves no thread behind for every call, nor no place for other names."""
    asked, may_answer = list[str](), threading.Event()

    def slow(host: str, _port: int) -> list[str]:
        asked.append(host)
        may_answer.wait(60)
        return ["10.0.0.1"]

    names, before = NameLookUps(4, slow), set(threading.enumerate())
    for host in ("rp.example", "RP.example.", "b.example", "c.example"):
        with pytest.raises(httpcore.ConnectTimeout):
            names.find(host, 443, 0)
        if host == "RP.example.":  # has its share now; others find a place
            with pytest.raises(TooManyLookUps):
                names.find("rp.example", 443, 0)
    with pytest.raises(TooManyLookUps):
        names.find("d.example", 443, 0)
    may_answer.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
    assert sorted(asked) == ["RP.example.", "b.example", "c.example", "rp.example"]
    assert names.find("rp.example", 443, 30) == ["10.0.0.1"]  # there is room again


def test_a_name_without_an_address_gives_its_place_back() -> None:
    def fail(_host: str, _port: int) -> list[str]:
        raise OSError("no such name")

    names = NameLookUps(2, fail)
    for _ in range(3):
        with pytest.raises(httpcore.ConnectError):
            names.find("rp.example", 443, 30)
