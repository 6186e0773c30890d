"""The grant types of the token endpoint (RFC 6749 §4, §6), one a file; a new file here is a new grant type."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from idp.protocol.token_grant import TokenGrant


def _collect() -> Mapping[str, type[TokenGrant]]:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return {grant.GRANT_TYPE: grant for grant in TokenGrant.__subclasses__()}


GRANTS = _collect()
"""Grant types by name."""

TOKEN_GRANTS = tuple((grant, None) for grant in GRANTS.values())
"""The same as Authlib's server takes them."""
