"""The authorization endpoint's checks: one ordered tuple; the order is the meaning.

RFC 6749 §3.1, §4.1.1, OpenID Connect Core §3.1.2.2. The client comes first, then its redirect URI: until both are right
nothing is ever redirected; from then on every error is the client's to hear, by the way the request asked for.
"""

from __future__ import annotations

from typing import Any

from idp.config import Settings
from idp.context import Context
from idp.domain.assurance import LEVELS, acr_of
from idp.domain.origin import PLAIN, Origin
from idp.protocol.authorization_request import AuthorizationRequest, Check
from idp.protocol.checks.acr_values import check_acr_values
from idp.protocol.checks.characters import check_characters, check_repetition
from idp.protocol.checks.claims import check_claims
from idp.protocol.checks.client import check_client_id
from idp.protocol.checks.display import DISPLAYS, check_display
from idp.protocol.checks.dpop_jkt import check_dpop_jkt
from idp.protocol.checks.id_token_hint import check_id_token_hint
from idp.protocol.checks.idp_hint import check_idp_hint
from idp.protocol.checks.login_hint import check_login_hint
from idp.protocol.checks.max_age import check_max_age
from idp.protocol.checks.nonce import check_nonce
from idp.protocol.checks.pkce import METHOD, check_pkce
from idp.protocol.checks.profile import check_profile
from idp.protocol.checks.prompt import PROMPTS, check_prompt
from idp.protocol.checks.redirect_uri import check_redirect_uri
from idp.protocol.checks.registration import check_registration
from idp.protocol.checks.resource import check_resource
from idp.protocol.checks.response_mode import check_response_mode
from idp.protocol.checks.response_type import check_response_type
from idp.protocol.checks.scope import check_scope
from idp.protocol.checks.state import check_state
from idp.protocol.checks.ui_locales import check_ui_locales
from idp.protocol.errors import ProtocolError
from idp.protocol.messages import Pairs
from idp.protocol.resolution import resolve
from idp.protocol.response_types import GRANT_TYPES, RESPONSE_TYPES
from idp.protocol.responses import RESPONSE_MODES

__all__ = ["AUTHORIZE_CHECKS", "PATH", "AuthorizationRequest", "check_authorization_request", "server_metadata"]

PATH = "/authorize"

AUTHORIZE_CHECKS: tuple[Check, ...] = (
    check_client_id,  # whom to answer
    check_redirect_uri,  # and where; every error from here on goes there
    check_characters,
    check_repetition,
    check_profile,  # whether it came as it must
    check_response_mode,
    check_registration,
    check_response_type,
    check_state,
    check_scope,
    check_nonce,
    check_pkce,
    check_dpop_jkt,
    check_prompt,
    check_max_age,
    check_display,
    check_login_hint,
    check_id_token_hint,
    check_ui_locales,
    check_claims,
    check_acr_values,  # an essential acr stands in the claims parameter
    check_resource,
    check_idp_hint,
)


def check_authorization_request(
    context: Context, parameters: Pairs, origin: Origin | None = None
) -> AuthorizationRequest:
    """Walk the checks once. ``origin`` says how parameters came that are settled; without it, those that count are
    found first. Raises ProtocolError, whose ``target`` says where the error may be sent."""
    request = AuthorizationRequest(parameters, origin or PLAIN)
    try:
        if origin is None:
            resolve(request, context)
        for check in AUTHORIZE_CHECKS:
            check(request, context)
    except ProtocolError as error:
        error.target = request.target
        raise
    return request


def server_metadata(settings: Settings) -> dict[str, Any]:
    """What discovery says of this endpoint (OpenID Connect Discovery §3, RFC 8414 §2, RFC 9207 §3)."""
    return {
        "authorization_endpoint": settings.issuer + PATH,
        "response_types_supported": sorted(RESPONSE_TYPES),
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": list(GRANT_TYPES),
        "code_challenge_methods_supported": [METHOD],
        "prompt_values_supported": list(PROMPTS),
        "display_values_supported": list(DISPLAYS),
        "acr_values_supported": [acr_of(level) for level in LEVELS],
        "ui_locales_supported": ["zh-CN" if locale == "zh" else locale for locale in settings.locales],
        "claims_parameter_supported": True,
        "authorization_response_iss_parameter_supported": True,
    }
