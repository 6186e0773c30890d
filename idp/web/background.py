"""Starts a serving process's background work with its first request; what is to be warned of is said before any.

Not before: a server may load the application and then fork, and threads do not survive that.
"""

from __future__ import annotations

import os
import threading

from flask import Flask

from idp.context import Provider
from idp.openings import warn
from idp.worker import Worker


def install(app: Flask) -> None:
    """Called by wsgi.py for applications that are really served (tests drive the work themselves)."""
    provider: Provider = app.extensions["tongxing"]
    warn(provider)
    starting = threading.Lock()
    started_in: list[int] = []

    def start_once() -> None:
        pid = os.getpid()
        if started_in and started_in[-1] == pid:
            return
        with starting:
            if not started_in or started_in[-1] != pid:
                Worker(provider, is_whole=provider.settings.worker == "embedded").start()
                started_in.append(pid)

    app.before_request_funcs.setdefault(None, []).insert(0, start_once)
