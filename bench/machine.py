"""The machine's raw speed, so that ratios travel from one machine to another."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable

import argon2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from idp.config import Settings

_SECONDS = 1.0


def describe() -> str:
    model = next((line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), "unknown CPU")
    return f"{os.cpu_count()} processors ({model}), Python {platform.python_version()}"


def raw_speeds(settings: Settings) -> dict[str, float]:
    """Signatures and password hashes per second on one core."""
    rsa_key = rsa.generate_private_key(65537, 2048)
    ec_key = ec.generate_private_key(ec.SECP256R1())
    hasher = argon2.PasswordHasher(
        time_cost=settings.argon2_time_cost,
        memory_cost=settings.argon2_memory_kib,
        parallelism=settings.argon2_parallelism,
    )
    message = b"x" * 400
    return {
        "RS256 signatures/s (one core)": _rate(lambda: rsa_key.sign(message, padding.PKCS1v15(), hashes.SHA256())),
        "ES256 signatures/s (one core)": _rate(lambda: ec_key.sign(message, ec.ECDSA(hashes.SHA256()))),
        f"argon2id {settings.argon2_memory_kib // 1024} MiB t={settings.argon2_time_cost} hashes/s (one core)": _rate(
            lambda: hasher.hash("correct horse battery staple")
        ),
    }


def _rate(work: Callable[[], object]) -> float:
    count, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < _SECONDS:
        work()
        count += 1
    return count / spent


def _cpuinfo() -> list[str]:
    try:
        with open("/proc/cpuinfo") as file:
            return file.read().splitlines()
    except OSError:
        return []
