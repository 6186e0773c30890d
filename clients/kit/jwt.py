"""Reading a signed JWT: its size, algorithm, key and signature; and the checks of single claims.

Obeys RFC 8725 (JWT Best Current Practices) §3.1, §3.2, §3.9 and RFC 7515 §4.1: keys come only from the provider's
published set, never from `jwk`, `jku`, `x5c` or `x5u` in the token. RSA keys have 2048 bits (RFC 7518 §3.3, §3.5).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64decode

from clients.kit.errors import TokenInvalid
from clients.kit.http import JsonInvalid, json_object

MAX_TOKEN = 16 * 1024
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
SKEW = timedelta(seconds=60)
MIN_RSA_BITS = 2048

VerifyingKey = RSAKey | ECKey | OKPKey
FindKey = Callable[[str | None, str], VerifyingKey]
"""(kid, alg) → the provider's key. Raises TokenInvalid when there is none."""


@dataclass(frozen=True)
class SignedToken:
    """A token whose signature is good: header and claims as JSON objects."""

    header: dict[str, Any]
    claims: dict[str, Any]


class SignatureRegistry(JWSRegistry):
    """Algorithms by our allow-list alone. Unknown header members are ignored, critical ones refused (RFC 7515 §4)."""

    max_header_length = 4096  # a header may hold a key (RFC 9449 §4.2)

    def __init__(self, algorithms: Collection[str]) -> None:
        super().__init__(algorithms=tuple(algorithms), strict_check_header=False)

    def get_alg(self, name: str) -> Any:
        # Our allow-list has the last word; the library's own get_alg warns about the name EdDSA (RFC 9864), which
        # discovery documents still use.
        if name not in (self.allowed or ()):
            raise TokenInvalid("alg", "not on the allow-list")
        return self.algorithms[name]


def read_signed(token: str, find_key: FindKey, algorithms: Collection[str] = ALGORITHMS) -> SignedToken:
    """Verify the signature of a compact JWS and give its JSON content. Raises TokenInvalid."""
    if len(token) > MAX_TOKEN:
        raise TokenInvalid("token", "too long")
    registry = SignatureRegistry(algorithms)
    try:
        unverified = jws.extract_compact(token.encode("ascii"), registry=registry)
        header = unverified.headers()
        key = find_key(_key_id(header), _algorithm(header, algorithms))
        verified = jws.deserialize_compact(token, key, registry=registry)
        return SignedToken(dict(header), json_object(verified.payload or b""))
    except JsonInvalid as error:
        raise TokenInvalid("token", "no JSON object inside") from error
    except JoseError as error:
        raise TokenInvalid("signature", type(error).__name__) from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise TokenInvalid("token", "malformed") from error


def unverified_header(token: str) -> dict[str, Any]:
    """What a token says of itself before anything is proved. Raises TokenInvalid."""
    if len(token) > MAX_TOKEN:
        raise TokenInvalid("token", "too long")
    try:
        return dict(jws.extract_compact(token.encode("ascii"), registry=SignatureRegistry(())).headers())
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise TokenInvalid("token", "malformed") from error


def _algorithm(header: dict[str, Any], algorithms: Collection[str]) -> str:
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise TokenInvalid("alg", "not on the allow-list")
    return algorithm


def _key_id(header: dict[str, Any]) -> str | None:
    kid = header.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise TokenInvalid("kid", "not a string")
    return kid


def is_strong(jwk: Mapping[str, Any]) -> bool:
    """Whether a JWK is long enough: an RSA key by its modulus itself, which has no leading zeros (RFC 7518 §6.3.1.1);
    of any other key the curve decides."""
    if jwk.get("kty") != "RSA":
        return True
    try:
        modulus = urlsafe_b64decode(str(jwk.get("n")).encode("ascii"))
    except ValueError:
        return False
    return modulus[:1] != b"\0" and int.from_bytes(modulus).bit_length() >= MIN_RSA_BITS


def check_type(header: dict[str, Any], wanted: str) -> None:
    """`typ` must name this kind of token (RFC 8725 §3.11), with or without `application/` (RFC 7515 §4.1.9)."""
    given = header.get("typ")
    if not isinstance(given, str) or given.lower().removeprefix("application/") != wanted:
        raise TokenInvalid("typ", f"not {wanted}")


def check_issuer(claims: dict[str, Any], issuer: str) -> None:
    if claims.get("iss") != issuer:
        raise TokenInvalid("iss", "another issuer")


def audiences(claims: dict[str, Any]) -> list[str]:
    """The members of `aud`, which may be one string or an array of strings (RFC 7519 §4.1.3)."""
    value = claims.get("aud")
    members: list[Any] = value if isinstance(value, list) else [value]
    if not members or not all(isinstance(member, str) for member in members):
        raise TokenInvalid("aud", "missing or malformed")
    return members


def check_audience(claims: dict[str, Any], audience: str) -> None:
    if audience not in audiences(claims):
        raise TokenInvalid("aud", "meant for someone else")


def instant(claims: dict[str, Any], name: str) -> datetime:
    """A NumericDate claim (RFC 7519 §2) as an aware UTC time. Raises TokenInvalid when missing or not a time."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenInvalid(name, "missing or not a number")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise TokenInvalid(name, "not a time") from error


def check_expiry(claims: dict[str, Any], now: datetime) -> datetime:
    expires_at = instant(claims, "exp")
    if now >= expires_at + SKEW:
        raise TokenInvalid("exp", "expired")
    return expires_at


def check_issued_at(claims: dict[str, Any], now: datetime, oldest: timedelta | None = None) -> datetime:
    """`iat` lies not in the future and, if `oldest` is given, not further back than that."""
    issued_at = instant(claims, "iat")
    if issued_at > now + SKEW:
        raise TokenInvalid("iat", "in the future")
    if oldest is not None and issued_at < now - oldest - SKEW:
        raise TokenInvalid("iat", "too long ago")
    return issued_at


def check_not_before(claims: dict[str, Any], now: datetime) -> None:
    if "nbf" in claims and instant(claims, "nbf") > now + SKEW:
        raise TokenInvalid("nbf", "not valid yet")


def string(claims: dict[str, Any], name: str) -> str:
    """A claim that must be a non-empty string."""
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise TokenInvalid(name, "missing or not a string")
    return value
