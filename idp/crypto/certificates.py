"""Certificates of clients (X.509): read, and judged by their authorities, their dates and the strength of their keys.

RFC 5280 §6 (path validation) is cryptography's; extensions that many an organisation's own authority leaves out (names,
key identifiers, an authority's key usage) may be missing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

Certificate = x509.Certificate
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*")
_LEAST_RSA, _LEAST_EC = 2048, 224  # bits (FAPI 2.0 Security Profile §5.4.1)


class CertificateUnreadable(ValueError):
    """This is no certificate."""


def der_of(pem: str) -> bytes:
    """The one certificate of a PEM text, byte for byte as it was issued. Raises CertificateUnreadable."""
    found = _PEM.fullmatch(pem)
    if found is None:
        raise CertificateUnreadable("no PEM")
    try:
        der = base64.b64decode("".join(found[1].split()), validate=True)
    except ValueError as error:
        raise CertificateUnreadable("no base64") from error
    load(der)
    return der


def load(der: bytes) -> Certificate:
    """Raises CertificateUnreadable."""
    try:
        return x509.load_der_x509_certificate(der)
    except (ValueError, x509.InvalidVersion) as error:
        raise CertificateUnreadable("no certificate") from error


def is_timely(certificate: Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def strong_key(certificate: Certificate) -> PublicKey | None:
    """Its public key; None for a kind that we do not know, or a weak one."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    if isinstance(key, rsa.RSAPublicKey):
        return key if key.key_size >= _LEAST_RSA else None
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key if key.key_size >= _LEAST_EC else None
    return key if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey) else None


class Authorities:
    """Who may issue certificates to clients. Each is trusted by itself, an intermediate one without its superior."""

    def __init__(self, certificates: Iterable[Certificate] = ()) -> None:
        known = list(certificates)
        self._store = Store(known) if known else None

    @classmethod
    def of_bundle(cls, path: str) -> Authorities:
        """Those of a PEM file. Raises OSError or ValueError."""
        return cls(x509.load_pem_x509_certificates(Path(path).read_bytes()))

    def vouch_for(self, certificate: Certificate, now: datetime) -> bool:
        """Whether one of them, itself valid now, issued this valid certificate, and for clients where it says so."""
        if self._store is None:
            return False
        rules = PolicyBuilder().store(self._store).time(now).extension_policies(ca_policy=_ISSUERS, ee_policy=_CLIENTS)
        try:
            rules.build_client_verifier().verify(certificate, [])
        except (VerificationError, ValueError, UnsupportedAlgorithm):
            return False
        return True


def _check_key_usage(_policy: Policy, _certificate: Certificate, usage: x509.KeyUsage | None) -> None:
    """RFC 5280 §6.1.4 (n)."""
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("this key signs no certificates")


_CLIENTS = (
    ExtensionPolicy.webpki_defaults_ee()
    .may_be_present(x509.SubjectAlternativeName, Criticality.AGNOSTIC, None)
    .may_be_present(x509.AuthorityKeyIdentifier, Criticality.AGNOSTIC, None)
)
_ISSUERS = (
    ExtensionPolicy.webpki_defaults_ca()
    .may_be_present(x509.SubjectKeyIdentifier, Criticality.AGNOSTIC, None)
    .may_be_present(x509.AuthorityKeyIdentifier, Criticality.AGNOSTIC, None)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _check_key_usage)
)
