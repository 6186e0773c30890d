"""Access tokens bound to a certificate: taken only from whoever proves to hold it, which the TLS handshake has shown.

RFC 8705 §3 (the resource server compares the certificate of the request with the token's), §3.1 (its thumbprint in
``cnf``). A proxy that ends TLS passes the certificate on in ``X-Client-Certificate``, the PEM text with URL escapes
(nginx: ``$ssl_client_escaped_cert``); anybody can write such a header, so it counts from the proxies named only.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import unquote

from clients.kit.errors import AccessDenied, TokenInvalid

HEADER = "X-Client-Certificate"
THUMBPRINT = "x5t#S256"
MAX_LENGTH = 32 * 1024  # characters, escapes included
_UNIX_SOCKET = "unix"
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*")


class ForwardedCertificates:
    """Believes the ``proxies``, addresses or networks, ``unix`` for whoever reaches a socket in the file system.

    Each must overwrite the header in every request, and be the peer of the connection: what rewrites ``REMOTE_ADDR``
    stands further in. Raises ValueError for what is no address. Thread-safe.
    """

    def __init__(self, proxies: Iterable[str] = ()) -> None:
        named = tuple(proxies)
        self._is_socket_one = _UNIX_SOCKET in named
        self._networks = [ipaddress.ip_network(proxy) for proxy in named if proxy != _UNIX_SOCKET]

    def read(self, peer: str, header: str | None) -> bytes | None:
        """The certificate of a request, in DER; None where there is none, or nobody's word for it.

        Raises AccessDenied (400) for a proxy's header that cannot be read.
        """
        if not header or not self._is_proxy(peer):
            return None
        try:
            return _der_of(header)
        except ValueError as error:
            raise AccessDenied("invalid_request", "The client certificate cannot be read", status=400) from error

    def _is_proxy(self, peer: str) -> bool:
        if not peer:
            return self._is_socket_one  # WSGI servers give a peer without an address an empty one
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        known = getattr(address, "ipv4_mapped", None) or address  # as a socket for both versions writes it down
        return any(known in network for network in self._networks)


def thumbprint(certificate: bytes) -> str:
    """``x5t#S256`` of a certificate in DER."""
    return base64.urlsafe_b64encode(hashlib.sha256(certificate).digest()).rstrip(b"=").decode()


def check(expected: object, certificate: bytes | None) -> None:
    """The certificate of the request is the one a token is bound to. Raises TokenInvalid."""
    if certificate is None:
        raise TokenInvalid("cnf", "bound to a certificate, presented without one")
    if expected != thumbprint(certificate):
        raise TokenInvalid("cnf", "bound to another certificate")


def _der_of(escaped: str) -> bytes:
    """Raises ValueError unless it is exactly one certificate in PEM."""
    if len(escaped) > MAX_LENGTH:
        raise ValueError("too long")
    found = _PEM.fullmatch(unquote(escaped, errors="strict"))
    if found is None:
        raise ValueError("no PEM")
    return base64.b64decode("".join(found[1].split()), validate=True)
