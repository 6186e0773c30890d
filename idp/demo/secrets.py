"""The demonstration's secrets: made once, kept in a file only its owner can read, the same at the next start."""

from __future__ import annotations

import base64
import json
import os
import secrets
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey, RSAKey

MASTER_KEYS = ("idp", "national", "authority", "hall", "matters", "gateway", "portal_drivers", "portal_vehicles")
CLIENT_KEYS = ("portal-drivers", "portal-vehicles", "region", "national-platform", "national-hall")
CLIENT_SECRETS = ("confidential", "other", "post", "legacy")


def load_or_create(path: Path) -> dict[str, Any]:
    """{"master": {name: key}, "client_keys": {client: JWK}, "client_secrets": {name: text}, "sandbox_keys": [JWK],
    "sms_token": text}"""
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    known = found.get("client_secrets", {})
    if known.keys() >= set(CLIENT_SECRETS):
        return found
    # What an earlier version made stays as it is; clients that have joined since get theirs.
    values = _new() | found | {"client_secrets": {name: secrets.token_urlsafe(32) for name in CLIENT_SECRETS} | known}
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(values, file, indent=1)
    return values


def _new() -> dict[str, Any]:
    return {
        "master": {name: _random_key() for name in MASTER_KEYS},
        "client_keys": {name: _private_jwk(ECKey.generate_key("P-256"), f"{name}-1", "ES256") for name in CLIENT_KEYS},
        "sandbox_keys": [
            _private_jwk(RSAKey.generate_key(2048), "sandbox-rsa", "RS256"),
            _private_jwk(ECKey.generate_key("P-256"), "sandbox-ec", "ES256"),
        ],
        "sms_token": secrets.token_urlsafe(32),
    }


def public_jwk(private: dict[str, Any]) -> dict[str, Any]:
    """The public half of a private JWK (RSA or EC)."""
    return {name: value for name, value in private.items() if name not in {"d", "p", "q", "dp", "dq", "qi"}}


def _random_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def _private_jwk(key: RSAKey | ECKey, kid: str, alg: str) -> dict[str, Any]:
    return {**key.as_dict(private=True), "kid": kid, "use": "sig", "alg": alg}
