"""A client's metadata: every field this provider knows, in one place, with its type, values, defaults and error.

RFC 7591 §2 (fields, language tags), §3.2.2 (errors), OpenID Connect Registration §2 and §3.3. Registration, import and
the command line all judge a client here. :func:`validate` is pure: what takes a look at other addresses
(``sector_identifier_uri``, ``logo_uri``) is :mod:`idp.protocol.registration`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.config import Settings
from idp.protocol.client_metadata.fields import FIELDS, OPERATORS_FIELDS, read_fields
from idp.protocol.client_metadata.policy import OPERATOR, Policy, apply_policy
from idp.protocol.client_metadata.profile_check import profile_findings
from idp.protocol.client_metadata.rules import check_rules, with_defaults

__all__ = ["FIELDS", "OPERATOR", "OPERATORS_FIELDS", "Policy", "check_profile", "validate"]


def validate(settings: Settings, document: Mapping[str, Any], *, policy: Policy) -> dict[str, Any]:
    """The metadata to store, defaults included. Raises ProtocolError with the registration error that applies.

    A registrant's unknown fields are left out (RFC 7591 §2); an operator's are refused.
    """
    metadata = read_fields(document, policy)
    metadata = apply_policy(settings, metadata, policy)
    metadata = with_defaults(settings, metadata, policy)
    check_rules(settings, metadata, policy)
    for finding in profile_findings(metadata):
        raise finding
    return {name: metadata[name] for name in sorted(metadata)}


def check_profile(settings: Settings, metadata: Mapping[str, Any]) -> list[str]:
    """What keeps stored metadata from the requirements of the client's profile, a sentence each; empty: nothing."""
    return [str(finding.description) for finding in profile_findings(metadata)]
