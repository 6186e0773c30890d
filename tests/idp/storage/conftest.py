"""Storage keeps its promises on SQLite and on PostgreSQL: every test of this folder runs on both."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from idp.context import Provider
from idp.crypto.random import hash_secret, new_id, new_secret
from idp.crypto.vault import Vault
from idp.domain.account import Account
from idp.domain.grant import Grant
from idp.storage import grants
from tests.clock import Clock
from tests.conftest import AddPerson

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def on_both_engines(both_engines: str) -> str:
    return both_engines


@pytest.fixture
def vault(provider: Provider) -> Vault:
    return provider.vault


@pytest.fixture
def person(add_person: AddPerson) -> Account:
    return add_person(username="zhangwei", phone="13800000001", id_number="110101199003070134", password=None)


@pytest.fixture
def add_grant(provider: Provider, clock: Clock, person: Account) -> Callable[..., tuple[Grant, str]]:
    """Stores a grant; returns it and its code."""

    def add(**changes: Any) -> tuple[Grant, str]:
        values: dict[str, Any] = {
            "id": new_id(),
            "client_id": "client",
            "account_id": person.id,
            "subject": person.subject,
            "session_id": None,
            "sid": None,
            "scope": frozenset({"openid", "profile"}),
            "redirect_uri": "http://127.0.0.1:9009/callback",
            "audience": ("http://127.0.0.1:8300",),
            "created_at": clock.now,
            "auth_time": clock.now,
            "acr": "urn:tongxing:loa:2",
            "amr": ("pwd",),
            "nonce": "n-0S6_WzA2Mj",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "requested_claims": {"userinfo": {"name": None}},
            "code_expires_at": clock.now + timedelta(seconds=60),
        }
        grant, code = Grant(**values | changes), new_secret()
        with provider.work() as context:
            grants.add(context.db, grant, hash_secret(code))
        return grant, code

    return add


@pytest.fixture
def add_family(
    provider: Provider, clock: Clock, add_grant: Callable[..., tuple[Grant, str]]
) -> Callable[..., tuple[Grant, str]]:
    """Stores a grant whose code was redeemed; returns it and the hash of its first refresh token."""

    def add(**changes: Any) -> tuple[Grant, str]:
        grant, code = add_grant(**changes)
        with provider.work() as context:
            redeemed = grants.consume_code(
                context.db,
                hash_secret(code),
                grant.client_id,
                clock.now,
                refresh_hash="first",
                refresh_expires_at=clock.now + 14 * DAY,
                refresh_ends_at=clock.now + 30 * DAY,
            )
        assert redeemed is not None
        return redeemed, "first"

    return add
