"""Keys, certificates and secrets of the test clients: made once, into a folder, and never committed."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from joserfc.jwk import ECKey, RSAKey

SECRETS = ("oidf-1", "oidf-2", "oidf-post", "oidf-logout", "oidf-frontchannel", "oidf-backchannel", "oidf-resource")
_SUBJECTS = {1: "oidf-client-1", 2: "oidf-client-2"}
_YEARS = timedelta(days=5 * 365)


@dataclass(frozen=True)
class Material:
    """``folder`` holds ``secrets/`` and ``keys/``."""

    folder: Path

    def make(self) -> None:
        """Make what is not there yet."""
        for name in ("secrets", "keys"):
            (self.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in (*SECRETS, "master-key", "initial-access-token"):
            self._once(f"secrets/{name}", lambda: secrets.token_urlsafe(32))
        self._once("secrets/password", lambda: f"Test-{secrets.token_urlsafe(15)}-only")
        self._make_keys()
        self._make_certificates()

    def secret(self, name: str) -> str:
        return self._read(f"secrets/{name}")

    def private_jwks(self, number: int) -> Any:
        return json.loads(self._read(f"keys/client-{number}.private.json"))

    def certificate(self, number: int) -> dict[str, str]:
        """A client's certificate as the suite wants it; the second client's vouches for itself."""
        found = {"cert": self._read(f"keys/client-{number}.pem"), "key": self._read(f"keys/client-{number}.key")}
        return found | ({"ca": self._read("keys/client-ca.pem")} if number == 1 else {})

    def _make_keys(self) -> None:
        """The first client signs by PS256, the second by ES256."""
        made = {1: (lambda: RSAKey.generate_key(2048), "PS256"), 2: (lambda: ECKey.generate_key("P-256"), "ES256")}
        for number, (generate, alg) in made.items():
            if (self.folder / f"keys/client-{number}.private.json").exists():
                continue
            key, names = generate(), {"kid": f"oidf-client-{number}", "alg": alg, "use": "sig"}
            self._once(f"keys/client-{number}.private.json", _jwks_of(dict(key.as_dict(private=True)) | names))
            self._once(f"keys/client-{number}.public.json", _jwks_of(dict(key.as_dict(private=False)) | names))

    def _make_certificates(self) -> None:
        if (self.folder / "keys/client-2-with-certificate.public.json").exists():
            return
        ca_key, ca_name = generate_private_key(65537, 3072), _name("oidf-client-ca")
        ca = _certificate(ca_name, ca_key, ca_name, ca_key, is_authority=True)
        self._once("keys/client-ca.pem", lambda: ca.public_bytes(Encoding.PEM).decode())
        for number, subject in _SUBJECTS.items():
            key, name = generate_private_key(65537, 2048), _name(subject)
            issuer, issuer_key = (ca_name, ca_key) if number == 1 else (name, key)
            certificate = _certificate(name, key, issuer, issuer_key)
            self._once(f"keys/client-{number}.pem", lambda made=certificate: made.public_bytes(Encoding.PEM).decode())
            self._once(f"keys/client-{number}.key", lambda made=key: _pem(made))
        self._write_registered(key, certificate)

    def _write_registered(self, key: RSAPrivateKey, certificate: x509.Certificate) -> None:
        """The second client's keys as registered: the one it signs with, and its certificate's (RFC 8705 §2.2.2)."""
        public = RSAKey.import_key(key.public_key()).as_dict(private=False)
        chain = [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()]
        of_certificate = dict(public) | {"kid": "oidf-client-2-certificate", "use": "sig", "x5c": chain}
        signing = json.loads(self._read("keys/client-2.public.json"))["keys"]
        self._once("keys/client-2-with-certificate.public.json", _jwks_of(*signing, of_certificate))

    def _once(self, name: str, make: Callable[[], str]) -> None:
        path = self.folder / name
        if not path.exists():
            write_private(path, make().rstrip("\n") + "\n")

    def _read(self, name: str) -> str:
        return (self.folder / name).read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _jwks_of(*keys: dict[str, Any]) -> Callable[[], str]:
    return lambda: json.dumps({"keys": keys}, indent=1)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _certificate(
    subject: x509.Name, key: RSAPrivateKey, issuer: x509.Name, issuer_key: RSAPrivateKey, *, is_authority: bool = False
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), now, now + _YEARS)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .sign(issuer_key, SHA256())
    )
