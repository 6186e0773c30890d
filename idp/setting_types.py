"""The types of settings: what each may be, and how the text of an environment variable says it.

OpenID Connect Discovery §3 and RFC 8414 §2 (an issuer has no query and no fragment; ours no path either, since every
endpoint stands at the host's root). No error repeats a value: it may be a secret in the wrong place.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, NotRequired
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, import_key
from pydantic import AfterValidator, BeforeValidator, Field, with_config
from typing_extensions import TypedDict

from clients.kit.http import is_secure_url
from idp.crypto.vault import Vault
from idp.domain.assurance import LEVELS, AssuranceMap

_WEB = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?([/?#][\x21-\x7e]*)?")
_HOST_WITH_PORT = re.compile(r"([A-Za-z0-9._-]+|\[(?P<v6>[0-9A-Fa-f:.]+)\]):(?P<port>[1-9][0-9]{0,4})")
_LAST_PORT = 65535
_LONGEST = timedelta(days=36500)


def _web(value: str) -> str:
    try:
        is_good = _WEB.fullmatch(value) is not None and urlsplit(value).port != 0
    except ValueError:
        is_good = False
    if not is_good:
        raise ValueError("must be an http or https address in ASCII (escape other characters, xn-- for names)")
    return value


def _service(value: str) -> str:
    """As :class:`clients.kit.http.HttpClient` calls it: paths are written behind it."""
    if not is_secure_url(_web(value)) or value.endswith("/") or "?" in value or "#" in value:
        raise ValueError("must be https (http on this machine only), without query, fragment or a slash at its end")
    return value


def _base(value: str) -> str:
    if _service(value).count("/") > 2:
        raise ValueError("must end with the host and its port")
    return value


def _host_with_port(value: str) -> str:
    """In small letters, as the names it is compared with."""
    found = _HOST_WITH_PORT.fullmatch(value)
    try:
        is_good = found is not None and int(found["port"]) <= _LAST_PORT
        if found is not None and found["v6"]:
            ipaddress.IPv6Address(found["v6"])
    except ValueError:
        is_good = False
    if not is_good:
        raise ValueError("must be host:port, an IPv6 address in brackets, the port from 1 to 65535")
    return value.lower()


def _database(value: str) -> str:
    if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError("must begin with sqlite:/// or postgresql+psycopg://")
    return value


def _redis(value: str) -> str:
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must begin with redis://, rediss:// or unix://")
    return value


def _key(value: str) -> str:
    try:
        Vault(value)
    except ValueError:
        raise ValueError("must be at least 32 bytes in base64url") from None
    return value


def _proxy(value: str) -> str:
    try:
        if value != "unix":
            ipaddress.ip_network(value)
    except ValueError:
        raise ValueError("must be an address, a network or unix") from None
    return value


def _public(jwk: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        is_good = jwk.get("kty") in {"RSA", "EC", "OKP"} and not import_key(dict(jwk)).is_private
    except (JoseError, ValueError, TypeError, KeyError):
        is_good = False
    if not is_good:
        raise ValueError("must be a public key as a JWK")
    return jwk


def _private(jwk: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        key = ECKey.import_key(dict(jwk))
        is_good = (jwk["kty"], key.curve_name) == ("EC", "P-256")
        key.check_alg("ES256")
        key.check_use("sig")
        key.check_key_op("sign")  # which only a private one does
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        is_good = False
    if not is_good:
        raise ValueError("must be a private EC key on P-256, for ES256, as a JWK")
    return jwk


def _levels(value: AssuranceMap) -> AssuranceMap:
    if not {value.cap, *value.levels.values()} <= set(LEVELS):
        raise ValueError(f"levels go from {LEVELS[0]} to {LEVELS[-1]}")
    return value


def _once(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) < len(values):
        raise ValueError("has an item twice")
    return values


def _if_given(check: Callable[[str], str]) -> AfterValidator:
    return AfterValidator(lambda value: value and check(value))


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number")  # a TypeError would count as a mistake of ours
    return value


def _seconds(value: Any) -> timedelta:
    try:
        return timedelta(seconds=float(_number(value)))
    except (OverflowError, TypeError, ValueError):
        raise ValueError("must be a number of seconds") from None


def _split(value: Any) -> Any:
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


def from_json(value: Any) -> Any:
    """What a text says in JSON; any other value as it is. Raises ValueError."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError("must be JSON") from None


_Split, JSON = BeforeValidator(_split), BeforeValidator(from_json)

Text = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
BaseUrl = Annotated[str, AfterValidator(_base)]
BaseUrlOrEmpty = Annotated[str, _if_given(_base)]
ServiceUrl = Annotated[str, AfterValidator(_service)]
ServiceUrlOrEmpty = Annotated[str, _if_given(_service)]
WebUrl = Annotated[str, AfterValidator(_web)]
WebUrlOrEmpty = Annotated[str, _if_given(_web)]
DatabaseUrl = Annotated[str, AfterValidator(_database)]
RedisUrlOrEmpty = Annotated[str, _if_given(_redis)]
MasterKeyOrEmpty = Annotated[str, _if_given(_key)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
PathName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]

Seconds = Annotated[timedelta, BeforeValidator(_seconds), Field(ge=timedelta(0), le=_LONGEST)]
Lifetime = Annotated[Seconds, Field(gt=timedelta(0))]
Count = Annotated[int, BeforeValidator(_number), Field(ge=0)]
Positive = Annotated[Count, Field(gt=0)]
Port = Annotated[Positive, Field(le=_LAST_PORT)]

Texts = Annotated[tuple[Text, ...], _Split]
Scope = Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")]
Scopes = Annotated[tuple[Scope, ...], _Split]
Locale = Literal["zh", "en"]  # the languages that translations/ has
Locales = Annotated[tuple[Locale, ...], _Split, Field(min_length=1), AfterValidator(_once)]
SigningAlgorithms = Annotated[
    tuple[Literal["RS256", "PS256", "ES256", "EdDSA"], ...], _Split, Field(min_length=1), AfterValidator(_once)
]
EncryptionAlgorithms = Annotated[
    tuple[Literal["RSA-OAEP-256", "RSA-OAEP", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"], ...],
    _Split,
    AfterValidator(_once),
]
HostsWithPort = Annotated[tuple[Annotated[str, AfterValidator(_host_with_port)], ...], _Split]
Proxies = Annotated[tuple[Annotated[str, AfterValidator(_proxy)], ...], _Split]

ByLanguage = Annotated[Mapping[str, Text], JSON, Field(min_length=1)]
AudienceByScope = Annotated[Mapping[Scope, Text], JSON]
LabelByScope = Annotated[Mapping[Scope, ByLanguage], JSON]
Assurance = Annotated[AssuranceMap, AfterValidator(_levels)]
PublicJwk = Annotated[Mapping[str, Any], AfterValidator(_public)]
PrivateJwk = Annotated[Mapping[str, Any], AfterValidator(_private)]


@with_config(extra="forbid")
class JwkSet(TypedDict):
    keys: Annotated[list[PublicJwk], Field(min_length=1)]


@with_config(extra="forbid")
class StatementIssuer(TypedDict):
    """Whose software statements count, and the keys they are signed with."""

    issuer: Text
    jwks: JwkSet


@with_config(extra="forbid")
class AccountLink(TypedDict):
    """A service as the account page shows it."""

    url: WebUrl
    label: ByLanguage
    icon: NotRequired[Text]


StatementIssuers = Annotated[tuple[StatementIssuer, ...], JSON]
AccountLinks = Annotated[tuple[AccountLink, ...], JSON]
