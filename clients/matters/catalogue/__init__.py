"""All matters there are: every module of this package declares one.

A module has one public function ``declare(region) -> Matter``. It is found by being here; there is no list to keep.
"""

from __future__ import annotations

import pkgutil
from collections import Counter
from collections.abc import Iterable
from importlib import import_module

from clients.matters.regional import RegionalData
from clients.matters.schema import Matter


class UnknownMatter(KeyError):
    """No matter with this id is declared."""


class Catalogue:
    """The declared matters by id, in the order of their numbers. Raises ValueError when two share id or number."""

    def __init__(self, matters: Iterable[Matter]) -> None:
        self.matters = tuple(sorted(matters, key=lambda matter: matter.number))
        for name, times in Counter([m.id for m in self.matters] + [m.number for m in self.matters]).items():
            if times > 1:
                raise ValueError(f"two matters are called {name}")
        self._by_id = {matter.id: matter for matter in self.matters}

    def get(self, matter_id: str) -> Matter:
        """The matter; raises UnknownMatter."""
        try:
            return self._by_id[matter_id]
        except KeyError as error:
            raise UnknownMatter(matter_id) from error


def declare_all(region: RegionalData) -> Catalogue:
    """Every matter of this package as the region's data has it."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return Catalogue(import_module(f"{__name__}.{name}").declare(region) for name in names)
