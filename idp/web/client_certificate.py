"""The certificate a caller proved itself by in TLS, as the proxy that ended TLS passes it on.

RFC 8705 §2 leaves open how it reaches us: in ``X-Client-Certificate``, the PEM text with URL escapes (nginx:
``$ssl_client_escaped_cert``). Believed of configured proxies only (:mod:`idp.web.proxy`), and only for requests to the
host where callers are asked for one.
"""

from __future__ import annotations

from urllib.parse import unquote

from flask import request

from idp.crypto import certificates
from idp.web import hosts, proxy
from idp.web.guard import Malformed

MAX_LENGTH = 32 * 1024  # characters, escapes included


def presented() -> bytes | None:
    """The certificate of the request at hand in DER, None without one. Raises Malformed (400)."""
    escaped = request.environ.get(proxy.CERTIFICATE)
    if escaped is None or not hosts.is_certificate_host():
        return None
    try:
        return read(escaped)
    except ValueError:
        raise Malformed("The certificate cannot be read.") from None


def read(escaped: str) -> bytes:
    """The header's value in DER. Raises ValueError."""
    if len(escaped) > MAX_LENGTH:
        raise ValueError("too long")
    return certificates.der_of(unquote(escaped, errors="strict"))
