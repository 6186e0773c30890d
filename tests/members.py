"""The federation as it runs: the region and the national platform as two real providers on loopback ports, each the
other's upstream, with a portal here, and the authority and the hall there. Databases and keys are their own.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Flask
from joserfc.jwk import ECKey

from clients.kit import sessions as kit_sessions
from clients.kit.client_auth import PrivateKeyJwt
from clients.kit.flask_login import relying_party
from clients.kit.http import HttpClient
from clients.kit.login import RelyingPartyConfig
from clients.kit.relying_party import RelyingParty
from clients.kit.sealing import Sealer
from clients.kit.sessions import SessionStore
from federation.national import authority, hall, registry, together
from federation.national.config import AuthoritySettings, HallSettings, Service
from federation.national.population import generate
from federation.national.registry import Registry
from idp.app import create_app
from idp.config import Settings, Upstream
from idp.context import Context, Provider
from idp.domain.assurance import AssuranceMap, acr_of
from idp.outbox import Dispatcher
from idp.storage import clients
from idp.worker import HANDLERS
from tests import schema, services

PERSONS, ENTERPRISES = generate()
LEVELS = AssuranceMap(cap=3, levels={acr_of(level): level for level in range(5)})
KEY = base64.urlsafe_b64encode(bytes(range(1, 33))).decode()
MEMBER_SCOPE = "openid profile phone identity"


def client_key(name: str) -> dict[str, Any]:
    """A private ES256 JWK with its kid."""
    return ECKey.generate_key("P-256", {"kid": name, "use": "sig", "alg": "ES256"}).as_dict(private=True)


def public_part(key: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in key.items() if name != "d"}


class Server:
    """A WSGI application at a fixed address that can go away and come back."""

    def __init__(self, application: Any, port: int) -> None:
        self.application, self.port = application, port
        self.url = f"http://127.0.0.1:{port}"
        self._running = ExitStack()

    def start(self) -> None:
        self._running.enter_context(services.running_wsgi(self.application, self.port))

    def stop(self) -> None:
        self._running.close()


@dataclass
class Member:
    """One provider of the federation."""

    server: Server
    app: Flask

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def provider(self) -> Provider:
        provider: Provider = self.app.extensions["tongxing"]
        return provider

    @contextmanager
    def work(self) -> Iterator[Context]:
        """One transaction, committed at the end."""
        with self.provider.work() as context:
            yield context

    def deliver(self) -> int:
        """Deliver what is due in the outbox now; how many attempts that were."""
        return Dispatcher(self.provider, HANDLERS).deliver_due()

    def register(self, client_id: str, key: dict[str, Any], *, is_first_party: bool = False, **metadata: Any) -> None:
        document = {
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
            "jwks": {"keys": [public_part(key)]},
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "response_types": ["code"],
        } | metadata
        with self.work() as context:
            clients.put(context.db, client_id, document, context.now, is_first_party=is_first_party)


@dataclass
class Federation:
    region: Member
    national: Member
    portal: Server
    authority: Flask
    registry: Registry

    @property
    def hall_url(self) -> str:
        return f"{self.national.url}/hall"

    def deliver(self) -> None:
        """Let both outboxes run until nothing moves."""
        while self.region.deliver() + self.national.deliver():
            pass


def _upstream(name: str, issuer: str, client_id: str, key: dict[str, Any], label: str) -> Upstream:
    return Upstream(
        name=name,
        label={"zh": f"{label}登录", "en": f"Sign in with {name}"},
        entity_name={"zh": label, "en": f"the {name} platform"},
        issuer=issuer,
        client_id=client_id,
        private_jwk=key,
        assurance=LEVELS,
    )


def _portal_app(issuer: str, url: str, key: dict[str, Any], database_url: str) -> Flask:
    """The smallest relying party there is: says who is signed in."""
    config = RelyingPartyConfig(
        issuer=issuer,
        client_id="portal-drivers",
        redirect_uri=f"{url}/callback",
        scope="openid profile phone identity",
        auth=PrivateKeyJwt(key),
        post_logout_redirect_uri=f"{url}/signed-out",
    )
    store = SessionStore(kit_sessions.open_engine(database_url), Sealer(bytes(32)), "portal-drivers")
    app = Flask("portal")
    login = relying_party(
        "login",
        RelyingParty(config, HttpClient()),
        store,
        csrf_key=bytes(32),
        cookie_name="tx_portal",
        secure_cookies=False,
    )
    app.register_blueprint(login.blueprint)

    @app.get("/")
    def home() -> str:
        session = login.current()
        if session is None:
            return '<p id="nobody">nobody</p>'
        form = f'<form method="post" action="/logout"><input name="csrf_token" value="{login.csrf_token()}">'
        return (
            f'<p id="name">{session.claims.get("name")}</p><p id="acr">{session.acr}</p>'
            f'<p id="subject">{session.subject}</p><p id="amr">{" ".join(session.claims.get("amr", []))}</p>'
            f'{form}<button id="sign-out">out</button></form>'
        )

    return app


@contextmanager
def federation(settings: Settings, new_database: Callable[[], str], folder: Path) -> Iterator[Federation]:
    """Build it, serve it, and take it down again."""
    region_port, national_port, portal_port = (services.free_port() for _ in range(3))
    region_url, national_url, portal_url = (
        f"http://127.0.0.1:{port}" for port in (region_port, national_port, portal_port)
    )
    keys = {name: client_key(name) for name in ("region", "national-platform", "national-hall", "portal-drivers")}
    common = {
        "outbound_allow": tuple(f"127.0.0.1:{port}" for port in (region_port, national_port, portal_port)),
        "client_cache_lifetime": settings.client_cache_lifetime * 0,
    }
    region_app = create_app(
        replace(
            settings,
            **common,
            issuer=region_url,
            cookie_prefix="tx_region",
            session_end_clients=("national-platform",),
            authority_url=f"{national_url}/authority",
            authority_upstream="national",
            upstreams=(_upstream("national", national_url, "region", keys["region"], "国家政务服务平台"),),
        )
    )
    people = Registry(registry.open_engine(_copy(_seeded_registry(), folder, "authority")), KEY)
    national_app = create_app(
        replace(
            settings,
            **common,
            issuer=national_url,
            database_url=new_database(),
            theme="national",
            brand={"zh": "国家政务服务平台（模拟）", "en": "National platform (simulated)"},
            cookie_prefix="tx_national",
            session_end_clients=("region",),
            resource_scopes={"authority.verify": f"{national_url}/authority"},
            upstreams=(
                _upstream("region", region_url, "national-platform", keys["national-platform"], "新疆交通运输认证"),
            ),
        )
    )
    schema.load_keys(region_app.extensions["tongxing"])
    schema.load_keys(national_app.extensions["tongxing"], are_own=True)
    http = together.http_to(national_app.wsgi_app)
    authority_app = authority.create_app(
        AuthoritySettings(issuer=national_url, database_url="unused", master_key=KEY), people, http
    )
    hall_app = hall.create_app(
        _hall_settings(national_url, region_url, keys, _copy(_session_tables(), folder, "hall"), portal_url), http
    )
    together_app = together.mounted(national_app.wsgi_app, {"/authority": authority_app, "/hall": hall_app})
    portal = Server(
        _portal_app(region_url, portal_url, keys["portal-drivers"], _copy(_session_tables(), folder, "portal")),
        portal_port,
    )
    built = Federation(
        region=Member(Server(region_app, region_port), region_app),
        national=Member(Server(together_app, national_port), national_app),
        portal=portal,
        authority=authority_app,
        registry=people,
    )
    _register(built, keys)
    servers = (built.region.server, built.national.server, portal)
    for server in servers:
        server.start()
    try:
        yield built
    finally:
        for server in servers:
            server.stop()
        for member in (built.region, built.national):
            member.provider.engine.dispose()
            member.provider.alone.dispose()
            if member.provider.redis is not None:
                member.provider.redis.close()


@cache
def _seeded_registry() -> bytes:
    """A database file with the whole population."""
    return _made_by(lambda url: registry.seed(url, KEY))


@cache
def _session_tables() -> bytes:
    """A database file for a relying party's sessions."""
    return _made_by(kit_sessions.migrate)


def _made_by(make: Callable[[str], object]) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "template.sqlite3"
        make(f"sqlite:///{path}")
        return path.read_bytes()


def _copy(content: bytes, folder: Path, name: str) -> str:
    path = folder / f"{name}.sqlite3"
    path.write_bytes(content)
    return f"sqlite:///{path}"


def _hall_settings(
    national_url: str, region_url: str, keys: dict[str, Any], database_url: str, portal_url: str
) -> HallSettings:
    service = Service(
        title={"zh": "普通货运从业资格证申请", "en": "Freight practitioner certificate"},
        text={"zh": "新疆驾驶员服务门户", "en": "Xinjiang drivers' portal"},
        url=f"{portal_url}/login?idp_hint=national",
    )
    return HallSettings(
        issuer=national_url,
        url=f"{national_url}/hall",
        private_jwk=keys["national-hall"],
        database_url=database_url,
        master_key=KEY,
        demo=True,
        upstream_label={"zh": "新疆交通运输认证", "en": "the region platform"},
        upstream_issuer=region_url,
        provincial_services=(service,),
    )


def _register(built: Federation, keys: dict[str, Any]) -> None:
    region, national, portal = built.region, built.national, built.portal.url
    region.register(
        "portal-drivers",
        keys["portal-drivers"],
        is_first_party=True,
        client_name="驾驶员门户",
        redirect_uris=[f"{portal}/callback"],
        post_logout_redirect_uris=[f"{portal}/signed-out"],
        backchannel_logout_uri=f"{portal}/backchannel-logout",
        scope=MEMBER_SCOPE,
    )
    region.register(
        "national-platform",
        keys["national-platform"],
        client_name="国家政务服务平台",
        redirect_uris=[f"{national.url}/upstream/region/callback"],
        backchannel_logout_uri=f"{national.url}/upstream/region/backchannel-logout",
        scope=MEMBER_SCOPE,
    )
    national.register(
        "region",
        keys["region"],
        client_name="新疆交通运输统一身份认证",
        redirect_uris=[f"{region.url}/upstream/national/callback"],
        backchannel_logout_uri=f"{region.url}/upstream/national/backchannel-logout",
        scope=f"{MEMBER_SCOPE} authority.verify",
    )
    national.register(
        "national-hall",
        keys["national-hall"],
        is_first_party=True,
        client_name="国家政务服务大厅",
        redirect_uris=[f"{built.hall_url}/callback"],
        post_logout_redirect_uris=[f"{built.hall_url}/signed-out"],
        backchannel_logout_uri=f"{built.hall_url}/backchannel-logout",
        scope=MEMBER_SCOPE,
    )
