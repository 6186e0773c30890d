"""What the relying party knows of its provider: discovery document and keys, fetched when needed and cached.

OpenID Connect Discovery 1.0 §4 and RFC 8414 §3: the issuer in the document must be exactly the configured one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from clients.kit.cache_control import freshness
from clients.kit.errors import ProviderUnavailable, TokenInvalid
from clients.kit.http import Answer, HttpClient, JsonInvalid, is_secure_url
from clients.kit.jwt import VerifyingKey, is_strong

DISCOVERY_PATH = "/.well-known/openid-configuration"
REFETCH_INTERVAL = 60.0
"""Least seconds between two fetches of the keys for the sake of a `kid` nobody knows."""
RETRY_INTERVAL = 2.0
"""Seconds after a failed fetch during which the provider is not asked again."""
STALE_FOR = 3_600.0
"""How long an outdated document goes on being used while the provider does not answer."""
MAX_KEYS = 20

Clock = Callable[[], float]


@dataclass
class _Document:
    """One cached JSON document and when it was asked for and fetched, by a monotonic clock."""

    url: str
    content: dict[str, Any] | None = None
    asked_at: float = float("-inf")
    fetched_at: float = float("-inf")
    fresh_until: float = 0.0
    failed_at: float = float("-inf")
    lock: threading.Lock = field(default_factory=threading.Lock)


class Provider:
    """An OpenID provider, seen from outside. Safe to share between threads; nothing is fetched before the first use."""

    def __init__(self, issuer: str, http: HttpClient, *, clock: Clock = time.monotonic) -> None:
        if not is_secure_url(issuer) or issuer.endswith("/"):
            raise ValueError("an issuer is an https URL (http only on loopback) without a slash at its end")
        self.issuer = issuer
        self.http = http
        self._clock = clock
        self._discovery = _Document(issuer + DISCOVERY_PATH)
        self._keys: _Document | None = None
        self._keys_lock = threading.Lock()

    def metadata(self) -> dict[str, Any]:
        """The discovery document. Raises ProviderUnavailable."""
        return self._load(self._discovery, self._check_metadata)

    def endpoint(self, name: str) -> str:
        """The URL of an endpoint such as `token_endpoint`. Raises ProviderUnavailable when it is not offered."""
        url = self.find_endpoint(name)
        if url is None:
            raise ProviderUnavailable(f"the provider offers no {name}")
        return url

    def find_endpoint(self, name: str) -> str | None:
        url = self.metadata().get(name)
        if url is None:
            return None
        if not isinstance(url, str) or not is_secure_url(url):
            raise ProviderUnavailable(f"{name} is not a secure address")
        return url

    def key(self, kid: str | None, algorithm: str) -> VerifyingKey:
        """The key for a signature. An unknown `kid` makes the keys be fetched anew, at most once a minute.

        Raises TokenInvalid when there is none, ProviderUnavailable when the keys cannot be had.
        """
        document = self._key_document()
        found = self._find_key(self._load(document, _check_keys), kid, algorithm)
        if found is None and self._may_refetch(document):
            found = self._find_key(self._load(document, _check_keys, anew=True), kid, algorithm)
        if found is None:
            raise TokenInvalid("kid", "no such key")
        return found

    def _key_document(self) -> _Document:
        url = self.endpoint("jwks_uri")
        with self._keys_lock:
            if self._keys is None or self._keys.url != url:
                self._keys = _Document(url)
            return self._keys

    def _may_refetch(self, document: _Document) -> bool:
        return self._clock() - document.asked_at >= REFETCH_INTERVAL

    @staticmethod
    def _find_key(key_set: dict[str, Any], kid: str | None, algorithm: str) -> VerifyingKey | None:
        usable = [key for entry in key_set["keys"] if (key := _import_key(entry, algorithm)) is not None]
        if kid is None:
            # OpenID Connect Core §10.1: only a provider with a single key may leave the kid out.
            return usable[0] if len(usable) == 1 else None
        return next((key for key in usable if key.kid == kid), None)

    def _check_metadata(self, content: dict[str, Any]) -> None:
        # OpenID Connect Discovery §4.3: exactly equal, character by character.
        if content.get("issuer") != self.issuer:
            raise ProviderUnavailable("the discovery document belongs to another issuer")

    def _load(
        self, document: _Document, check: Callable[[dict[str, Any]], None], *, anew: bool = False
    ) -> dict[str, Any]:
        started = self._clock()
        content = document.content
        if content is not None and started < document.fresh_until and not anew:
            return content
        # One thread asks; the others wait for its answer, but no longer than a request may take.
        if not document.lock.acquire(timeout=self.http.timeout.total_seconds()):
            return self._stale(document, "is being asked by others")
        try:
            if document.content is not None and (document.fetched_at > started or self._fresh(document, anew)):
                return document.content
            if self._clock() - document.failed_at < RETRY_INTERVAL:
                return self._stale(document, "did not answer a moment ago")
            return self._fetch(document, check)
        finally:
            document.lock.release()

    def _fresh(self, document: _Document, anew: bool) -> bool:
        return not (anew and self._may_refetch(document)) and self._clock() < document.fresh_until

    def _fetch(self, document: _Document, check: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        document.asked_at = self._clock()
        try:
            answer = self.http.get(document.url)
            content = _content(answer)
            check(content)
        except ProviderUnavailable as error:
            document.failed_at = self._clock()
            return self._stale(document, str(error), error)
        document.content = content
        document.fetched_at = self._clock()
        document.fresh_until = document.fetched_at + freshness(answer.headers.get("Cache-Control"))
        return content

    def _stale(self, document: _Document, reason: str, cause: Exception | None = None) -> dict[str, Any]:
        if document.content is not None and self._clock() < document.fresh_until + STALE_FOR:
            return document.content
        raise ProviderUnavailable(f"{document.url}: {reason}") from cause


def _content(answer: Answer) -> dict[str, Any]:
    if answer.status != 200:
        raise ProviderUnavailable(f"answered with status {answer.status}")
    try:
        return answer.json_object()
    except JsonInvalid as error:
        raise ProviderUnavailable("answered with something that is no JSON object") from error


def _check_keys(content: dict[str, Any]) -> None:
    keys = content.get("keys")
    if not isinstance(keys, list) or len(keys) > MAX_KEYS or not all(isinstance(key, dict) for key in keys):
        raise ProviderUnavailable("published something that is no key set")


_KEY_TYPES = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}


def _import_key(entry: dict[str, Any], algorithm: str) -> VerifyingKey | None:
    """The entry as a key that may verify `algorithm`; None for any other key (RFC 7517 §5: ignored, not an error)."""
    if entry.get("kty") != _KEY_TYPES.get(algorithm) or entry.get("use", "sig") != "sig":
        return None
    if entry.get("alg", algorithm) not in {algorithm, {"EdDSA": "Ed25519"}.get(algorithm)}:
        return None
    if not is_strong(entry):
        return None
    try:
        key = JWKRegistry.import_key(entry)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key, ECKey) and key.curve_name != "P-256":
        return None
    return key if isinstance(key, RSAKey | ECKey | OKPKey) else None
