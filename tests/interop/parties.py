"""What every relying party of openid-client has and does here: keys, a login, and the life of its tokens."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from idp.crypto.jwe import KEY_ALGORITHMS
from tests.interop.openid_client import OpenidClient, Refused
from tests.interop.visitor import REDIRECT_URI, Visitor

SCOPE = "openid profile email offline_access"


def key_pair(alg: str, use: str = "sig") -> tuple[dict[str, Any], dict[str, Any]]:
    """(private, public) JWK for an algorithm."""
    names = {"kid": f"{alg}-{use}", "alg": alg, "use": use}
    made: Any
    if alg.startswith(("RS", "PS")):
        made = RSAKey.generate_key(2048, names)
    elif alg == "EdDSA":
        made = OKPKey.generate_key("Ed25519", names)
    else:
        made = ECKey.generate_key("P-256", names)
    return made.as_dict(private=True), made.as_dict(private=False)


KEYS = {alg: key_pair(alg) for alg in ("RS256", "PS256", "ES256", "EdDSA")}
ENCRYPTION_KEYS = {alg: key_pair(alg, "enc") for alg in KEY_ALGORITHMS}
PUBLIC_KEYS = {"keys": [public for _, public in (*KEYS.values(), *ENCRYPTION_KEYS.values())]}


def log_in(party: OpenidClient, visitor: Visitor, **begin: Any) -> dict[str, Any]:
    parameters = {"redirect_uri": REDIRECT_URI, "scope": SCOPE} | begin.pop("parameters", {})
    finish = {"parameters": begin.pop("token_parameters", {}), "checks": begin.pop("checks", {})}
    started = party.call("begin", parameters=parameters, **begin)
    return party.call("finish", **finish, **visitor.answer(started["url"]))


def check_life(party: OpenidClient, tokens: dict[str, Any]) -> None:
    """What every relying party does afterwards: who is it, for how long, and good-bye."""
    told = party.call("userinfo", token=tokens["access_token"], subject=tokens["claims"]["sub"])
    assert told["email"] == "alim@example.test"
    renewed = party.call("refresh", token=tokens["refresh_token"], parameters={})
    assert renewed["access_token"] != tokens["access_token"]
    party.call("revoke", token=renewed["refresh_token"])
    with pytest.raises(Refused) as refused:
        party.call("refresh", token=renewed["refresh_token"], parameters={})
    assert refused.value.details["error"] == "invalid_grant"
