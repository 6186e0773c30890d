"""``max_age``: how many seconds ago the person may have logged in; 0 means now.

OpenID Connect Core §3.1.2.1, §15.1.
"""

from __future__ import annotations

import re

from idp.context import Context
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import invalid_request

_SECONDS = re.compile(r"[0-9]{1,9}")


def check_max_age(request: AuthorizationRequest, context: Context) -> None:
    asked = request.value("max_age")
    if asked is None:
        default = request.client.metadata.get("default_max_age")  # OpenID Connect Registration §2
        request.max_age = int(default) if default is not None else None
        return
    if _SECONDS.fullmatch(asked) is None:
        raise invalid_request("max_age must be a whole number of seconds.", "max_age")
    request.max_age = int(asked)
