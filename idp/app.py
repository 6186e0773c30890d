"""The composition root: builds the provider's parts from its settings, wires them, registers every blueprint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine

from idp.accounts.authority import Authority
from idp.accounts.authority_client import AuthorityClient, NoAuthority
from idp.accounts.messages import message_sender
from idp.authn.upstream_parties import http_client, upstream_parties
from idp.config import Settings, SettingsError
from idp.context import Provider, utc_now
from idp.crypto.certificates import Authorities
from idp.crypto.keyring import KeyRing
from idp.crypto.passwords import PasswordHasher
from idp.crypto.vault import Vault
from idp.outbound import OutboundClient
from idp.protocol.client_keys import MOST_WAITING, PublishedKeys
from idp.storage.clients import ClientCache
from idp.storage.engines import ALONE, engine_options, prepare
from idp.storage.ephemeral_redis import open_redis
from idp.storage.tables import metadata as tables
from idp.web import (
    act_as,
    authorize,
    browser,
    check_session,
    consent,
    discovery,
    endpoint_kinds,
    frame,
    health,
    introspection,
    locale,
    login,
    logout,
    par,
    register_client,
    revocation,
    select_account,
    session_end,
    token,
    upstream,
    upstream_binding,
    userinfo,
)
from idp.web.accounts import PAGES as ACCOUNT_PAGES

ROOT = Path(__file__).resolve().parent.parent


def create_app(
    settings: Settings,
    *,
    blueprints: Sequence[Blueprint] = (),
    parts: Mapping[str, Any] | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Flask:
    """A provider as a WSGI application. ``parts`` replace adapters of the same name (the national platform asks its
    own registry, for instance); ``blueprints`` are added."""
    app = Flask("idp", root_path=str(ROOT), template_folder="templates", static_folder="static")
    vault = Vault(settings.master_key)
    _configure(app, settings, vault)
    engine, alone = _engines(app)
    outbound = OutboundClient(settings)
    provider = Provider(
        settings=settings,
        engine=engine,
        alone=alone,
        vault=vault,
        keys=KeyRing(),
        passwords=_password_hasher(settings, vault),
        client_cache=ClientCache(settings.client_cache_lifetime),
        redis=open_redis(settings.redis_url, clock) if settings.redis_url else None,
        clock=clock,
        parts={
            "outbound": outbound,
            "client_keys": PublishedKeys(outbound, MOST_WAITING),
            "client_authorities": _client_authorities(settings),
            "messages": message_sender(settings),
            **_federation(settings, clock),
            **(parts or {}),
        },
    )
    app.extensions["tongxing"] = provider
    frame.install(app, ROOT)
    for blueprint in (*_blueprints(), *blueprints):
        app.register_blueprint(blueprint)
    endpoint_kinds.leave_out_head(app)
    return app


def _configure(app: Flask, settings: Settings, vault: Vault) -> None:
    url = settings.database_url
    app.config.update(
        SQLALCHEMY_DATABASE_URI=url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(url),
        SQLALCHEMY_BINDS={ALONE: {"url": url, **engine_options(url, is_alone=True)}},
        SECRET_KEY=vault.key("flask").hex(),
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        MAX_FORM_MEMORY_SIZE=settings.max_body_bytes,
        SESSION_COOKIE_NAME=browser.cookie_name(settings, "form"),
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_secure,
    )


def _engines(app: Flask) -> tuple[Engine, Engine]:
    """For transactions, and for statements that stand alone."""
    database = SQLAlchemy(app, metadata=tables)
    with app.app_context():
        engine, alone = database.engine, database.engines[ALONE]
    prepare(engine)
    prepare(alone, is_alone=True)
    return engine, alone


def _federation(settings: Settings, clock: Callable[[], datetime]) -> dict[str, Any]:
    """The other providers as our relying parties know them, and the authority behind one of them."""
    http = http_client(settings)
    upstreams = upstream_parties(settings, http)
    authority: Authority = NoAuthority()
    if settings.authority_url:
        authority = AuthorityClient(settings.authority_url, upstreams[settings.authority_upstream], http, clock)
    return {"upstreams": upstreams, "authority": authority}


def _client_authorities(settings: Settings) -> Authorities:
    """Raises SettingsError where the bundle cannot be read: at the start, not at the first client's login."""
    if not settings.client_ca_bundle:
        return Authorities()
    try:
        return Authorities.of_bundle(settings.client_ca_bundle)
    except (OSError, ValueError) as error:
        raise SettingsError(f"setting client_ca_bundle: {error}") from error


def _password_hasher(settings: Settings, vault: Vault) -> PasswordHasher:
    return PasswordHasher(
        vault,
        memory_kib=settings.argon2_memory_kib,
        time_cost=settings.argon2_time_cost,
        parallelism=settings.argon2_parallelism,
        workers=settings.password_workers,
        queue=settings.password_queue,
    )


def _blueprints() -> tuple[Blueprint, ...]:
    """Every page and endpoint of the provider, one blueprint a module of idp.web."""
    return (
        *ACCOUNT_PAGES,
        act_as.blueprint,
        authorize.blueprint,
        check_session.blueprint,
        consent.blueprint,
        discovery.blueprint,
        health.blueprint,
        introspection.blueprint,
        locale.blueprint,
        login.blueprint,
        logout.blueprint,
        par.blueprint,
        register_client.blueprint,
        revocation.blueprint,
        select_account.blueprint,
        session_end.blueprint,
        token.blueprint,
        upstream.blueprint,
        upstream_binding.blueprint,
        userinfo.blueprint,
    )
