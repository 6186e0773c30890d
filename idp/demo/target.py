"""target.json: everything a foreign client needs to drive the demonstration."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from idp.demo.clients import SANDBOX_PORTS, sandbox_id, sandbox_path, sandbox_uris
from idp.demo.layout import Layout
from idp.demo.people import DemoPerson


def write(layout: Layout, secrets: Mapping[str, Any], people: Sequence[DemoPerson]) -> None:
    """Write the file for its owner's eyes only: it holds the sandbox's secrets and passwords."""
    document = json.dumps(describe(layout, secrets, people), ensure_ascii=False, indent=1)
    with os.fdopen(os.open(layout.target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(document)


def describe(layout: Layout, secrets: Mapping[str, Any], people: Sequence[DemoPerson]) -> dict[str, Any]:
    idp, national, matters = (layout.service(name).url for name in ("idp", "national", "matters"))
    here = [person for person in people if person.is_at("region")]
    there = [person for person in people if person.is_at("national")]
    return {
        "issuer": idp,
        "users": [_user(person) for person in here],
        "clients": {name: _client(name, secrets) for name in SANDBOX_PORTS},
        "login_form": {"username_field": "username", "password_field": "password", "submit_id": "login-submit"},
        "consent": {"allow_id": "consent-allow", "deny_id": "consent-deny"},
        "logout_yes_id": "logout-yes",
        "resource": matters,
        "client_credentials_scope": "matters.read",
        "account_pages": [
            f"{idp}/account{page}"
            for page in ("", "/sessions", "/consents", "/organisations", "/identities", "/security")
        ],
        "portals": {name: layout.service(name).url for name in ("drivers", "vehicles")},
        "national": {"issuer": national, "users": [_user(person) for person in there]},
        "hall": f"{national}/hall",
        "matters": matters,
        "message_gateway": layout.service("gateway").url,
    }


def _user(person: DemoPerson) -> dict[str, Any]:
    return {
        "username": person.username,
        "password": person.password,
        "name": person.claims["name"],
        "level": person.level,
        "claims": person.claims,
    }


def _client(name: str, secrets: Mapping[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"client_id": sandbox_id(name), **sandbox_uris(name, sandbox_path(name))}
    if name != "confidential":
        del entry["backchannel_logout_uri"]
    if name in secrets["client_secrets"]:
        entry["client_secret"] = secrets["client_secrets"][name]
    if name in {"private_key_jwt", "fapi2"}:
        entry["jwks_private"] = {"keys": secrets["sandbox_keys"]}
    return entry
