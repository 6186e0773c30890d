"""Input rules of the back-channel endpoints: one form, each parameter once, no secret in a URL.

RFC 6749 §3.2 (no parameter twice, none without a value), §2.3.1 and RFC 9700 §4.3.2 (no credentials in a query).
"""

from __future__ import annotations

from idp.protocol.errors import invalid_request
from idp.protocol.messages import CoreRequest

_FORM = "application/x-www-form-urlencoded"
_NEVER_IN_A_URL = frozenset(
    {"access_token", "client_assertion", "client_secret", "code", "code_verifier", "refresh_token", "token"}
)


def check_form(request: CoreRequest) -> None:
    """Raises invalid_request unless the request is one clean form."""
    if request.message.query and not _NEVER_IN_A_URL.isdisjoint(name for name, _ in request.message.query):
        raise invalid_request("Secrets and tokens are not taken from the query.")
    content_type = request.headers.get("Content-Type", _FORM)
    if content_type.partition(";")[0].strip().lower() != _FORM:
        raise invalid_request("The request body is not a form.")
    for name, values in request.payload.datalist.items():
        if len(values) > 1 and name != "resource":  # RFC 8707 §2
            known = name if name.replace("_", "").isalnum() and name.isascii() else None
            raise invalid_request("A parameter is given twice.", known)


def find(request: CoreRequest, name: str) -> str | None:
    """A parameter's value; one without a value counts as left out (RFC 6749 §3.2)."""
    return request.form.get(name) or None


def get(request: CoreRequest, name: str) -> str:
    """A parameter that must be there. Raises invalid_request."""
    value = find(request, name)
    if value is None:
        raise invalid_request(f"{name} is missing.", name)
    return value
