"""``prompt``: whether and how the person is to be asked.

OpenID Connect Core §3.1.2.1 (none stands alone), Initiating User Registration via OpenID Connect 1.0 §4 (create).
"""

from __future__ import annotations

from idp.context import Context
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import invalid_request

PROMPTS = ("none", "login", "consent", "select_account", "create")


def check_prompt(request: AuthorizationRequest, context: Context) -> None:
    asked = frozenset((request.value("prompt") or "").split())
    if not asked <= frozenset(PROMPTS):
        raise invalid_request("prompt holds an unknown value.", "prompt")
    if "none" in asked and len(asked) > 1:
        raise invalid_request("prompt=none cannot be combined with another value.", "prompt")
    request.prompt = asked
