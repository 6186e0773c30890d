"""Request objects as a client's own program makes them (RFC 9101 §4)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from joserfc.jwk import import_key

from idp.crypto import jwe
from tests.assertions import ISSUER, OMIT, AnyAlgorithm, AssertionKey
from tests.authorizing import asking
from tests.clock import present


def members(client_id: str = "client", now: float | None = None, **changes: Any) -> dict[str, Any]:
    """What a good object says; a change to OMIT leaves a member out."""
    moment = int(present().timestamp() if now is None else now)
    about = {"iss": client_id, "aud": ISSUER, "nbf": moment, "exp": moment + 300}
    return {name: value for name, value in (asking(client_id) | about | changes).items() if value is not OMIT}


def signed(
    key: AssertionKey,
    client_id: str = "client",
    now: float | None = None,
    *,
    header: Mapping[str, Any] | None = None,
    **changes: Any,
) -> str:
    """Signed by hand: the header may be one no library writes."""
    known = {"alg": key.alg, "kid": key.kid, "typ": "oauth-authz-req+jwt", **(header or {})}
    head = _part({name: value for name, value in known.items() if value is not OMIT})
    text = f"{head}.{_part(members(client_id, now, **changes))}"
    return f"{text}.{_encoded(AnyAlgorithm().get_alg(key.alg).sign(text.encode(), key.key))}"


def unsigned(client_id: str = "client", *, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
    """alg none (RFC 7519 §6), with as little about itself as OpenID Connect Core §6.1 demands: nothing."""
    bare = {"iss": OMIT, "aud": OMIT, "nbf": OMIT, "exp": OMIT}
    return f"{_part({'alg': 'none', **(header or {})})}.{_part(members(client_id, **(bare | changes)))}."


def encrypted(
    jwks: Mapping[str, Any],
    token: str,
    alg: str = "RSA-OAEP-256",
    enc: str = "A256GCM",
    kid: str | None = None,
    issuer: str | None = None,
) -> str:
    """Around a token, to the provider's published key for an algorithm."""
    jwk = next(key for key in jwks["keys"] if key["alg"] == alg)
    return jwe.encrypt(token, import_key(jwk), alg=alg, enc=enc, kid=kid or jwk["kid"], issuer=issuer)


def _part(value: Any) -> str:
    return _encoded(json.dumps(value).encode())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
