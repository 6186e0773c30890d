"""Fixtures: real servers on this machine and a real browser that finds nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tests import services

_PATIENCE = timedelta(seconds=20) / timedelta(milliseconds=1)  # a busy machine is no fault of a page


@pytest.fixture
def free_port() -> Callable[[], int]:
    """A loopback port that is free now, for addresses that must be known before their server runs."""
    return services.free_port


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """`serve(app, port=None)` runs a WSGI application on a real threaded server until the test ends; its base URL."""
    with ExitStack() as stack:
        yield lambda app, port=None: stack.enter_context(services.running_wsgi(app, port))


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=_PATIENCE)
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium that finds nothing but this machine."""
    only_loopback = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"
    arguments = ["--no-sandbox", "--disable-dev-shm-usage", only_loopback]
    started = playwright.chromium.launch(executable_path=services.chromium(), args=arguments)
    yield started
    started.close()


@pytest.fixture
def browsing(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh browser profile, Chinese first."""
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(_PATIENCE)
    yield context
    context.close()


@pytest.fixture
def page(browsing: BrowserContext) -> Page:
    return browsing.new_page()
