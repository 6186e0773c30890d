"""Software statements: metadata that somebody we trust has signed, and that therefore wins over the registrant's own.

RFC 7591 §2.3, §3.1.1 (a server without trusted issuers ignores them), §3.2.2 (errors), RFC 7519 §4.1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from idp.config import Settings
from idp.context import Context
from idp.crypto.jose import ALGORITHMS, JoseError, read_unverified, verify
from idp.protocol import client_keys
from idp.protocol.errors import ProtocolError

_MEMBER = "software_statement"
_OF_THE_TOKEN = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti", _MEMBER})
_SKEW = 10  # seconds
Document = Mapping[str, Any]


def with_statement(context: Context, document: Document, *, known: str | None = None) -> dict[str, Any]:
    """The document with the claims of its software statement in place of its own. Raises invalid_software_statement or
    unapproved_software_statement.

    ``known``: the statement the client was registered with. It keeps counting after it has expired, and an update may
    not leave it out.
    """
    settings, statement = context.settings, document.get(_MEMBER)
    if not settings.software_statement_issuers:
        return {name: value for name, value in document.items() if name != _MEMBER}
    if statement is None:
        if known is not None or settings.registration == _MEMBER:
            raise _invalid("A software statement is needed here.")
        return dict(document)
    if not isinstance(statement, str):
        raise _invalid("software_statement must be a JWT.")
    claims = _verified(settings, statement)
    if statement != known:
        _check_claims(context, claims)
    return {**document, **{name: value for name, value in claims.items() if name not in _OF_THE_TOKEN}}


def _verified(settings: Settings, statement: str) -> dict[str, Any]:
    try:
        header, claims = read_unverified(statement)
    except JoseError as error:
        raise _invalid("software_statement must be a signed JWT.") from error
    keys = _keys_of(settings, claims.get("iss"))
    if keys is None:
        raise ProtocolError(
            "unapproved_software_statement",
            "The issuer of the software statement is not one we accept.",
            parameter=_MEMBER,
        )
    if header.get("alg") in ALGORITHMS:
        for jwk in keys:
            if client_keys.fits(jwk, header, use="sig"):
                try:
                    return verify(statement, lambda head: (head["alg"], client_keys.imported(_text(jwk))))  # noqa: B023
                except JoseError:
                    continue
    raise _invalid("The signature of the software statement is not good.")


def _keys_of(settings: Settings, issuer: Any) -> list[Document] | None:
    for known in settings.software_statement_issuers:
        if known["issuer"] == issuer:
            return list(known["jwks"]["keys"])
    return None


def _check_claims(context: Context, claims: Document) -> None:
    now = context.now.timestamp()
    for name, is_good in (
        ("exp", lambda moment: now < moment),
        ("nbf", lambda moment: moment <= now + _SKEW),
        ("iat", lambda moment: moment <= now + _SKEW),
    ):
        value = claims.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not is_good(value)):
            raise _invalid("The software statement is expired or not valid yet.")
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if audience is not None and context.settings.issuer not in named:
        raise _invalid("The software statement is meant for somebody else.")


def _text(jwk: Document) -> str:
    return json.dumps(jwk, sort_keys=True)


def _invalid(description: str) -> ProtocolError:
    return ProtocolError("invalid_software_statement", description, parameter=_MEMBER)
