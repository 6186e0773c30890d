"""Certificates as authorities issue them: for servers, for clients, and wrong ones."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from joserfc.jwk import ECKey, RSAKey

CLIENTS, SERVERS = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
DAY = timedelta(days=1)
RFC_8705_EXAMPLE = """-----BEGIN CERTIFICATE-----
MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAx
ODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqG
SM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ
/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwID
SQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOV
bUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=
-----END CERTIFICATE-----
"""  # appendix A


def new_key(kind: str = "EC") -> PrivateKey:
    """EC (P-256), RSA, or RSA1024."""
    if kind == "EC":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, 1024 if kind == "RSA1024" else 2048)


@dataclass(frozen=True)
class Held:
    """A certificate with the private key of whoever holds it."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def header(self) -> dict[str, str]:
        """As nginx passes it on."""
        return {"X-Client-Certificate": quote(self.pem, safe="")}

    def jwk(self, kid: str = "tls", *, has_certificate: bool = True) -> dict[str, Any]:
        kinds: dict[type[Any], type[Any]] = {ec.EllipticCurvePrivateKey: ECKey, rsa.RSAPrivateKey: RSAKey}
        kind = next(made for given, made in kinds.items() if isinstance(self.key, given))
        public = dict(kind.import_key(self.key.public_key()).as_dict(private=False)) | {"kid": kid}
        return public | ({"x5c": [base64.b64encode(self.der).decode()]} if has_certificate else {})

    def write(self, folder: Path, name: str) -> tuple[str, str]:
        """Certificate and key as files, for programs that want paths."""
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_text(self.pem)
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        key.chmod(0o600)
        return str(certificate), str(key)


def self_signed(subject: str = "CN=client", key: PrivateKey | None = None, **options: Any) -> Held:
    """Nobody's word but its own."""
    own = key or new_key()
    return Held(_certificate(subject, own, x509.Name.from_rfc4514_string(subject), own, **options), own)


@dataclass(frozen=True)
class Authority:
    """Whoever issues certificates."""

    held: Held

    @classmethod
    def new(cls, name: str = "CN=Authority", *, by: Authority | None = None, **options: Any) -> Authority:
        """A root, or an intermediate one ``by`` another."""
        key, constraints = new_key(), (x509.BasicConstraints(ca=True, path_length=None), True)
        subject = x509.Name.from_rfc4514_string(name)
        issuer, signer = (by.held.certificate.subject, by.held.key) if by else (subject, key)
        return cls(Held(_certificate(name, key, issuer, signer, extensions=[constraints], **options), key))

    def issue(self, subject: str = "CN=client", *, key: PrivateKey | None = None, **options: Any) -> Held:
        own = key or new_key()
        return Held(_certificate(subject, own, self.held.certificate.subject, self.held.key, **options), own)

    @property
    def pem(self) -> str:
        return self.held.pem


def _certificate(
    subject: str | x509.Name,
    key: PrivateKey,
    issuer: x509.Name,
    signer: PrivateKey,
    *,
    names: Sequence[x509.GeneralName] = (),
    usages: Sequence[ObjectIdentifier] = (),
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    begins: timedelta = -DAY,
    ends: timedelta = DAY,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name.from_rfc4514_string(subject) if isinstance(subject, str) else subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, is_critical)
    return builder.sign(signer, SHA256())


def dns_names(*hosts: str) -> list[x509.GeneralName]:
    return [x509.DNSName(host) for host in hosts]
