"""Who is the client that calls a back-channel endpoint?

RFC 6749 §2.3 (one method per request), §2.3.1 (secrets), §3.2.1; OpenID Connect Core §9. Methods are listed once, in
METHODS; an unknown client and a wrong secret get one answer after the same work.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeGuard
from urllib.parse import unquote_plus

from idp.config import Settings
from idp.context import Context
from idp.crypto.jose import ALGORITHMS, SECRET_ALGORITHM
from idp.domain.client import Client
from idp.protocol import client_assertion, mtls
from idp.protocol.errors import invalid_client, invalid_request
from idp.protocol.messages import CoreRequest

_LONGEST_NAME = 255


@dataclass(frozen=True)
class Presented:
    """What a request brought: for whom it claims to be (None: unreadable) and the proof."""

    client_id: str | None
    proof: str | bytes = field(default="", repr=False)


@dataclass(frozen=True)
class Method:
    """One way of authenticating. ``read`` finds it in a request; ``is_proof`` judges it, and for an unknown client
    (None) does the same work in vain."""

    read: Callable[[Context, CoreRequest], Presented | None]
    is_proof: Callable[[Context, Client | None, Any], bool]


def authenticate(context: Context, request: CoreRequest, methods: Collection[str]) -> Client:
    """The authenticated client of a request by one of ``methods``. Raises invalid_client or invalid_request."""
    found = [(name, given) for name, method in METHODS.items() if (given := method.read(context, request)) is not None]
    if len(found) > 1:
        raise invalid_request("More than one way of client authentication in one request.")
    name, presented = found[0] if found else _named_only(request)
    stated = request.payload.data.get("client_id")
    if stated and presented.client_id is not None and stated != presented.client_id:
        raise invalid_request("client_id names another client than the authentication.", "client_id")
    client = _find(context, presented.client_id)
    is_proved = METHODS[name].is_proof(context, client, presented.proof) if name in METHODS else client is not None
    is_allowed = client is not None and client.auth_method == name and name in client.profile.auth_methods
    if not is_proved or client is None or not is_allowed or name not in methods:
        raise invalid_client(scheme="Basic")
    request.client, request.auth_method = client, name
    return client


def _find(context: Context, client_id: str | None) -> Client | None:
    return context.find_client(client_id) if _is_name(client_id) else None


def _is_name(client_id: str | None) -> TypeGuard[str]:
    """Whether a text can be a client's name at all; a database refuses to be asked for some others (NUL, half a
    surrogate pair)."""
    return client_id is not None and 0 < len(client_id) <= _LONGEST_NAME and client_id.isprintable()


def _named_only(request: CoreRequest) -> tuple[str, Presented]:
    """A public client says who it is and proves nothing (RFC 6749 §3.2.1)."""
    return "none", Presented(request.payload.data.get("client_id") or None)


def _read_basic(_context: Context, request: CoreRequest) -> Presented | None:
    """RFC 6749 §2.3.1, RFC 7617 §2: both parts form-urlencoded, joined by a colon. Whatever is wrong with the header
    is a failed authentication, never another error."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, text = header.strip().partition(" ")
    if scheme.lower() != "basic":
        return Presented(None)
    try:
        user, colon, password = base64.b64decode(text.strip(), validate=True).decode("utf-8").partition(":")
        client_id, secret = (unquote_plus(part, errors="strict") for part in (user, password))
    except (binascii.Error, ValueError):
        return Presented(None)
    return Presented(client_id if colon and client_id else None, secret)


def _read_post(_context: Context, request: CoreRequest) -> Presented | None:
    secret = request.payload.data.get("client_secret")
    return Presented(request.payload.data.get("client_id") or None, secret) if secret else None


def _read_assertion(request: CoreRequest) -> Presented | None:
    """RFC 7521 §4.2: the assertion's subject is the client; ``client_id`` need not be sent."""
    form = request.payload.data
    assertion, kind = form.get("client_assertion"), form.get("client_assertion_type")
    if not assertion and not kind:
        return None
    if not assertion or kind != client_assertion.TYPE:
        return Presented(None)
    return Presented(client_assertion.subject_of(assertion), assertion)


def _read_key_assertion(_context: Context, request: CoreRequest) -> Presented | None:
    return _read_assertion(request) if not _is_by_secret(request) else None


def _read_secret_assertion(_context: Context, request: CoreRequest) -> Presented | None:
    return _read_assertion(request) if _is_by_secret(request) else None


def _is_by_secret(request: CoreRequest) -> bool:
    return client_assertion.is_by_secret(request.payload.data.get("client_assertion", ""))


def _read_certificate(method: str, context: Context, request: CoreRequest) -> Presented | None:
    """RFC 8705 §2: ``client_id`` says whose the certificate is. It authenticates a client that is registered so; of any
    other it binds tokens only (§4), beside whatever else authenticates."""
    certificate, client_id = request.message.client_certificate, request.payload.data.get("client_id")
    client = _find(context, client_id) if certificate is not None else None
    if certificate is None or client is None or client.auth_method != method:
        return None
    return Presented(client_id, certificate)


def _is_secret(context: Context, client: Client | None, secret: str) -> bool:
    return (client or _NOBODY).check_client_secret(secret) and client is not None


_NOBODY = Client("", {}, secret_hash="0" * 64)

METHODS: Mapping[str, Method] = {
    "client_secret_basic": Method(_read_basic, _is_secret),
    "client_secret_post": Method(_read_post, _is_secret),
    "client_secret_jwt": Method(_read_secret_assertion, client_assertion.is_valid_by_secret),
    "private_key_jwt": Method(_read_key_assertion, client_assertion.is_valid),
    mtls.BY_AUTHORITY: Method(partial(_read_certificate, mtls.BY_AUTHORITY), mtls.is_vouched_for),
    mtls.SELF_SIGNED: Method(partial(_read_certificate, mtls.SELF_SIGNED), mtls.is_registered),
}
CONFIDENTIAL = tuple(METHODS)
ANY = (*METHODS, "none")


def metadata_for(settings: Settings, endpoint: str, methods: Collection[str]) -> dict[str, Any]:
    """What the discovery document says about authentication at an endpoint (RFC 8414 §2)."""
    by_secret = (SECRET_ALGORITHM,) if "client_secret_jwt" in methods else ()
    return {
        f"{endpoint}_endpoint_auth_methods_supported": mtls.available(settings, methods),
        f"{endpoint}_endpoint_auth_signing_alg_values_supported": [*ALGORITHMS, *by_secret],
    }


def server_metadata(settings: Settings) -> dict[str, Any]:
    """RFC 8414 §2: the token endpoint takes every method."""
    return metadata_for(settings, "token", ANY)
