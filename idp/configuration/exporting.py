"""An export: the document that would make an empty database like this one, without anything secret in the clear.

Client secrets are hashes. What must stay secret itself — the private halves of our keys, the secrets of clients that
sign with them — is left out, or written to files of its own, sealed under the master key, to which the document refers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from idp.configuration import access_tokens, clients, people, settings, signing_keys
from idp.configuration.sealing import sealed
from idp.configuration.step import place_of
from idp.context import Context
from idp.crypto.random import hash_secret
from idp.domain.client import Client
from idp.domain.signing_key import SigningKey
from idp.storage import clients as stored_clients
from idp.storage import initial_access_tokens as stored_tokens
from idp.storage import people as stored_people
from idp.storage import signing_keys as stored_keys

PARTS = ("settings", "signing_keys", "clients", "initial_access_tokens", "people")


@dataclass(frozen=True)
class Export:
    """``sealed_files``: name → sealed text; ``missing``: what the document does not say, a sentence each."""

    tables: dict[str, Any] = field(default_factory=dict)
    sealed_files: dict[str, str] = field(default_factory=dict, repr=False)
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Choice:
    """What is exported; ``sealed_folder``: where, seen from the document, sealed files are to lie."""

    parts: frozenset[str] = frozenset(PARTS)
    settings_table: str = "idp"
    sealed_folder: str | None = None
    with_passwords: bool = False


def export(context: Context, choice: Choice) -> Export:
    """The document of the database and the running settings."""
    made = Export()
    for part in PARTS:
        if part in choice.parts:
            _PARTS[part](context, choice, made)
    return made


def write_sealed(folder: Path, files: Mapping[str, str]) -> None:
    """Write the sealed files, readable by their owner only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in files.items():
        write_private(folder / name, text + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, in place of one that was there."""
    partial = path.with_name(f"{path.name}.new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    partial.replace(path)


def _settings(context: Context, choice: Choice, made: Export) -> None:
    made.tables[choice.settings_table] = settings.described(context.settings)
    made.missing.append("the settings that are secrets; environment variables give them (TONGXING_MASTER_KEY ...)")


def _signing_keys(context: Context, choice: Choice, made: Export) -> None:
    keys = stored_keys.list_all(context.db, context.vault)
    if choice.sealed_folder is None:
        made.missing.append(f"{len(keys)} signing keys; --sealed FOLDER writes them as sealed files")
    elif keys:
        made.tables["signing_keys"] = [_key(context, choice, made, key) for key in keys]


def _key(context: Context, choice: Choice, made: Export, key: SigningKey) -> dict[str, Any]:
    reference = _refer(choice, made, f"signing-key-{key.kid}", sealed(context, json.dumps(key.private_jwk), key.kid))
    return signing_keys.described(key) | {"private_key": reference}


def _clients(context: Context, choice: Choice, made: Export) -> None:
    tables = [_client(context, choice, made, client) for client in stored_clients.list_all(context.db)]
    made.tables["clients"] = tables


def _client(context: Context, choice: Choice, made: Export, client: Client) -> dict[str, Any]:
    table, secret = clients.described(context, client), clients.secret_of(context, client)
    if secret is None:
        return table
    if choice.sealed_folder is None:
        place = place_of("clients", client.client_id)
        made.missing.append(f"{place}.client_secret, which is a key; --sealed FOLDER writes it as a sealed file")
        return table
    del table["client_secret_hash"]
    name = f"client-secret-{hash_secret(client.client_id)[:16]}"
    return table | {"client_secret": _refer(choice, made, name, sealed(context, secret, client.client_id))}


def _refer(choice: Choice, made: Export, name: str, text: str) -> dict[str, str]:
    made.sealed_files[name] = text
    return {"file": f"{choice.sealed_folder}/{name}"}


def _tokens(context: Context, choice: Choice, made: Export) -> None:
    made.tables["initial_access_tokens"] = [
        access_tokens.described(item) for item in stored_tokens.list_all(context.db)
    ]


def _people(context: Context, choice: Choice, made: Export) -> None:
    tables = made.tables["people"] = []
    for record in stored_people.iterate(context.db, context.vault):
        table = people.described(record, context.now, with_passwords=choice.with_passwords)
        tables.append(table)
        if None in (record.has_phone_index, record.has_id_number_index):
            made.missing.append(f"a number that {place_of('people', record.account.subject)} signs in with")
    if tables and not choice.with_passwords:
        made.missing.append("password hashes; --with-passwords writes them")
    if tables:
        made.missing.append("what people did: consents, sessions, links to other providers, companies they act for")


_PARTS: Mapping[str, Callable[[Context, Choice, Export], None]] = {
    "settings": _settings,
    "signing_keys": _signing_keys,
    "clients": _clients,
    "initial_access_tokens": _tokens,
    "people": _people,
}
