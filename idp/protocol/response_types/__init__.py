"""What ``response_type`` may ask for: one file a flow, each writing through :mod:`idp.protocol.responses`.

RFC 6749 §3.1.1. Who may ask for what is said by the client's profile and its registration: tokens travel in the front
channel for clients of the legacy profile only (RFC 9700 §2.1.2).
"""

from collections.abc import Mapping

from idp.protocol.response_types.code import CodeResponse
from idp.protocol.response_types.hybrid import HybridResponse
from idp.protocol.response_types.implicit import ImplicitResponse

AUTHORIZATION_GRANTS = (  # in the shape Authlib keeps them
    (CodeResponse, None),
    (ImplicitResponse, None),
    (HybridResponse, None),
)
GRANT_TYPES = ("authorization_code", "implicit")


def _grant_types(response_type: str) -> frozenset[str]:
    """What a client must have registered beside the response type (OpenID Connect Registration §2)."""
    words = set(response_type.split(" "))
    needed = {"authorization_code"} if "code" in words else set()
    return frozenset(needed | ({"implicit"} if words - {"code"} else set()))


RESPONSE_TYPES: Mapping[str, frozenset[str]] = {
    name: _grant_types(name) for grant, _extensions in AUTHORIZATION_GRANTS for name in sorted(grant.RESPONSE_TYPES)
}
"""Response types with the grant types they need."""
