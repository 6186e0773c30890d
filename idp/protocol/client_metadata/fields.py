"""The table of fields: name, type, error, whether it may carry a language tag, and whether only an operator sets it.

RFC 7591 §2 and §2.2, OpenID Connect Registration §2, RFC 8705 §2.1.2 and §3.4, RFC 9101 §10.5, RFC 9126 §6, RFC 9449
§5.2, RFC 9701 §6, JWT Secured Authorization Response Mode (JARM) §3, OpenID Connect RP-Initiated Logout §3.1,
Back-Channel Logout §2.2, Front-Channel Logout §2, OpenID Connect Core §4 (initiate_login_uri).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from idp.crypto.jose import ALGORITHMS, SECRET_ALGORITHM
from idp.crypto.jwe import CONTENT_ALGORITHMS, KEY_ALGORITHMS
from idp.domain.assurance import LEVELS
from idp.domain.opening import Opening
from idp.domain.profile import ANY_METHOD, CODE_ONLY, FRONT_CHANNEL, PROFILES
from idp.protocol.certificate_subjects import SUBJECTS
from idp.protocol.client_metadata.jwks import key_set
from idp.protocol.client_metadata.policy import Policy
from idp.protocol.client_metadata.uris import uri, web_page
from idp.protocol.client_metadata.values import (
    Read,
    Wrong,
    flag,
    list_of,
    number,
    one_of,
    response_type,
    scope,
    subject_of_certificate,
    text,
)
from idp.protocol.errors import ProtocolError

MOST_URIS = 50
_MOST_MEMBERS = 200
_FEW = 20
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,7}")  # RFC 5646 §2.1, well-formed
_GRANT_TYPES = ("authorization_code", "implicit", "refresh_token", "client_credentials")
# Ours keep the older name of EdDSA, under which our keys stand; a client may sign under either.
_OUR_ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
_OUR_SIGNATURES = one_of(_OUR_ALGORITHMS)


@dataclass(frozen=True)
class Field:
    read: Read
    error: str = "invalid_client_metadata"
    is_localized: bool = False


def _encryption(answer: str) -> dict[str, Field]:
    return {
        f"{answer}_encrypted_response_alg": Field(one_of(KEY_ALGORITHMS)),
        f"{answer}_encrypted_response_enc": Field(one_of(CONTENT_ALGORITHMS)),
    }


FIELDS: Mapping[str, Field] = {
    # who it is, for people
    "client_name": Field(text(), is_localized=True),
    "client_uri": Field(web_page, is_localized=True),
    "logo_uri": Field(web_page, is_localized=True),
    "policy_uri": Field(web_page, is_localized=True),
    "tos_uri": Field(web_page, is_localized=True),
    "contacts": Field(list_of(text(), _FEW)),
    "software_id": Field(text()),
    "software_version": Field(text()),
    "software_statement": Field(text(16_384), error="invalid_software_statement"),
    # what it may ask for
    "application_type": Field(one_of(("web", "native"))),
    "redirect_uris": Field(list_of(uri, MOST_URIS), error="invalid_redirect_uri"),
    "response_types": Field(list_of(response_type(CODE_ONLY | FRONT_CHANNEL), _FEW)),
    "grant_types": Field(list_of(one_of(_GRANT_TYPES), _FEW, least=1)),
    "scope": Field(scope),
    "default_max_age": Field(number(0)),
    "require_auth_time": Field(flag),
    "default_acr_values": Field(list_of(text(), _FEW)),
    "initiate_login_uri": Field(uri),
    # how it proves itself
    "token_endpoint_auth_method": Field(one_of(sorted(ANY_METHOD))),
    "token_endpoint_auth_signing_alg": Field(one_of((*ALGORITHMS, SECRET_ALGORITHM))),
    "jwks": Field(key_set),
    "jwks_uri": Field(uri),
    **{member: Field(subject_of_certificate(member)) for member in SUBJECTS},
    "tls_client_certificate_bound_access_tokens": Field(flag),
    "dpop_bound_access_tokens": Field(flag),
    # its requests
    "require_pushed_authorization_requests": Field(flag),
    "require_signed_request_object": Field(flag),
    "request_uris": Field(list_of(uri, MOST_URIS)),
    "request_object_signing_alg": Field(one_of((*ALGORITHMS, "none"))),
    "request_object_encryption_alg": Field(one_of(KEY_ALGORITHMS)),
    "request_object_encryption_enc": Field(one_of(CONTENT_ALGORITHMS)),
    # our answers
    "subject_type": Field(one_of(("public", "pairwise"))),
    "sector_identifier_uri": Field(uri),
    "id_token_signed_response_alg": Field(one_of((*_OUR_ALGORITHMS, "none"))),
    **_encryption("id_token"),
    "userinfo_signed_response_alg": Field(_OUR_SIGNATURES),
    **_encryption("userinfo"),
    "authorization_signed_response_alg": Field(_OUR_SIGNATURES),
    "authorization_encrypted_response_alg": Field(one_of(KEY_ALGORITHMS)),
    "authorization_encrypted_response_enc": Field(one_of(CONTENT_ALGORITHMS)),
    "introspection_signed_response_alg": Field(_OUR_SIGNATURES),
    **_encryption("introspection"),
    # logout
    "post_logout_redirect_uris": Field(list_of(uri, MOST_URIS)),
    "backchannel_logout_uri": Field(uri),
    "backchannel_logout_session_required": Field(flag),
    "frontchannel_logout_uri": Field(uri),
    "frontchannel_logout_session_required": Field(flag),
    # ours
    "profile": Field(one_of(PROFILES)),
    "openings": Field(list_of(one_of(tuple(Opening)), _FEW)),
    "minimum_level": Field(number(min(LEVELS), max(LEVELS))),
    "resource_identifier": Field(uri),
    "access_token_lifetime": Field(number(1)),
    "id_token_lifetime": Field(number(1)),
    "refresh_idle_lifetime": Field(number(1)),
    "refresh_absolute_lifetime": Field(number(1)),
}
OPERATORS_FIELDS = frozenset({"resource_identifier"})
"""Nobody registers these for themselves."""


def refused(name: str, wrong: str) -> ProtocolError:
    """The error of a field whose value is not taken; ``name`` is one of ours."""
    return ProtocolError(FIELDS[name].error, f"{name} {wrong}", parameter=name)


def read_fields(document: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    """Every known field that has a value, checked by itself; null is no value (RFC 7592 §2.2)."""
    if len(document) > _MOST_MEMBERS:
        raise ProtocolError("invalid_client_metadata", "The document has too many members.")
    return dict(_fields(document, policy))


def _fields(document: Mapping[str, Any], policy: Policy) -> Iterator[tuple[str, Any]]:
    for full_name, value in document.items():
        name, tagged, tag = full_name.partition("#")
        field = FIELDS.get(name)
        if field is None or (tagged and not field.is_localized) or (name in OPERATORS_FIELDS and policy.is_registrant):
            if not policy.is_registrant:
                raise ProtocolError("invalid_client_metadata", "A member is not known here.", parameter=full_name)
            continue
        if tagged and _LANGUAGE_TAG.fullmatch(tag) is None:
            raise refused(name, "has a language tag that is none.")
        if value is not None:
            try:
                yield full_name, field.read(value)
            except Wrong as wrong:
                raise refused(name, str(wrong)) from wrong
