"""Fixtures for every test; the real services behind them are in tests/services.py.

Tests run on SQLite and the SQL ephemeral store. One that must hold on both engines asks for `both_engines`, one that
must hold on both ephemeral stores for `ephemeral_store`; `engine_url`, `settings`, `app`, `provider` then follow.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import urlsplit

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from idp.app import create_app
from idp.config import Settings
from idp.context import Context, Provider
from idp.domain.account import Account
from idp.domain.assurance import Proof
from idp.domain.client import Client
from idp.domain.session import Session
from idp.protocol.client_secrets import new_client_secret
from idp.storage import accounts, clients, sessions
from idp.storage.db import Db
from tests import made_once, schema
from tests.clock import Clock, standing_still
from tests.statements import Statements, counted

ISSUER = "http://127.0.0.1:8000"
PASSWORD = "正确的马 battery staple 42"

pytest_plugins = ("tests.databases", "tests.browsing", "tests.token_side", "tests.front_channel")


# A rule is not about time: a busy machine must not fail it. Speed is measured in bench/. Nor is it about luck: the same
# code has the same examples in every run; who looks for others says so: `pytest --hypothesis-profile=explore`.
hypothesis.settings.register_profile("tongxing", deadline=None, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None, derandomize=False)
hypothesis.settings.load_profile("tongxing")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Tests talk to this machine only, and compile once what every application needs."""
    config.option.allow_hosts = config.option.allow_hosts or "127.0.0.1,::1,localhost"
    config.option.allow_unix_socket = True
    made_once.share_compiled()


# --- the provider ---------------------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> Iterator[Clock]:
    with standing_still() as clock:
        yield clock


@pytest.fixture
def settings(request: pytest.FixtureRequest, engine_url: str) -> Settings:
    """Settings with cheap password hashes; override single ones in a module by a fixture of the same name."""
    uses_redis = "ephemeral_store" in request.fixturenames and request.getfixturevalue("ephemeral_store") == "redis"
    return Settings(
        issuer=ISSUER,
        database_url=engine_url,
        redis_url=request.getfixturevalue("redis_url") if uses_redis else "",
        master_key=schema.MASTER_KEY,
        argon2_memory_kib=8192,
        argon2_time_cost=1,
        worker="none",
        default_resource="http://127.0.0.1:8300",
        resource_scopes={"matters.read": "http://127.0.0.1:8300", "matters.submit": "http://127.0.0.1:8300"},
    )


@pytest.fixture
def make_app(settings: Settings, clock: Clock) -> Iterator[Callable[..., Flask]]:
    """Builds applications: `make_app(blueprints=…, parts=…, issuer=…, any setting)`; engines are closed at the end.

    A second provider wants `database_url=new_database()` and, where it matters, other keys (`has_own_keys=True`).
    """
    made: list[Flask] = []

    def make(blueprints: Any = (), parts: Any = None, has_own_keys: bool = False, **changes: Any) -> Flask:
        app = create_app(replace(settings, **changes), blueprints=blueprints, parts=parts, clock=clock)
        schema.load_keys(app.extensions["tongxing"], are_own=has_own_keys)
        made.append(app)
        return app

    yield make
    for app in made:
        provider: Provider = app.extensions["tongxing"]
        provider.engine.dispose()
        provider.alone.dispose()
        if provider.redis is not None:
            provider.redis.close()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def provider(app: Flask) -> Provider:
    found: Provider = app.extensions["tongxing"]
    return found


@pytest.fixture
def engine(provider: Provider) -> Engine:
    return provider.engine


@pytest.fixture
def db(provider: Provider) -> Iterator[Db]:
    """A unit of work of its own on the provider's database; commit it where others must see."""
    with provider.open_db() as opened:
        yield opened


@pytest.fixture
def work(provider: Provider) -> Callable[[], AbstractContextManager[Context]]:
    """`with work() as context:` is one transaction outside any request, committed at the end."""
    return provider.work


class IssuerClient(FlaskClient):
    """A browser without pages: keeps cookies, speaks to the issuer's own address."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        if not args or isinstance(args[0], str):
            kwargs.setdefault("base_url", self.application.extensions["tongxing"].settings.issuer)
        return super().open(*args, **kwargs)


@pytest.fixture
def new_http() -> Callable[[Flask], FlaskClient]:
    """Gives another browser for an application."""

    def new(app: Flask) -> FlaskClient:
        app.test_client_class = IssuerClient
        return app.test_client()

    return new


@pytest.fixture
def http(app: Flask, new_http: Callable[[Flask], FlaskClient]) -> FlaskClient:
    return new_http(app)


# --- who and what is registered -------------------------------------------------------------------------------------


_numbers = itertools.count(1)


class RegisterClient(Protocol):
    def __call__(
        self, client_id: str = ..., *, is_first_party: bool = ..., provider: Provider | None = ..., **metadata: Any
    ) -> tuple[Client, str | None]: ...


@pytest.fixture
def register_client(request: pytest.FixtureRequest) -> RegisterClient:
    """Registers a client; returns it and its secret (None where its method uses none). Metadata are RFC 7591's."""

    def register(
        client_id: str = "client", *, is_first_party: bool = False, provider: Provider | None = None, **metadata: Any
    ) -> tuple[Client, str | None]:
        target = provider or request.getfixturevalue("provider")
        document = {
            "client_name": f"{client_id} (test)",
            "redirect_uris": ["http://127.0.0.1:9009/callback"],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "response_types": ["code"],
            "scope": "openid profile email phone address offline_access identity organisation "
            "matters.read matters.submit",
            "token_endpoint_auth_method": "client_secret_basic",
        } | metadata
        secret = new_client_secret(target.vault, client_id, document["token_endpoint_auth_method"])
        with target.work() as context:
            client = clients.put(
                context.db,
                client_id,
                document,
                context.now,
                secret_hash=secret.hash if secret else None,
                secret_sealed=secret.sealed if secret else None,
                is_first_party=is_first_party,
            )
        target.client_cache.clear()
        return client, secret.text if secret else None

    return register


class AddPerson(Protocol):
    def __call__(
        self,
        *,
        username: str | None = ...,
        phone: str | None = ...,
        id_number: str | None = ...,
        password: str | None = ...,
        level: int = ...,
        provider: Provider | None = ...,
        **claims: Any,
    ) -> Account: ...


@pytest.fixture
def add_person(request: pytest.FixtureRequest) -> AddPerson:
    """Creates an account at a level (default 2) whose password is PASSWORD; further names are its claims."""

    def add(
        *,
        username: str | None = None,
        phone: str | None = None,
        id_number: str | None = None,
        password: str | None = PASSWORD,
        level: int = 2,
        provider: Provider | None = None,
        **claims: Any,
    ) -> Account:
        target = provider or request.getfixturevalue("provider")
        document: dict[str, Any] = {"name": "张伟", "family_name": "张", "given_name": "伟"}
        if phone:
            document |= {"phone_number": phone, "phone_number_verified": True}
        if id_number:
            document |= {"id_type": "resident_id", "id_number": id_number}
        with target.work() as context:
            return accounts.add(
                context.db,
                context.vault,
                claims=document | claims,
                now=context.now,
                username=username or f"person{next(_numbers)}",
                phone=phone,
                id_number=id_number,
                password_hash=target.passwords.hash(password) if password else None,
                evidence=[Proof(level, "authority", "name_and_id_number", context.now)] if level else [],
            )

    return add


class SignIn(Protocol):
    def __call__(
        self, account: Account, *, http: FlaskClient | None = ..., level: int | None = ..., **values: Any
    ) -> Session: ...


@pytest.fixture
def sign_in(request: pytest.FixtureRequest) -> SignIn:
    """Gives the test client (or `http=`) a session of the person; further names are those of sessions.add."""

    def sign(account: Account, *, http: FlaskClient | None = None, level: int | None = None, **values: Any) -> Session:
        client = http or request.getfixturevalue("http")
        target: Provider = client.application.extensions["tongxing"]
        with target.work() as context:
            options: dict[str, Any] = {
                "level": account.level if level is None else level,
                "amr": ("pwd",),
                "source": "local",
                "is_choice_made": True,
                "user_agent": "tests",
                "address": "127.0.0.1",
                "now": context.now,
                "expires_at": context.now + target.settings.session_absolute_lifetime,
            } | values
            session, secret = sessions.add(context.db, context.vault, account_id=account.id, **options)
        set_session_cookie(client, target.settings, secret)
        return session

    return sign


def set_session_cookie(client: FlaskClient, settings: Settings, secret: str) -> None:
    """Put a session secret into a test client's cookie jar."""
    from idp.web.browser import cookie_name

    host = urlsplit(settings.issuer).hostname or "localhost"
    client.set_cookie(cookie_name(settings, "session"), secret, domain=host, secure=settings.is_secure)


# --- watching -------------------------------------------------------------------------------------------


@pytest.fixture
def statements(request: pytest.FixtureRequest) -> Callable[..., AbstractContextManager[Statements]]:
    """`with statements() as seen: …` then `assert len(seen) <= 8, seen`; another provider can be given."""

    def count(provider: Provider | None = None) -> AbstractContextManager[Statements]:
        target = provider or request.getfixturevalue("provider")
        return counted(target.engine, target.alone)

    return count
