"""What the demonstration's databases hold before anybody clicks: shape, keys, clients, people, companies, registry.

Every step can be repeated: what exists is left as it is, so a second start keeps its data.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from idp.app import create_app
from idp.config import Settings
from idp.context import Context, Provider
from idp.crypto.random import hash_secret
from idp.demo.clients import Registration
from idp.demo.people import DemoPerson
from idp.domain.account import Account, Role
from idp.domain.assurance import Proof
from idp.protocol.keys import ensure_keys
from idp.storage import accounts, clients, organisations
from idp.storage.migrate import upgrade

_MANDATE_LIFE = timedelta(days=365)
_METHODS = {1: ("local", "phone_code"), 2: ("authority", "name_and_id_number"), 3: ("authority", "face")}


def seed_provider(settings: Settings, registrations: Sequence[Registration], people: Sequence[DemoPerson]) -> None:
    """Migrate one provider's database and give it keys, clients and people."""
    upgrade(settings.database_url, "idp")
    provider: Provider = create_app(settings).extensions["tongxing"]
    with provider.work() as context:
        ensure_keys(context)
        for registration in registrations:
            _put_client(context, registration)
        for person in people:
            _add_person(context, person)
    provider.engine.dispose()


def _put_client(context: Context, registration: Registration) -> None:
    secret_hash = hash_secret(registration.secret) if registration.secret else None
    clients.put(
        context.db,
        registration.client_id,
        registration.metadata,
        context.now,
        secret_hash=secret_hash,
        is_first_party=registration.is_first_party,
    )


def _add_person(context: Context, person: DemoPerson) -> None:
    known = accounts.Identifier("username", person.username)
    if accounts.find_by_identifier(context.db, context.vault, known):
        return
    is_verified = person.level >= 2
    claims: dict[str, Any] = dict(person.claims)
    if is_verified:
        claims |= {"id_type": "resident_id", "id_number": person.person.id_number}
    account = accounts.add(
        context.db,
        context.vault,
        claims=claims,
        username=person.username,
        phone=person.person.phone,
        id_number=person.person.id_number if is_verified else None,
        password_hash=context.provider.passwords.hash(person.password),
        evidence=_proofs(context, person.level),
        terms_version="demo",
        now=context.now,
    )
    if person.company:
        _add_mandate(context, account, person)


def _proofs(context: Context, level: int) -> list[Proof]:
    return [
        Proof(level=step, source=source, method=method, verified_at=context.now)
        for step, (source, method) in _METHODS.items()
        if step <= level
    ]


def _add_mandate(context: Context, account: Account, person: DemoPerson) -> None:
    assert person.company is not None and person.role is not None  # noqa: S101 -- our own data
    role = Role(person.role)
    organisations.put(context.db, person.company.uscc, person.company.name, "authority", context.now)
    organisations.add_mandate(
        context.db,
        uscc=person.company.uscc,
        account_id=account.id,
        role=role,
        now=context.now,
        valid_until=None if role is Role.LEGAL_REPRESENTATIVE else context.now + _MANDATE_LIFE,
        granted_by=None,
        accepted_at=context.now,
    )
