"""DPoP proofs signed beforehand, so that the load measures the provider and not their making (RFC 9449 §4.2)."""

from __future__ import annotations

import json
import secrets
import time
from base64 import urlsafe_b64encode
from hashlib import sha256

from joserfc import jws
from joserfc.jwk import ECKey

KEY = ECKey.generate_key("P-256")
_PUBLIC = KEY.as_dict(private=False)


def sign(method: str, url: str, count: int, *, access_token: str | None = None) -> list[str]:
    """``count`` fresh proofs for one request; good for a minute."""
    claims: dict[str, object] = {"htm": method, "htu": url, "iat": int(time.time())}
    if access_token is not None:
        claims["ath"] = urlsafe_b64encode(sha256(access_token.encode()).digest()).decode().rstrip("=")
    return [_sign(claims | {"jti": secrets.token_urlsafe(12)}) for _ in range(count)]


def _sign(claims: dict[str, object]) -> str:
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": _PUBLIC}
    return jws.serialize_compact(header, json.dumps(claims), KEY, algorithms=["ES256"])
