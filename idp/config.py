"""Every setting of a provider: its type, its default, and a sentence where the name does not say it all.

Values come from a TOML or JSON file (named by ``TONGXING_CONFIG``, table ``[idp]``) and are overridden by environment
variables ``TONGXING_<NAME>`` (tables and lists as JSON). An unknown name in the file is an error, so that a misspelt
one never passes silently; unknown variables are left alone, since other services have theirs. A secret can be a
reference (:mod:`idp.references`). The same file may hold what ``tongxing import`` reads.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from idp.domain.assurance import AssuranceMap
from idp.references import Unresolved, is_reference, resolve

REGISTRATION = ("off", "token", "software_statement", "open")


class SettingsError(ValueError):
    """A setting is missing, unknown or of the wrong type; the text names it."""


@dataclass(frozen=True)
class Upstream:
    """Another provider whose people may log in here (we are its relying party)."""

    name: str  # in URLs and in idp_hint: lower-case letters, digits, hyphens
    label: Mapping[str, str]  # button text by language, {"zh": …, "en": …}
    issuer: str
    client_id: str
    private_jwk: Mapping[str, Any] = field(repr=False)  # private_key_jwt, ES256
    assurance: AssuranceMap  # what its acr values are worth here, and the most we believe
    scope: str = "openid profile phone identity"
    entity_name: Mapping[str, str] = field(default_factory=dict)  # who vouches, as shown on the account page
    backchannel_session_end: bool = True  # ask it to end its session when ours, which came from it, ends


@dataclass(frozen=True)
class Settings:
    """One provider's settings; build it with :func:`load` or directly in tests."""

    issuer: str = "http://127.0.0.1:8000"
    """Public base URL without a trailing slash; every URL we publish begins with it."""
    brand: Mapping[str, str] = field(
        default_factory=lambda: {"zh": "通行 · 新疆交通运输统一身份认证", "en": "Tongxing · Xinjiang Transport Sign-in"}
    )
    """The service's name by language."""
    theme: str = "region"
    """Which look the pages have: region or national."""
    database_url: str = field(default="sqlite:///var/idp.sqlite3", repr=False)
    """SQLAlchemy URL of the durable store (postgresql+psycopg://… or sqlite:///…)."""
    redis_url: str = field(default="", repr=False)
    """Ephemeral store; empty keeps ephemeral values in the database."""
    master_key: str = field(default="", repr=False)
    """Key-encryption key, 32 random bytes in base64url; every other secret key is derived from it."""
    cookie_prefix: str = "tx"
    """First part of every cookie name, so that services on one host do not share cookies."""
    default_locale: str = "zh"
    locales: tuple[str, ...] = ("zh", "en")
    """Languages offered, the first choice being default_locale."""
    code_lifetime: timedelta = timedelta(seconds=60)
    pushed_request_lifetime: timedelta = timedelta(seconds=60)
    """How long the reference to a pushed request can be brought; below ten minutes (RFC 9126 §2.2)."""
    require_pushed_authorization_requests: bool = False
    """Whether every client must push its requests; single clients say so in their metadata."""
    require_signed_request_object: bool = False
    """Whether every client must sign its requests; single clients say so in their metadata."""
    access_token_lifetime: timedelta = timedelta(minutes=10)
    id_token_lifetime: timedelta = timedelta(minutes=10)
    refresh_idle_lifetime: timedelta = timedelta(days=14)
    refresh_absolute_lifetime: timedelta = timedelta(days=30)
    session_idle_lifetime: timedelta = timedelta(minutes=60)
    session_absolute_lifetime: timedelta = timedelta(hours=12)
    interaction_lifetime: timedelta = timedelta(minutes=15)
    registration_lifetime: timedelta = timedelta(hours=24)
    """How long an interrupted registration can be taken up again."""
    dpop_nonce_lifetime: timedelta = timedelta(0)
    """How long a nonce for DPoP proofs is given out (it counts twice as long); 0: none, a proof's own time counts."""
    client_cache_lifetime: timedelta = timedelta(seconds=1)
    """How old a process's copy of a client may be."""
    key_algorithms: tuple[str, ...] = ("RS256", "ES256", "PS256", "EdDSA")
    """Signing algorithms for which keys are kept; the first is the default."""
    encryption_algorithms: tuple[str, ...] = ("RSA-OAEP-256", "ECDH-ES")
    """Algorithms by which others may encrypt to us; each has a key of its own in the JWKS."""
    key_publish_lead: timedelta = timedelta(hours=24)
    key_lifetime: timedelta = timedelta(days=90)
    """How long a key signs; it is published key_publish_lead before and until the last token has expired after."""
    argon2_memory_kib: int = 47104
    argon2_time_cost: int = 1
    argon2_parallelism: int = 1
    password_workers: int = 0
    """Password hashes computed at once per process; 0 means half the processors, at least one."""
    password_queue: int = 32
    """Password checks that may wait; more answer 503 with Retry-After."""
    max_body_bytes: int = 65536
    trusted_proxies: int = 0
    """How many reverse proxies stand in front (0: forwarded headers are ignored)."""
    registration: str = "off"
    """Who may register clients: off; token (who brings an initial access token); software_statement (who brings one by
    an issuer of software_statement_issuers); open (anybody, throttled by address)."""
    registration_scopes: tuple[str, ...] = ("openid", "profile", "email", "address", "phone", "offline_access")
    """The scopes that clients may register for themselves; an initial access token may carry more."""
    registration_limit: int = 30
    """Open registration: how many clients one address may register in an hour."""
    software_statement_issuers: tuple[Mapping[str, Any], ...] = ()
    """Whose software statements count: {"issuer": …, "jwks": {"keys": […]}}."""
    op_policy_uri: str = ""
    op_tos_uri: str = ""
    service_documentation: str = ""
    """Pages for integrators, named in the discovery document."""
    proxy_addresses: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses and networks of those proxies; unix: whoever may open the socket in the file system."""
    mtls_url: str = ""
    """Base URL of the host where the proxy asks callers for a certificate; empty: no mutual TLS."""
    client_ca_bundle: str = ""
    """PEM file of the authorities whose certificates authenticate clients (tls_client_auth); empty: none."""
    openings_allowed: bool = False
    """Whether test-only openings of single clients count at all."""
    outbound_allow: tuple[str, ...] = ()
    """host:port pairs that outbound calls may reach over plain http or on private addresses."""
    outbound_ca_bundle: str = ""
    """PEM file added to the system's certificate authorities for outbound calls."""
    authority_url: str = ""
    """Base URL of the authority's verification API (name and ID number); empty: no verification possible."""
    authority_upstream: str = ""
    """Name of the upstream whose client credentials open the authority's API."""
    session_management: bool = True
    """Whether relying parties may watch the sign-in from their pages (check_session_iframe); off: one cookie fewer."""
    upstreams: tuple[Upstream, ...] = ()
    session_end_clients: tuple[str, ...] = ()
    """Clients (federated members) that may end a session here which they took part in."""
    sms_gateway_url: str = ""
    sms_gateway_token: str = field(default="", repr=False)
    smtp_host: str = ""
    smtp_port: int = 25
    smtp_from: str = "noreply@localhost"
    smtp_starttls: bool = False
    worker: str = "embedded"
    """embedded: this process delivers the outbox and keeps house in a thread; none: `tongxing worker` does."""
    account_links: tuple[Mapping[str, Any], ...] = ()
    """Services shown on the account page: {"url": …, "label": {"zh": …, "en": …}}."""
    default_resource: str = ""
    """Audience of access tokens for resource scopes when a client names none."""
    resource_scopes: Mapping[str, str] = field(default_factory=dict)
    """Scope name → audience (the resource server's identifier)."""
    scope_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Scope name → text by language for the consent page, for resource scopes."""

    def __post_init__(self) -> None:
        if not timedelta(0) < self.pushed_request_lifetime < timedelta(minutes=10):
            raise SettingsError("setting pushed_request_lifetime: more than nothing and less than 600 seconds")
        if self.registration not in REGISTRATION:
            raise SettingsError(f"setting registration: must be one of {', '.join(REGISTRATION)}")

    @property
    def is_secure(self) -> bool:
        """Whether the public side speaks https (cookies then are Secure and carry the __Host- prefix)."""
        return self.issuer.startswith("https://")

    def upstream(self, name: str) -> Upstream | None:
        """The upstream of that name, or None."""
        return next((upstream for upstream in self.upstreams if upstream.name == name), None)


_NAMES = {item.name for item in fields(Settings)}
SECRETS = frozenset(item.name for item in fields(Settings) if not item.repr)
"""Settings that are never shown."""


def load(environ: Mapping[str, str] | None = None, table: str = "idp") -> Settings:
    """Read the settings of table ``table``; raises SettingsError naming what is wrong."""
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    path = environ.get("TONGXING_CONFIG")
    if path:
        values.update(read_tables(Path(path)).get(table, {}))
    for name in _NAMES:
        text = environ.get(f"TONGXING_{name.upper()}")
        if text is not None:
            values[name] = text
    return from_table(values, Path(path).parent if path else Path(), environ)


def read_tables(path: Path) -> dict[str, Any]:
    """The tables of a configuration file: JSON where the name ends so, else TOML. Raises SettingsError, OSError."""
    text = path.read_bytes()
    try:
        found = _json(text) if path.suffix == ".json" else tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: {error}") from error
    if not isinstance(found, dict):
        raise SettingsError(f"{path}: no JSON object")
    return found


def _json(text: bytes) -> Any:
    found = json.loads(text, object_pairs_hook=_unique)
    json.dumps(found, ensure_ascii=False).encode()  # raises for half of a surrogate pair, which is no text
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; a name given twice is a mistake that must not pass silently (TOML refuses it by itself)."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is given twice")
    return found


def from_table(values: Mapping[str, Any], folder: Path = Path(), environ: Mapping[str, str] | None = None) -> Settings:
    """Settings of plain values, as a file's table holds them; ``folder`` is where paths of references start.

    Raises SettingsError.
    """
    unknown = sorted(set(values) - _NAMES)
    if unknown:
        raise SettingsError(f"unknown setting: {', '.join(unknown)}")
    hints = get_type_hints(Settings)
    given = {name: _resolved(name, value, folder, environ) for name, value in values.items()}
    return Settings(**{name: _convert(name, value, hints[name]) for name, value in given.items()})


def _resolved(name: str, value: Any, folder: Path, environ: Mapping[str, str] | None) -> Any:
    """The value with the references to secrets followed: of a secret setting, of an upstream's private key."""
    try:
        if name in SECRETS:
            return resolve(value, folder, environ)
        if name == "upstreams" and isinstance(value, list):
            return [_with_key(item, folder, environ) for item in value]
    except ValueError as error:
        raise SettingsError(f"setting {name}: {error}") from error
    return value


def _with_key(upstream: Any, folder: Path, environ: Mapping[str, str] | None) -> Any:
    if not isinstance(upstream, Mapping) or not is_reference(upstream.get("private_jwk")):
        return upstream
    try:
        return {**upstream, "private_jwk": json.loads(resolve(upstream["private_jwk"], folder, environ))}
    except json.JSONDecodeError:
        raise Unresolved("private_jwk refers to what is no JSON") from None


def _convert(name: str, value: Any, kind: Any) -> Any:
    try:
        if isinstance(value, str) and kind not in _AS_TEXT:
            value = json.loads(value)
        if get_origin(kind) is Mapping and not isinstance(value, Mapping):
            raise TypeError("a table is needed")
        if name == "upstreams":
            return tuple(_upstream(item) for item in value)
        return _CONVERTERS.get(kind, lambda given: given)(value)
    except (TypeError, ValueError, KeyError) as error:
        raise SettingsError(f"setting {name}: {error}") from error


def _upstream(table: Mapping[str, Any]) -> Upstream:
    values = dict(table)
    values["assurance"] = AssuranceMap(cap=int(values["assurance"]["cap"]), levels=dict(values["assurance"]["levels"]))
    return Upstream(**values)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    return known[str(value).lower()]


def _strings(value: Any) -> tuple[Any, ...]:
    return tuple(item for item in value.split(",") if item) if isinstance(value, str) else tuple(value)


_AS_TEXT = (str, int, bool, timedelta, tuple[str, ...])  # what an environment variable says without JSON
_CONVERTERS: dict[Any, Any] = {
    int: int,
    bool: _boolean,
    timedelta: lambda value: timedelta(seconds=float(value)),
    tuple[str, ...]: _strings,
    tuple[Mapping[str, Any], ...]: tuple,
}
