"""The one subject by which a client's certificate is known, as registered and as the certificate says it.

RFC 8705 §2.1.2: exactly one of five metadata members. RFC 4514 §3 (the text of a distinguished name), RFC 5280 §7.1
(comparing names: neither case nor runs of spaces count), §7.2 (DNS names), §7.5 (mail addresses).
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

from idp.crypto.certificates import Certificate


@dataclass(frozen=True)
class Subject:
    """One way of naming a subject: ``read`` makes the registered text comparable (ValueError: it is none), ``of`` gives
    what a certificate says, comparable alike."""

    read: Callable[[str], Any]
    of: Callable[[Certificate], Collection[Any]]


def names_subject(certificate: Certificate, metadata: Mapping[str, Any]) -> bool:
    """Whether the certificate is of the subject in a client's metadata. Several subjects there are as good as none."""
    registered = [member for member in SUBJECTS if metadata.get(member)]
    if len(registered) != 1:
        return False
    subject = SUBJECTS[registered[0]]
    try:
        return subject.read(metadata[registered[0]]) in subject.of(certificate)
    except (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return False


# --- distinguished names --------------------------------------------------------------------------------------------


class _AttributeNames(dict[str, ObjectIdentifier]):
    """Names of attribute types beyond the nine of RFC 4514 §3, and all of them in any case (§2.3)."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.upper(), default)


_ATTRIBUTE_NAMES = _AttributeNames(
    {
        "CN": NameOID.COMMON_NAME,
        "L": NameOID.LOCALITY_NAME,
        "ST": NameOID.STATE_OR_PROVINCE_NAME,
        "S": NameOID.STATE_OR_PROVINCE_NAME,
        "O": NameOID.ORGANIZATION_NAME,
        "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
        "C": NameOID.COUNTRY_NAME,
        "STREET": NameOID.STREET_ADDRESS,
        "DC": NameOID.DOMAIN_COMPONENT,
        "UID": NameOID.USER_ID,
        "EMAILADDRESS": NameOID.EMAIL_ADDRESS,
        "E": NameOID.EMAIL_ADDRESS,
        "SERIALNUMBER": NameOID.SERIAL_NUMBER,
        "SN": NameOID.SURNAME,
        "SURNAME": NameOID.SURNAME,
        "GN": NameOID.GIVEN_NAME,
        "GIVENNAME": NameOID.GIVEN_NAME,
        "TITLE": NameOID.TITLE,
        "T": NameOID.TITLE,
        "ORGANIZATIONIDENTIFIER": NameOID.ORGANIZATION_IDENTIFIER,
        "BUSINESSCATEGORY": NameOID.BUSINESS_CATEGORY,
        "JURISDICTIONC": NameOID.JURISDICTION_COUNTRY_NAME,
        "JURISDICTIONST": NameOID.JURISDICTION_STATE_OR_PROVINCE_NAME,
        "JURISDICTIONL": NameOID.JURISDICTION_LOCALITY_NAME,
    }
)
_STRING_TAGS = b"\x0c\x13\x14\x16"  # UTF8String, PrintableString, TeletexString, IA5String


def _read_name(text: str) -> list[frozenset[tuple[str, str]]]:
    name = x509.Name.from_rfc4514_string(text, _ATTRIBUTE_NAMES)
    if not name.rdns:
        raise ValueError("an empty name is nobody's")
    return _comparable_name(name, _value_of_hex)


def _names(certificate: Certificate) -> list[list[frozenset[tuple[str, str]]]]:
    return [_comparable_name(certificate.subject, str)]


def _comparable_name(name: x509.Name, value_of: Callable[[Any], str]) -> list[frozenset[tuple[str, str]]]:
    return [frozenset((part.oid.dotted_string, _comparable(value_of(part.value))) for part in rdn) for rdn in name.rdns]


def _comparable(value: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


def _value_of_hex(value: str) -> str:
    """RFC 4514 §2.4: ``#`` and hexadecimal digits are a value in BER, of which cryptography leaves tag and length."""
    raw = value.encode()
    is_encoded = len(raw) > 2 and raw[0] in _STRING_TAGS and raw[1] == len(raw) - 2
    return raw[2:].decode() if is_encoded else value


# --- alternative names ----------------------------------------------------------------------------------------------

_DNS_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")


def _read_dns(text: str) -> str:
    name = text.lower()
    if not _DNS_NAME.fullmatch(name):
        raise ValueError("no DNS name")
    return name


def _read_uri(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+", text):
        raise ValueError("no URI")
    return text


def _read_mail(text: str) -> str:
    mailbox, at, host = text.rpartition("@")
    if not mailbox or not at or not host:
        raise ValueError("no mail address")
    return f"{mailbox}@{host.lower()}"


def _unchanged(value: Any) -> Any:
    return value


def _alternatives(kind: Any, comparable: Callable[[Any], Any] = _unchanged) -> Callable[[Certificate], list[Any]]:
    def of(certificate: Certificate) -> list[Any]:
        try:
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return []
        return [comparable(value) for value in names.get_values_for_type(kind)]

    return of


SUBJECTS: Mapping[str, Subject] = {
    "tls_client_auth_subject_dn": Subject(_read_name, _names),
    "tls_client_auth_san_dns": Subject(_read_dns, _alternatives(x509.DNSName, str.lower)),
    "tls_client_auth_san_uri": Subject(_read_uri, _alternatives(x509.UniformResourceIdentifier)),
    "tls_client_auth_san_ip": Subject(ipaddress.ip_address, _alternatives(x509.IPAddress)),
    "tls_client_auth_san_email": Subject(_read_mail, _alternatives(x509.RFC822Name, _read_mail)),
}
