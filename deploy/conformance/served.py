"""The provider with a protected resource beside it, for the plans whose clients ask for no ``openid``: userinfo refuses
their tokens. One process and the usual nginx serve both.

.venv/bin/granian --interface wsgi --factory deploy.conformance.served:application

FAPI 2.0 Security Profile §5.3.4: the resource takes tokens from the header only, with the proof (RFC 9449) or the
certificate (RFC 8705) that they are bound to, and asks whether they were revoked (RFC 7662).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, Response, jsonify

from clients.kit.certificate import ForwardedCertificates
from clients.kit.client_auth import ClientSecretBasic
from clients.kit.dpop import ProofVerifier
from clients.kit.flask_resource import answer_refusals, current_token, protected
from clients.kit.http import HttpClient
from clients.kit.introspection import Introspection
from clients.kit.provider import Provider
from clients.kit.resource import AccessTokenVerifier
from federation.national.together import http_to, mounted
from idp.config import Settings, load, read_tables
from idp.references import resolve

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

CLIENT_ID = "oidf-resource"
PATH = "/resource"
SCOPE = "records.read"


def application() -> WSGIApplication:
    """Both, by the file that TONGXING_CONFIG names: what granian is told to call."""
    import wsgi

    return beside(wsgi.idp, Path(os.environ["TONGXING_CONFIG"]))


def beside(provider: WSGIApplication, file: Path) -> WSGIApplication:
    """The resource under its path, the provider everywhere else. They speak HTTP, though not over the network: a
    process whose threads are all busy would otherwise wait for itself."""
    settings = load({**os.environ, "TONGXING_CONFIG": str(file)})
    resource = create_app(settings, _secret(file), http_to(provider))
    return mounted(provider, {PATH: resource.wsgi_app})


def create_app(settings: Settings, secret: str, http: HttpClient) -> Flask:
    """The resource server. Proofs name the public host, where callers with bound keys go; who has a certificate to show
    shows it at the other host, by the proxy's header."""
    identifier = settings.issuer + PATH
    provider = Provider(settings.issuer, http)
    verifier = AccessTokenVerifier(
        provider,
        identifier,
        proofs=ProofVerifier(identifier),
        forwarded=ForwardedCertificates(settings.proxy_addresses if settings.trusted_proxies else ()),
        introspection=Introspection(provider, CLIENT_ID, ClientSecretBasic(secret)),
    )
    app = Flask("conformance-resource", static_folder=None)
    answer_refusals(app)

    @app.get("/records")
    @protected(verifier, SCOPE)
    def records() -> Response:
        token = current_token()
        answer = jsonify(client_id=token.client_id, sub=token.subject, scope=" ".join(sorted(token.scope)))
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return app


def _secret(file: Path) -> str:
    """Our own, from the file that registers us."""
    (own,) = (client for client in read_tables(file)["clients"] if client["client_id"] == CLIENT_ID)
    return str(resolve(own["client_secret"], file.parent))
