"""Many threads at one thing in the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

_Result = TypeVar("_Result")
THREADS = 8


def race(work: Callable[[int], _Result], count: int = THREADS) -> list[_Result]:
    """Run ``work(0) … work(count - 1)`` at once; their results in order. An exception in one is raised here."""
    barrier = threading.Barrier(count)
    results: dict[int, _Result] = {}
    errors: list[BaseException] = []

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = work(number)
        except BaseException as error:  # whatever it was, the test must see it
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [results[number] for number in range(count)]
