"""Who reads the database, or a copy of it, learns no person, no secret and no key."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from idp.crypto.random import hash_secret
from idp.crypto.vault import VaultError
from idp.storage import accounts, grants, linked_identities, registrations, sessions, tables
from idp.storage.sessions import UpstreamSession
from tests.idp.storage.conftest import HOUR

PERSONAL = {
    "name": "欧阳文博",
    "phone": "13812345678",
    "id_number": "650104198807220318",
    "email": "ouyang@example.com",
    "street": "乌鲁木齐市天山区人民路1号",
}


def everything(context) -> str:
    """Every value of every row of every table, as text."""
    found = []
    for table in tables.metadata.sorted_tables:
        for row in context.db.execute(select(table)):
            for value in row:
                if isinstance(value, bytes):
                    found.append(value.decode("utf-8", "replace"))
                elif isinstance(value, dict | list):
                    found.append(json.dumps(value, ensure_ascii=False))
                else:
                    found.append(str(value))
    return "\n".join(found)


def test_no_personal_data_and_no_secret_stands_in_clear_text(
    work, provider, add_person, add_grant, add_family, tmp_path, engine_url
) -> None:
    person = add_person(
        username="ouyang",
        phone=PERSONAL["phone"],
        id_number=PERSONAL["id_number"],
        name=PERSONAL["name"],
        email=PERSONAL["email"],
        address={"street_address": PERSONAL["street"]},
    )
    _, code = add_grant(account_id=person.id)
    with work() as context:
        upstream = UpstreamSession("https://national.example", "subject", "sid", "eyJhbGciOi.secret-id-token.sig")
        _, cookie = sessions.add(
            context.db,
            context.vault,
            account_id=person.id,
            level=2,
            amr=("pwd",),
            source="national",
            is_choice_made=True,
            user_agent="tests",
            address="127.0.0.1",
            now=context.now,
            expires_at=context.now + HOUR,
            upstream=upstream,
        )
        _, token = registrations.add(context.db, context.vault, PERSONAL, context.now, context.now + HOUR)
        context.ephemeral.put("interaction", "id", {"login_hint": PERSONAL["phone"]}, timedelta(minutes=1))
        accounts.update_claims(
            context.db, context.vault, person.id, person.claims, context.now, phone=PERSONAL["phone"]
        )
        linked_identities.add(
            context.db, account_id=person.id, upstream="n", issuer="https://n", subject="s", now=context.now
        )
        grants.consume_code(context.db, hash_secret(code), "client", context.now, refresh_hash=hash_secret("refresh"))
    with work() as context:
        text = everything(context)
    secrets = {"code": code, "cookie": cookie, "token": token, "id_token": "secret-id-token"}
    keys = {f"key {key.kid}": key.private_jwk["d"] for key in provider.keys.keys}
    for name, value in {**PERSONAL, **secrets, **keys}.items():
        assert value not in text, name
    assert "ouyang" in text, "the user name is how a person is found and is no secret"
    if engine_url.startswith("sqlite"):
        written = b"".join(path.read_bytes() for path in tmp_path.glob("database-*.sqlite3*"))
        for name, value in {**PERSONAL, **secrets, **keys}.items():
            assert value.encode() not in written, name


def test_a_sealed_value_moved_to_another_row_does_not_open(work, add_person) -> None:

    one, other = add_person(name="甲", password=None), add_person(name="乙", password=None)
    with work() as context:
        sealed = context.db.execute(
            select(tables.accounts.c.claims_sealed).where(tables.accounts.c.id == one.id)
        ).scalar_one()
        context.db.execute(
            tables.accounts.update().where(tables.accounts.c.id == other.id).values(claims_sealed=sealed)
        )
        with pytest.raises(VaultError):
            accounts.find(context.db, context.vault, other.id)
