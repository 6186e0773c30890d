"""Openings: test-only relaxations of one client. None counts unless the deployment allows openings at all."""

from __future__ import annotations

from enum import StrEnum


class Opening(StrEnum):
    """The names that a client's metadata member ``openings`` may hold."""

    REQUEST_WITHOUT_PKCE = "request_without_pkce"  # for a confidential client
    UNSIGNED_ID_TOKEN = "unsigned_id_token"  # noqa: S105  # alg none, in the code flow only (OpenID Connect Core §2)
    UNSIGNED_REQUEST_OBJECT = "unsigned_request_object"  # alg none, by value and by reference
    ASSERTION_AUDIENCE_TOKEN_ENDPOINT = "assertion_audience_token_endpoint"  # noqa: S105  # and not our issuer alone
