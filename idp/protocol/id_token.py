"""ID tokens: what a client is told of the login itself (OpenID Connect Core §2, §3.1.3.3, §3.1.3.6, §12.2)."""

from __future__ import annotations

from typing import Any

from idp.config import Settings
from idp.context import Context
from idp.crypto.jose import half_hash, sign
from idp.domain.assurance import level_of
from idp.domain.client import Client
from idp.domain.grant import Grant
from idp.protocol import claims
from idp.storage import accounts

TYPE = "JWT"


def issue(
    context: Context, client: Client, grant: Grant, *, access_token: str | None = None, nonce: str | None = None
) -> str:
    """The signed ID token of a grant for its client. All it says of the login is of the original authentication,
    also after a refresh (§12.2); a ``nonce`` belongs to the code exchange alone."""
    alg = algorithm_for(context.settings, client)
    issued_at = int(context.now.timestamp())
    protocol: dict[str, Any] = {
        "iss": context.settings.issuer,
        "sub": grant.subject,
        "aud": client.client_id,
        "exp": issued_at + int(context.settings.id_token_lifetime.total_seconds()),
        "iat": issued_at,
        "auth_time": int(grant.auth_time.timestamp()),
        "acr": acr_for(grant),
        "amr": list(grant.amr),
    }
    if grant.sid:
        protocol["sid"] = grant.sid  # OpenID Connect Back-Channel Logout 1.0 §2.1
    if nonce is not None:
        protocol["nonce"] = nonce
    if access_token is not None:
        protocol["at_hash"] = half_hash(alg, access_token)
    return sign(context.keys, alg, _about_person(context, client, grant) | protocol, TYPE, context.now)


def acr_for(grant: Grant) -> str:
    """The acr to state: the highest value asked for that the login satisfies, since a client that asks for values looks
    for one of them (§5.5.1.1, §3.1.2.1); without such a one the level that was reached. Access tokens state that one
    always."""
    asked = (grant.requested_claims.get("id_token") or {}).get("acr") or {}
    values = [*asked.get("values", ()), *([asked["value"]] if "value" in asked else ())]
    reached = level_of(grant.acr) or 0
    worth = {value: level_of(value) for value in values if isinstance(value, str)}
    satisfied = {value: level for value, level in worth.items() if level is not None and level <= reached}
    return max(satisfied, key=lambda value: satisfied[value], default=grant.acr)


def algorithm_for(settings: Settings, client: Client) -> str:
    """The client's registered algorithm, else the deployment's first."""
    return client.id_token_alg or settings.key_algorithms[0]


def _about_person(context: Context, client: Client, grant: Grant) -> dict[str, Any]:
    """Claims asked for the ID token by name (§5.5); those of scopes come from userinfo (§5.4)."""
    names = claims.names_for((), claims.requested(grant.requested_claims, "id_token"), client)
    account = accounts.find(context.db, context.vault, grant.account_id) if names else None
    if account is None:
        return {}
    proofs = accounts.list_proofs(context.db, account.id) if "loa" in names else ()
    return claims.values_of(account, names, context.now, act_as=grant.act_as, proofs=proofs)


def server_metadata(settings: Settings) -> dict[str, Any]:
    """OpenID Connect Discovery §3."""
    return {"id_token_signing_alg_values_supported": list(settings.key_algorithms)}
