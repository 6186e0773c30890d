"""For tables of many small requests: one provider for a whole module instead of one a row."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from idp.app import create_app
from idp.config import Settings
from idp.context import Provider
from idp.domain.assurance import Proof
from idp.domain.session import Session
from idp.storage import accounts, clients, sessions
from tests import schema
from tests.conftest import ISSUER, IssuerClient, set_session_cookie


@dataclass(frozen=True)
class Standing:
    """A provider with a first-party client ``client`` and a browser where a person of level 2 is signed in."""

    provider: Provider
    http: FlaskClient
    session: Session


@pytest.fixture(scope="module")
def standing(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    path = tmp_path_factory.mktemp("standing") / "idp.sqlite3"
    shutil.copy(sqlite_template, path)
    settings = Settings(
        issuer=ISSUER,
        database_url=f"sqlite:///{path}",
        master_key=schema.MASTER_KEY,
        argon2_memory_kib=8192,
        worker="none",
        default_resource="http://127.0.0.1:8300",
        resource_scopes={"matters.read": "http://127.0.0.1:8300"},
    )
    app = create_app(settings)
    app.test_client_class = IssuerClient
    provider: Provider = app.extensions["tongxing"]
    schema.load_keys(provider)
    http = app.test_client()
    with provider.work() as context:
        document = {
            "client_name": "客户端",
            "redirect_uris": ["http://127.0.0.1:9009/callback"],
            "scope": "openid profile email phone identity offline_access matters.read",
            "grant_types": ["authorization_code", "refresh_token"],
        }
        clients.put(context.db, "client", document, context.now, is_first_party=True)
        proof = Proof(2, "authority", "name_and_id_number", context.now)
        account = accounts.add(context.db, context.vault, claims={"name": "张伟"}, now=context.now, evidence=[proof])
        session, secret = sessions.add(
            context.db,
            context.vault,
            account_id=account.id,
            level=2,
            amr=("pwd",),
            source="local",
            is_choice_made=True,
            user_agent="tests",
            address="127.0.0.1",
            now=context.now,
            expires_at=context.now + settings.session_absolute_lifetime,
        )
    set_session_cookie(http, settings, secret)
    yield Standing(provider, http, session)
    provider.engine.dispose()
