"""``dpop_jkt``: the thumbprint of the only key whose proof may redeem the code.

RFC 9449 §10 (an unpadded base64url SHA-256, RFC 7638).
"""

from __future__ import annotations

import re

from idp.context import Context
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import invalid_request

_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")


def check_dpop_jkt(request: AuthorizationRequest, context: Context) -> None:
    thumbprint = request.value("dpop_jkt")
    if thumbprint is not None and _THUMBPRINT.fullmatch(thumbprint) is None:
        raise invalid_request("dpop_jkt must be 43 base64url characters.", "dpop_jkt")
    request.dpop_jkt = thumbprint
