"""One process, one address: the provider with the registry's API and the hall under paths of their own (PEP 3333).

API and hall are outsiders to the provider and speak HTTP with it, but not over the network: a process whose threads are
all busy would otherwise wait for itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import httpx
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from clients.kit.http import HttpClient

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def http_to(provider: WSGIApplication) -> HttpClient:
    """An HTTP client whose every request goes to that application, whatever its address."""
    return HttpClient(transport=httpx.WSGITransport(app=provider, raise_app_exceptions=False))


def mounted(provider: WSGIApplication, applications: Mapping[str, WSGIApplication]) -> WSGIApplication:
    """The provider with ``applications`` at their paths, such as /hall."""
    return DispatcherMiddleware(provider, dict(applications))
