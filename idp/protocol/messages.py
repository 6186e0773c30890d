"""What travels between the web layer and the protocol: a request, a reply, and the form Authlib wants them in.

RFC 6749 §3.1, §3.2: a GET speaks in its query, a POST in its form; the two are never mixed. The URL is built from the
configured addresses, never from the Host header.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request

from idp.domain.origin import Origin

Pairs = tuple[tuple[str, str], ...]
JSON_HEADERS = [("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("Pragma", "no-cache")]
"""Of every back-channel answer (RFC 6749 §5.1)."""


@dataclass(frozen=True)
class Request:
    """An HTTP request as the protocol sees it. ``query`` and ``form`` keep order and repetitions."""

    method: str
    url: str  # configured issuer (or mtls_url, where it came there) + path
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # names in Title-Case
    query: Pairs = field(default=(), repr=False)
    form: Pairs = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)  # as it came; for documents that are no form
    client_certificate: bytes | None = field(default=None, repr=False)
    """The certificate the caller proved itself by in TLS (DER), as a configured proxy says."""
    origin: Origin | None = None
    """How an authorization request came whose parameters are settled already; None: it has just come, as it stands."""

    @property
    def parameters(self) -> Pairs:
        """What the request says: its form when it is a POST, else its query."""
        return self.form if self.method == "POST" else self.query


@dataclass(frozen=True)
class FormPost:
    """An answer the browser carries to ``action`` by submitting a form (OAuth 2.0 Form Post Response Mode §2)."""

    action: str
    fields: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Reply:
    """What the web layer turns into an HTTP response: a mapping becomes JSON, a FormPost its page."""

    status: int
    body: Mapping[str, Any] | str | FormPost = field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


class Payload(OAuth2Payload):
    """Parameters as Authlib reads them: ``data`` has the first value of each name, ``datalist`` all. A parameter
    without a value counts as omitted (RFC 6749 §3.1, §3.2)."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._lists: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in pairs:
            if value:
                self._lists[name].append(value)
        self._first = {name: values[0] for name, values in self._lists.items()}

    @property
    def data(self) -> dict[str, str]:
        return self._first

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return self._lists


class CoreRequest(OAuth2Request):
    """Our Request in the shape Authlib's server and grants take. ``authorization`` is what the checks made of an
    authorization request, ``confirmation`` what tokens issued for the request are bound to (RFC 7800 §3.1)."""

    payload: Payload  # type: ignore[assignment]  # Authlib starts with None
    client: Any  # set by client authentication or by the checks
    auth_method: Any

    def __init__(self, request: Request) -> None:
        # Not Authlib's __init__: it parses the URL of every request to refuse plain http. Ours is the configured
        # issuer's, whatever the proxy spoke.
        self.method, self.uri, self.headers = request.method, request.url, request.headers
        self.client = self.auth_method = self.user = self.authorization_code = self.refresh_token = None
        self.credential = self._scope = self._body = None
        self.message = request
        self.payload = Payload(request.parameters)
        self.authorization: Any = None
        self.confirmation: dict[str, str] | None = None

    @property
    def form(self) -> dict[str, str]:
        return self.payload.data

    @property
    def args(self) -> dict[str, str]:
        return self.payload.data
