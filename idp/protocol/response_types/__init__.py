"""What ``response_type`` may ask for: one file a type, each writing through :mod:`idp.protocol.responses`.

Only ``code`` exists: tokens never travel in the front channel (RFC 9700 §2.1.2).
"""

from idp.protocol.response_types.code import CodeResponse

AUTHORIZATION_GRANTS = ((CodeResponse, None),)  # in the shape Authlib keeps them
RESPONSE_TYPES = frozenset(name for grant, _extensions in AUTHORIZATION_GRANTS for name in grant.RESPONSE_TYPES)
