"""The provider's metadata, put together from what is installed.

OpenID Connect Discovery §3 and §4, RFC 8414 §2 and §3. Every protocol module that adds something says so itself in a
function ``server_metadata(settings)``; lists of one member are merged. Nothing is written down twice.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import idp.protocol
from idp.config import Settings
from idp.context import Context, Provider
from idp.protocol import mtls

PATHS = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
HEADERS = (("Content-Type", "application/json"), ("Cache-Control", "public, max-age=3600"))


@dataclass(frozen=True)
class Document:
    """A public document and its strong entity tag (RFC 9110 §8.8.3)."""

    body: str
    etag: str

    @classmethod
    def of(cls, value: dict[str, Any]) -> Document:
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return cls(body, hashlib.sha256(body.encode()).hexdigest()[:32])


def metadata(settings: Settings) -> dict[str, Any]:
    """The document of both well-known addresses."""
    found: dict[str, Any] = {"issuer": settings.issuer}
    for contribute in _contributors():
        for name, value in contribute(settings).items():
            found[name] = _merged(found.get(name), value)
    if aliases := mtls.aliases(settings, found):
        found["mtls_endpoint_aliases"] = aliases
    return dict(sorted(found.items()))


def configuration(provider: Provider) -> Document:
    """The document, written once per process: settings do not change while it runs."""
    document = provider.parts.get("discovery")
    if document is None:
        document = provider.parts["discovery"] = Document.of(metadata(provider.settings))
    return document


def aliased_paths(provider: Provider) -> frozenset[str]:
    """The paths of the endpoints that are at the mutual-TLS host too (RFC 8705 §5)."""
    paths: frozenset[str] | None = provider.parts.get("aliased_paths")
    if paths is None:
        aliases = metadata(provider.settings).get("mtls_endpoint_aliases", {})
        paths = frozenset(urlsplit(address).path for address in aliases.values())
        provider.parts["aliased_paths"] = paths
    return paths


def jwks(context: Context) -> Document:
    """The published keys from this process's copy (RFC 7517 §5)."""
    return Document.of(context.keys.jwks(context.now))


@cache
def _contributors() -> tuple[Callable[[Settings], dict[str, Any]], ...]:
    modules = sorted(_module_names())
    found = (getattr(importlib.import_module(name), "server_metadata", None) for name in modules)
    return tuple(function for function in found if function is not None)


def _module_names() -> Iterator[str]:
    for module in pkgutil.walk_packages(idp.protocol.__path__, f"{idp.protocol.__name__}."):
        yield module.name


def _merged(before: Any, value: Any) -> Any:
    if isinstance(before, list) and isinstance(value, list):
        return before + [item for item in value if item not in before]
    return value
