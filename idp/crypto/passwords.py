"""Passwords: argon2id with a pepper, hashed in a bounded pool so that logins never starve other endpoints.

NFKC first, then HMAC-SHA-256 with the pepper (outside the database), then argon2id. A hash is always computed, for an
unknown account against a dummy, so that duration tells nothing. A hash another system made, of the password as it was
typed there, is marked; it gives way to one of ours at the first login.
"""

from __future__ import annotations

import base64
import os
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import argon2

from idp.crypto.vault import Vault

_Result = TypeVar("_Result")
MAX_LENGTH = 128  # code points
_FOREIGN = "unpeppered:"  # before the hash another system made


class PasswordsBusy(Exception):
    """The queue is full; the answer is 503 with Retry-After."""


class PasswordHasher:
    """Hashes and verifies in ``workers`` threads; at most ``queue`` calls wait. Thread-safe."""

    def __init__(
        self, vault: Vault, *, memory_kib: int, time_cost: int, parallelism: int, workers: int = 0, queue: int = 32
    ) -> None:
        self._argon2 = argon2.PasswordHasher(
            time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism, type=argon2.Type.ID
        )
        self._vault = vault
        count = workers or max(1, (os.cpu_count() or 2) // 2)
        self._pool = ThreadPoolExecutor(max_workers=count, thread_name_prefix="argon2")
        self._places = threading.BoundedSemaphore(count + queue)
        self._dummy = self._argon2.hash(self._peppered("no account has this password"))

    def hash(self, password: str) -> str:
        return self._run(lambda: self._argon2.hash(self._peppered(password)))

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is right; against None it costs the same and is always wrong."""
        return self._run(lambda: self._verify(password_hash, password))

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether the stored hash has other parameters than those set now."""
        return is_foreign(password_hash) or self._argon2.check_needs_rehash(password_hash)

    def _verify(self, password_hash: str | None, password: str) -> bool:
        stored = password_hash or self._dummy
        given = password.encode("utf-8", "surrogatepass") if is_foreign(stored) else self._peppered(password)
        try:
            self._argon2.verify(stored.removeprefix(_FOREIGN), given)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
        return password_hash is not None

    def _peppered(self, password: str) -> bytes:
        normal = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
        return base64.b64encode(self._vault.mac("password", normal))

    def _run(self, work: Callable[[], _Result]) -> _Result:
        if not self._places.acquire(blocking=False):
            raise PasswordsBusy
        try:
            return self._pool.submit(work).result()
        finally:
            self._places.release()


def foreign(argon2_hash: str) -> str:
    """What is stored of an argon2id hash that another system made without our pepper."""
    return _FOREIGN + argon2_hash


def is_foreign(password_hash: str) -> bool:
    return password_hash.startswith(_FOREIGN)


def as_made(password_hash: str) -> str:
    """The bare argon2id hash of a stored one."""
    return password_hash.removeprefix(_FOREIGN)
