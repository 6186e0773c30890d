"""Judging what the browser brought back from the authorization endpoint, before anything in it is believed.

RFC 6749 §4.1.2 and §10.12 (state), RFC 9207 §2.4 (iss), OpenID Connect Core §3.1.2.6 (errors).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime

from clients.kit.errors import LoginRefused, ResponseInvalid
from clients.kit.pending_login import PendingLogin
from clients.kit.provider import Provider
from clients.kit.token_endpoint import error_code


def check_response(params: Mapping[str, str], pending: PendingLogin, provider: Provider, now: datetime) -> str:
    """Age, state, issuer, error, code, in this order. Gives the code; raises ResponseInvalid or LoginRefused."""
    if pending.has_expired(now):
        raise ResponseInvalid("the login took too long")
    if not hmac.compare_digest(params.get("state", "").encode(), pending.state.encode()):
        raise ResponseInvalid("state is not the one this browser was given")
    check_issuer(params.get("iss"), provider)
    if "error" in params:
        raise LoginRefused(error_code(params["error"]) or "server_error", params.get("error_description"))
    if not params.get("code"):
        raise ResponseInvalid("no code")
    return params["code"]


def check_issuer(issuer: str | None, provider: Provider) -> None:
    # RFC 9207 §2.4: compare when present; refuse its absence when the provider says it always sends it.
    if issuer is None:
        if provider.metadata().get("authorization_response_iss_parameter_supported") is True:
            raise ResponseInvalid("iss is missing")
    elif issuer != provider.issuer:
        raise ResponseInvalid("iss is another provider")
