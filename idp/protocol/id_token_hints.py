"""Reading back an ID token of ours, whatever its age, as a hint about a person and their session.

OpenID Connect Core §3.1.2.1 (id_token_hint), OpenID Connect RP-Initiated Logout 1.0 §2, §4 (an expired hint counts).
Signature, type and issuer must be right: an access token or a logout token that we signed is no hint, nor is a signed
userinfo answer, which never expires.
"""

from __future__ import annotations

from dataclasses import dataclass

from idp.context import Context
from idp.crypto.jose import TokenRefused
from idp.protocol import keys


@dataclass(frozen=True)
class IdTokenHint:
    subject: str
    sid: str | None
    audience: tuple[str, ...]


def read(context: Context, token: str) -> IdTokenHint:
    """Raises JoseError for anything but an ID token issued here."""
    claims = keys.verify_token(context, token, typ="JWT", may_be_expired=True)
    audience = claims.get("aud")
    audiences = (audience,) if isinstance(audience, str) else tuple(audience or ())
    is_id_token = isinstance(claims.get("sub"), str) and "exp" in claims
    if claims.get("iss") != context.settings.issuer or not is_id_token or not audiences:
        raise TokenRefused("iss, sub, exp or aud")
    return IdTokenHint(claims["sub"], claims.get("sid"), audiences)
