"""Mutual TLS: what a client's certificate is worth to us.

RFC 8705 §3.1 (the thumbprint that binds a token to a certificate).
"""

from __future__ import annotations

import base64
import hashlib


def thumbprint(certificate: bytes) -> str:
    """``x5t#S256`` of a certificate in DER: what ``cnf`` of a token bound to it says."""
    return base64.urlsafe_b64encode(hashlib.sha256(certificate).digest()).rstrip(b"=").decode()
