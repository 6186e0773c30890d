"""Every setting of a provider: its type, its default, and a sentence where the name does not say it all.

What is no value of its type (:mod:`idp.setting_types`), or does not go with the others, is refused at start.

Values come from a TOML or JSON file (named by ``TONGXING_CONFIG``, table ``[idp]``) and are overridden by environment
variables ``TONGXING_<NAME>`` (tables and lists as JSON). An unknown name in the file is an error, so that a misspelt
one never passes silently; unknown variables are left alone, since other services have theirs. A secret can be a
reference (:mod:`idp.references`). The same file may hold what ``tongxing import`` reads.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, with_config

from idp import setting_types as types
from idp.references import Unresolved, is_reference, resolve


class SettingsError(ValueError):
    """A setting is missing, unknown or cannot be meant; the text names it and never shows its value."""


@with_config(extra="forbid")
@dataclass(frozen=True)
class Upstream:
    """Another provider whose people may log in here (we are its relying party)."""

    name: types.PathName  # in URLs and in idp_hint: lower-case letters, digits, hyphens
    label: types.ByLanguage  # button text by language, {"zh": …, "en": …}
    issuer: types.ServiceUrl
    client_id: types.Text
    private_jwk: types.PrivateJwk = field(repr=False)  # private_key_jwt, ES256
    assurance: types.Assurance  # what its acr values are worth here, and the most we believe
    scope: types.Text = "openid profile phone identity"
    entity_name: Mapping[str, str] = field(default_factory=dict)  # who vouches, as shown on the account page
    backchannel_session_end: bool = True  # ask it to end its session when ours, which came from it, ends


@dataclass(frozen=True)
class Settings:
    """One provider's settings; build it with :func:`load` or directly in tests."""

    issuer: types.BaseUrl = "http://127.0.0.1:8000"
    """Public base URL, a host without a path; every URL we publish begins with it."""
    brand: types.ByLanguage = field(
        default_factory=lambda: {"zh": "通行 · 新疆交通运输统一身份认证", "en": "Tongxing · Xinjiang Transport Sign-in"}
    )
    """The service's name by language."""
    theme: Literal["region", "national"] = "region"
    """Which look the pages have: region or national."""
    database_url: types.DatabaseUrl = field(default="sqlite:///var/idp.sqlite3", repr=False)
    """SQLAlchemy URL of the durable store (postgresql+psycopg://… or sqlite:///…)."""
    redis_url: types.RedisUrlOrEmpty = field(default="", repr=False)
    """Ephemeral store; empty keeps ephemeral values in the database."""
    master_key: types.MasterKeyOrEmpty = field(default="", repr=False)
    """Key-encryption key, 32 random bytes in base64url; every other secret key is derived from it."""
    cookie_prefix: types.Name = "tx"
    """First part of every cookie name, so that services on one host do not share cookies."""
    default_locale: types.Locale = "zh"
    locales: types.Locales = ("zh", "en")
    """Languages offered, the first choice being default_locale."""
    code_lifetime: types.Lifetime = timedelta(seconds=60)
    pushed_request_lifetime: Annotated[types.Lifetime, Field(lt=timedelta(minutes=10))] = timedelta(seconds=60)
    """How long the reference to a pushed request can be brought; below ten minutes (RFC 9126 §2.2)."""
    require_pushed_authorization_requests: bool = False
    """Whether every client must push its requests; single clients say so in their metadata."""
    require_signed_request_object: bool = False
    """Whether every client must sign its requests; single clients say so in their metadata."""
    access_token_lifetime: types.Lifetime = timedelta(minutes=10)
    id_token_lifetime: types.Lifetime = timedelta(minutes=10)
    refresh_idle_lifetime: types.Lifetime = timedelta(days=14)
    refresh_absolute_lifetime: types.Lifetime = timedelta(days=30)
    session_idle_lifetime: types.Lifetime = timedelta(minutes=60)
    session_absolute_lifetime: types.Lifetime = timedelta(hours=12)
    interaction_lifetime: types.Lifetime = timedelta(minutes=15)
    registration_lifetime: types.Lifetime = timedelta(hours=24)
    """How long an interrupted registration can be taken up again."""
    dpop_nonce_lifetime: types.Seconds = timedelta(0)
    """How long a nonce for DPoP proofs is given out (it counts twice as long); 0: none, a proof's own time counts."""
    client_cache_lifetime: types.Seconds = timedelta(seconds=1)
    """How old a process's copy of a client may be."""
    key_algorithms: types.SigningAlgorithms = ("RS256", "ES256", "PS256", "EdDSA")
    """Signing algorithms for which keys are kept; the first is the default."""
    encryption_algorithms: types.EncryptionAlgorithms = ("RSA-OAEP-256", "ECDH-ES")
    """Algorithms by which others may encrypt to us; each has a key of its own in the JWKS."""
    key_publish_lead: types.Seconds = timedelta(hours=24)
    key_lifetime: types.Lifetime = timedelta(days=90)
    """How long a key signs; it is published key_publish_lead before and until the last token has expired after."""
    argon2_memory_kib: types.Positive = 47104
    argon2_time_cost: types.Positive = 1
    argon2_parallelism: types.Positive = 1
    password_workers: types.Count = 0
    """Password hashes computed at once per process; 0 means half the processors, at least one."""
    password_queue: types.Count = 32
    """Password checks that may wait; more answer 503 with Retry-After."""
    max_body_bytes: types.Positive = 65536
    trusted_proxies: types.Count = 0
    """How many reverse proxies stand in front (0: forwarded headers are ignored)."""
    registration: Literal["off", "token", "software_statement", "open"] = "off"
    """Who may register clients: off; token (who brings an initial access token); software_statement (who brings one by
    an issuer of software_statement_issuers); open (anybody, throttled by address)."""
    registration_scopes: types.Scopes = ("openid", "profile", "email", "address", "phone", "offline_access")
    """The scopes that clients may register for themselves; an initial access token may carry more."""
    registration_limit: types.Count = 30
    """Open registration: how many clients one address may register in an hour."""
    software_statement_issuers: types.StatementIssuers = ()
    """Whose software statements count: {"issuer": …, "jwks": {"keys": […]}}."""
    op_policy_uri: types.WebUrlOrEmpty = ""
    op_tos_uri: types.WebUrlOrEmpty = ""
    service_documentation: types.WebUrlOrEmpty = ""
    """Pages for integrators, named in the discovery document."""
    proxy_addresses: types.Proxies = ("127.0.0.1", "::1")
    """Addresses and networks of those proxies; unix: whoever may open the socket in the file system."""
    mtls_url: types.BaseUrlOrEmpty = ""
    """Base URL of the host where the proxy asks callers for a certificate; empty: no mutual TLS."""
    client_ca_bundle: str = ""
    """PEM file of the authorities whose certificates authenticate clients (tls_client_auth); empty: none."""
    openings_allowed: bool = False
    """Whether test-only openings of single clients count at all."""
    outbound_allow: types.HostsWithPort = ()
    """host:port pairs (IPv6 in brackets) that outbound calls may reach over plain http or on private addresses."""
    outbound_ca_bundle: str = ""
    """PEM file added to the system's certificate authorities for outbound calls."""
    authority_url: types.ServiceUrlOrEmpty = ""
    """Base URL of the authority's verification API (name and ID number); empty: no verification possible."""
    authority_upstream: str = ""
    """Name of the upstream whose client credentials open the authority's API."""
    session_management: bool = True
    """Whether relying parties may watch the sign-in from their pages (check_session_iframe); off: one cookie fewer."""
    upstreams: tuple[Upstream, ...] = ()
    session_end_clients: types.Texts = ()
    """Clients (federated members) that may end a session here which they took part in."""
    sms_gateway_url: types.WebUrlOrEmpty = ""
    sms_gateway_token: str = field(default="", repr=False)
    smtp_host: str = ""
    smtp_port: types.Port = 25
    smtp_from: types.Text = "noreply@localhost"
    smtp_starttls: bool = False
    worker: Literal["embedded", "none"] = "embedded"
    """embedded: this process delivers the outbox and keeps house in a thread; none: `tongxing worker` does."""
    account_links: types.AccountLinks = ()
    """Services shown on the account page: {"url": …, "label": {"zh": …, "en": …}}."""
    default_resource: str = ""
    """Audience of access tokens for resource scopes when a client names none."""
    resource_scopes: types.AudienceByScope = field(default_factory=dict)
    """Scope name → audience (the resource server's identifier)."""
    scope_labels: types.LabelByScope = field(default_factory=dict)
    """Scope name → text by language for the consent page, for resource scopes."""

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
_SETTINGS = TypeAdapter(Settings)
_TOGETHER: tuple[tuple[str, Callable[[Settings], bool], str], ...] = (
    ("default_locale", lambda its: its.default_locale in its.locales, "must be one of locales"),
    ("brand", lambda its: its.default_locale in its.brand, "must have a text in default_locale"),
    ("upstreams", lambda its: len({one.name for one in its.upstreams}) == len(its.upstreams), "have a name twice"),
    (
        "authority_upstream",
        lambda its: not its.authority_url or its.upstream(its.authority_upstream) is not None,
        "must name one of upstreams where there is an authority_url",
    ),
    (
        "mtls_url",
        lambda its: not its.mtls_url or its.trusted_proxies > 0,
        "needs trusted_proxies: only a proxy can ask callers for their certificates",
    ),
    (
        "software_statement_issuers",
        lambda its: its.registration != "software_statement" or bool(its.software_statement_issuers),
        "must name somebody where registration is software_statement",
    ),
    (
        "argon2_memory_kib",
        lambda its: its.argon2_memory_kib >= 8 * its.argon2_parallelism,
        "must be at least eight times argon2_parallelism",
    ),
)
"""What settings must be to one another: which is named, the rule, the text."""


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
    given = {name: _resolved(name, value, folder, environ) for name, value in values.items()}
    try:
        settings = _SETTINGS.validate_python(given)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        raise SettingsError("; ".join(_said(item["loc"], item["msg"]) for item in found)) from None
    for name, is_kept, text in _TOGETHER:
        if not is_kept(settings):
            raise SettingsError(f"setting {name}: {text}")
    return settings


def _said(location: tuple[int | str, ...], text: str) -> str:
    """Which setting is wrong and how, never what it is."""
    return f"setting {'.'.join(map(str, location))}: {text.removeprefix('Value error, ')}"


def _resolved(name: str, value: Any, folder: Path, environ: Mapping[str, str] | None) -> Any:
    """The value with the references to secrets followed: of a secret setting, of an upstream's private key."""
    try:
        if name in SECRETS:
            return resolve(value, folder, environ)
        if name == "upstreams":
            found = types.from_json(value)  # before references are looked for: the environment has text
            return [_with_key(item, folder, environ) for item in found] if isinstance(found, list) else found
    except ValueError as error:
        raise SettingsError(f"setting {name}: {error}") from error
    return value


def _with_key(upstream: Any, folder: Path, environ: Mapping[str, str] | None) -> Any:
    if not isinstance(upstream, Mapping) or not is_reference(upstream.get("private_jwk")):
        return upstream
    text = resolve(upstream["private_jwk"], folder, environ)
    try:
        return {**upstream, "private_jwk": types.from_json(text)}
    except ValueError:
        raise Unresolved("private_jwk refers to what is no JSON") from None
