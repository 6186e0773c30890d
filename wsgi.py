"""The deployables: ``wsgi:idp``, ``wsgi:national``, ``wsgi:portals``, ``wsgi:matters``, ``wsgi:gateway``.

Each is built at first use from its tables of the TOML file named by ``TONGXING_CONFIG``; ``TONGXING_TABLE`` names the
table of the service itself (a portal's, for instance) where it is not the usual one. A process serves one of them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from flask import Flask

    from idp.config import Settings

__all__ = ["gateway", "idp", "matters", "national", "portals"]  # noqa: F822 - made by __getattr__


def _provider(settings: Settings, parts: dict[str, Any] | None = None) -> Flask:
    """A provider that serves: its keys are loaded and its work in the background begins with the first request."""
    from idp.app import create_app
    from idp.web import background

    app = create_app(settings, parts=parts)
    background.install(app)
    return app


def _idp() -> WSGIApplication:
    from idp.config import load

    return _provider(load(table=os.environ.get("TONGXING_TABLE", "idp"))).wsgi_app


def _national() -> WSGIApplication:
    """The provider under national settings, with the authority's registry and the service hall beside it."""
    from federation.national import authority, config, hall, registry, together
    from idp.accounts.authority_registry import RegistryAuthority
    from idp.config import load

    authority_settings = config.load(config.AuthoritySettings, "authority")
    people = registry.Registry(
        registry.open_engine(authority_settings.database_url), authority_settings.master_key.get_secret_value()
    )
    provider = _provider(
        load(table=os.environ.get("TONGXING_TABLE", "national")), {"authority": RegistryAuthority(people)}
    )
    http = together.http_to(provider.wsgi_app)
    return together.mounted(
        provider.wsgi_app,
        {
            "/authority": authority.create_app(authority_settings, people, http).wsgi_app,
            "/hall": hall.create_app(config.load(config.HallSettings, "hall"), http).wsgi_app,
        },
    )


def _portals() -> WSGIApplication:
    from clients.portals.app import create_app
    from clients.portals.config import load

    return create_app(load()).wsgi_app


def _matters() -> WSGIApplication:
    from clients.matters.app import create_app
    from clients.matters.config import load

    return create_app(load()).wsgi_app


def _gateway() -> WSGIApplication:
    from federation.message_gateway.app import create_app
    from federation.message_gateway.config import load

    return create_app(load()).wsgi_app


_BUILDERS: dict[str, Callable[[], WSGIApplication]] = {
    "idp": _idp,
    "national": _national,
    "portals": _portals,
    "matters": _matters,
    "gateway": _gateway,
}


def __getattr__(name: str) -> WSGIApplication:
    if name not in _BUILDERS:
        raise AttributeError(f"there is no deployable {name}")
    # To standard error; of others' libraries warnings only, since some write addresses with codes in them at INFO.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("tongxing").setLevel(logging.INFO)
    built = globals()[name] = _BUILDERS[name]()
    return built
