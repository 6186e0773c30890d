"""A relying party with a server of its own beside a running provider, as a person's browser meets both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import Flask, request
from playwright.sync_api import Page

from idp.context import Provider
from tests.conftest import PASSWORD, AddPerson, RegisterClient


@dataclass
class RunningService:
    """It takes its answers by GET or POST, keeps them in ``received``, and has a page to come back to."""

    provider: Provider
    url: str
    received: list[dict[str, str]] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        return self.provider.settings.issuer

    @property
    def callback(self) -> str:
        return self.url + "/callback"

    @property
    def metadata(self) -> dict[str, Any]:
        """What it registers with."""
        return {"redirect_uris": [self.callback], "post_logout_redirect_uris": [self.url + "/bye"]}

    def app(self) -> Flask:
        app = Flask("service", static_folder=None)

        @app.route("/callback", methods=["GET", "POST"])
        def callback() -> str:
            self.received.append(dict(request.values))
            return '<p id="arrived">arrived</p>'

        @app.get("/bye")
        def bye() -> str:
            return '<p id="bye">bye</p>'

        return app


Kind = TypeVar("Kind", bound=RunningService)


def start(
    kind: type[Kind],
    host: str,
    *,
    make_app: Callable[..., Flask],
    serve: Callable[..., str],
    free_port: Callable[[], int],
    register_client: RegisterClient,
    add_person: AddPerson,
) -> Kind:
    """Run a service under ``host`` and a provider at 127.0.0.1 that knows it and one person, zhangwei."""
    idp_port, port = free_port(), free_port()
    app = make_app(issuer=f"http://127.0.0.1:{idp_port}", outbound_allow=(f"{host}:{port}",))
    service = kind(app.extensions["tongxing"], f"http://{host}:{port}")
    add_person(provider=service.provider, username="zhangwei")
    register_client(provider=service.provider, **service.metadata)
    serve(app, idp_port)
    serve(service.app(), port)
    return service


def log_in(page: Page) -> None:
    """Fill in the login page that is open."""
    page.fill("#username", "zhangwei")
    page.fill("#password", PASSWORD)
    page.click("#login-submit")
