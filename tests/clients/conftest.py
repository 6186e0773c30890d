from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from joserfc.jwk import ECKey, RSAKey

from clients.kit.http import HttpClient
from tests.clients.op import TestProvider, running


@pytest.fixture(scope="session")
def op_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


@pytest.fixture(scope="session")
def other_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


@pytest.fixture(scope="session")
def client_key() -> ECKey:
    return ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)


@pytest.fixture
def op(op_key: RSAKey) -> Iterator[TestProvider]:
    provider = TestProvider(op_key)
    with running(provider):
        yield provider


@pytest.fixture
def kit_http() -> Iterator[HttpClient]:
    # Without the system's certificates, whose loading takes longer than most tests: everything here is http.
    client = HttpClient(tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    yield client
    client.close()


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def hang() -> Iterator[Callable[[], None]]:
    """An endpoint that does not answer: it waits until the test is over."""
    is_over = threading.Event()

    def wait() -> None:
        is_over.wait(30)

    yield wait
    is_over.set()
