"""What of a JWE's header is refused before anything is opened."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc import jwe as joserfc_jwe
from joserfc.jwe import JWERegistry
from joserfc.jwk import ECKey

from idp.crypto import jwe
from idp.crypto.jose import TokenRefused

KEY = ECKey.generate_key("P-256")
LENIENT = JWERegistry(strict_check_header=False)


def sealed(**header: Any) -> str:
    return joserfc_jwe.encrypt_compact({"alg": "ECDH-ES", "enc": "A256GCM", **header}, "text", KEY, registry=LENIENT)


def test_unknown_members_are_ignored() -> None:
    """RFC 7516 §4."""
    assert jwe.decrypt(sealed(iss="client", foo=[1]), lambda _: KEY) == "text"


@pytest.mark.parametrize("header", [{"crit": []}, {"crit": ["b64"], "b64": True}, {"zip": "DEF"}], ids=str)
def test_what_would_have_to_be_understood_is_refused(header: dict[str, Any]) -> None:
    """RFC 7516 §4.1.13 and §4.1.3: nothing is critical here, nothing compressed."""
    token = sealed(**header)
    with pytest.raises(TokenRefused):
        jwe.decrypt(token, lambda _: KEY)
