"""A client's public keys, registered by value or published at its ``jwks_uri``: found for a header, imported once.

RFC 7591 §2 (jwks, jwks_uri), OpenID Connect Core §10.1.1 and §10.2.1 (a kid that is not known means: fetch again), RFC
7517 §4 (use, alg, kid). A published set is fetched through the guarded client and kept for an hour. For an unknown kid,
or a signature without kid that no known key has made, it is fetched again at most once in a minute a client, so that a
stranger's made-up kid is no way to make us call others; nor is it one to make us wait for them: few may. While the set
is not to be had, or nobody may wait for it, what is known counts.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any

from joserfc.jwk import import_key

from idp.context import Context
from idp.crypto import rsa
from idp.crypto.jose import TokenRefused
from idp.crypto.keyring import Key
from idp.domain.client import Client
from idp.domain.profile import is_same_algorithm
from idp.outbound import TOTAL_SECONDS, OutboundBusy, OutboundClient, OutboundError

MAX_KEYS = 20
_MOST_CLIENTS = 4096
_FRESH_FOR = timedelta(hours=1)
_PAUSE = timedelta(seconds=60)  # between two fetches for one client
_LONGEST_WAIT = 2 * TOTAL_SECONDS  # for somebody else's fetch
MOST_WAITING = 2  # for somebody else's fetch at a time, in one process
_KEY_TYPES = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP", "Ed25519": "OKP"} | {
    "RSA-OAEP": "RSA",
    "RSA-OAEP-256": "RSA",
    "ECDH-ES": "EC",
    "ECDH-ES+A128KW": "EC",
    "ECDH-ES+A256KW": "EC",
}
_TEXTS = ("kty", "use", "alg", "kid", "crv", "x", "y", "n", "e", "x5t", "x5t#S256")
_LISTS = ("key_ops", "x5c")
PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Members that only a private or symmetric key has."""
_CURVES = {"ES256": "P-256", "EdDSA": "Ed25519", "Ed25519": "Ed25519"}
Jwk = Mapping[str, Any]


@dataclass(frozen=True)
class _Published:
    """What a ``jwks_uri`` answered, or that it did not (no keys)."""

    uri: str
    fetched_at: datetime
    keys: tuple[dict[str, Any], ...] = field(repr=False)


class PublishedKeys:
    """Each process's copy of the key sets that clients publish. Thread-safe; part ``client_keys`` of the provider."""

    def __init__(self, outbound: OutboundClient, most_waiting: int = 8) -> None:
        self._outbound = outbound
        self._waiting_places = threading.BoundedSemaphore(most_waiting)
        self._known: dict[str, _Published] = {}
        self._under_way: dict[str, threading.Event] = {}  # one fetch at a time for a client; who else needs it waits
        self._lock = threading.Lock()

    def of(self, client: Client, now: datetime, *, is_good: Callable[[Jwk], bool]) -> tuple[dict[str, Any], ...]:
        """The keys of a client that ``is_good`` accepts; the set is fetched anew where none does. That a set is not to
        be had is known for a minute as well: only then is it tried, and waited for, again."""
        uri = client.jwks_uri
        if uri is None:
            return ()
        known = self._known.get(client.client_id)
        if known is None or known.uri != uri:
            return _good(self._fetched(client, uri, now), is_good)
        found, age = _good(known.keys, is_good), now - known.fetched_at
        if (found and age < _FRESH_FOR) or age < _PAUSE:
            return found
        if found and client.client_id in self._under_way:
            return found  # somebody fetches the set already; nobody need wait for that
        try:
            return _good(self._fetched(client, uri, now), is_good)
        except OutboundBusy:
            if found:
                return found  # an hour old, and better than no answer
            raise

    def newer(self, client: Client, now: datetime, *, is_good: Callable[[Jwk], bool]) -> tuple[dict[str, Any], ...]:
        """The same for who has tried in vain what :meth:`of` gave: of the set fetched anew, unless it was fetched
        within the last minute."""
        known = self._known.get(client.client_id)
        if client.jwks_uri is None or known is None or known.uri != client.jwks_uri:
            return ()
        if now - known.fetched_at < _PAUSE:
            return _good(known.keys, is_good)  # perhaps somebody else has just fetched it
        return _good(self._fetched(client, known.uri, now), is_good)

    def forget(self, client_id: str) -> None:
        """The client has changed its registration."""
        with self._lock:
            self._known.pop(client_id, None)

    def _fetched(self, client: Client, uri: str, now: datetime) -> tuple[dict[str, Any], ...]:
        with self._lock:
            under_way = self._under_way.get(client.client_id)
            if under_way is None:
                mine = self._under_way[client.client_id] = threading.Event()
        if under_way is not None:
            self._wait(under_way)
            known = self._known.get(client.client_id)
            return known.keys if known is not None and known.uri == uri else ()
        try:
            return self._fetch(client, uri, now)
        finally:
            with self._lock:
                del self._under_way[client.client_id]
            mine.set()

    def _wait(self, under_way: threading.Event) -> None:
        if not self._waiting_places.acquire(blocking=False):
            raise OutboundBusy
        try:
            under_way.wait(_LONGEST_WAIT)
        finally:
            self._waiting_places.release()

    def _fetch(self, client: Client, uri: str, now: datetime) -> tuple[dict[str, Any], ...]:
        keys = _read(self._outbound, uri)
        with self._lock:
            known = self._known.get(client.client_id)
            if keys is None:  # not to be had now: what was known goes on counting
                keys = known.keys if known is not None and known.uri == uri else ()
            if known is None and len(self._known) >= _MOST_CLIENTS:
                self._known.pop(next(iter(self._known)))
            self._known[client.client_id] = _Published(uri, now, keys)
        return keys


def _good(keys: Iterable[dict[str, Any]], is_good: Callable[[Jwk], bool]) -> tuple[dict[str, Any], ...]:
    return tuple(key for key in keys if is_good(key))


def _read(outbound: OutboundClient, uri: str) -> tuple[dict[str, Any], ...] | None:
    try:
        answer = outbound.get(uri, {"Accept": "application/json"})
        document = json.loads(answer.body) if answer.is_success else None
    except (OutboundError, ValueError, RecursionError):
        return None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        return None
    parts = (public_part(key) for key in keys[:MAX_KEYS])
    return tuple(part for part in parts if part is not None)


def public_part(jwk: Any) -> dict[str, Any] | None:
    """What counts of a key that a client gave: the members we know. None for what is no public key in the first place
    (RFC 7517 §4, RFC 7518 §6)."""
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kty"), str) or jwk["kty"] == "oct" or PRIVATE & set(jwk):
        return None
    texts = {name: jwk[name] for name in _TEXTS if name in jwk}
    lists = {name: jwk[name] for name in _LISTS if name in jwk}
    items = [
        *texts.values(),
        *(item for value in lists.values() for item in (value if isinstance(value, list) else [0])),
    ]
    if not all(isinstance(item, str) and item.isprintable() for item in items):
        return None
    return texts | lists


def find_keys(context: Context, client: Client, header: Jwk) -> Iterator[Callable[[], Key]]:
    """The client's keys for a signature whose JOSE header is this, to be tried one after the other and imported when
    tried; calling one raises JoseError for an unusable key. Who tries all in vain and was told no ``kid`` may have met
    a new key: then those follow that the set has when it is fetched anew."""
    known = find_jwks(context, client, header, use="sig")
    yield from map(_to_import, known)
    published: PublishedKeys | None = context.provider.parts.get("client_keys")
    if published is not None and header.get("kid") is None:
        newer = published.newer(client, context.now, is_good=partial(fits, header=header, use="sig"))
        yield from (_to_import(jwk) for jwk in newer if jwk not in known)


def _to_import(jwk: Jwk) -> Callable[[], Key]:
    return partial(imported, json.dumps(jwk, sort_keys=True))


def find_jwks(context: Context, client: Client, header: Jwk, *, use: str) -> Sequence[dict[str, Any]]:
    """The client's keys that fit a JOSE header (``alg`` and, where given, ``kid``)."""

    def is_good(jwk: Jwk) -> bool:
        return fits(jwk, header, use=use)

    return matching(context, client, is_good)


def matching(context: Context, client: Client, is_good: Callable[[Jwk], bool]) -> Sequence[dict[str, Any]]:
    """The client's keys that are good for something; published ones are fetched anew where none is."""
    by_value = [jwk for jwk in client.jwks[:MAX_KEYS] if is_good(jwk)]
    published: PublishedKeys | None = context.provider.parts.get("client_keys")
    if by_value or published is None:
        return by_value
    return published.of(client, context.now, is_good=is_good)


def fits(jwk: Jwk, header: Jwk, *, use: str) -> bool:
    """Whether a key may have been used under this header (RFC 7517 §4): id, type, algorithm and use agree."""
    kid, alg = header.get("kid"), header.get("alg")
    return (
        isinstance(alg, str)
        and (kid is None or jwk.get("kid") == kid)
        and jwk.get("kty") == _KEY_TYPES.get(alg, "")
        and (alg not in _CURVES or jwk.get("crv") == _CURVES[alg])
        and is_same_algorithm(jwk.get("alg", alg), alg)
        and jwk.get("use", use) == use
    )


@lru_cache(maxsize=1024)
def imported(text: str) -> Key:
    """The key of :func:`public_key`, kept: importing one costs more than verifying with it."""
    return public_key(text)


def public_key(text: str) -> Key:
    """A public key from its JWK as text. Raises TokenRefused for an unusable key: a private or malformed one, or RSA
    below 2048 or above 4096 bits."""
    jwk = json.loads(text)
    if not isinstance(jwk, dict) or "d" in jwk:
        raise TokenRefused("no public key")
    jwk.pop("alg", None)  # judged by `fits`; the library would insist on one of its two names for EdDSA
    try:
        if jwk["kty"] == "RSA" and not rsa.LEAST_BITS <= rsa.modulus_bits(jwk) <= rsa.MOST_BITS:
            raise TokenRefused("key size")
        return import_key(jwk)  # type: ignore[return-value]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise TokenRefused("malformed key") from error
