"""ID tokens: what a client is told of the login itself.

OpenID Connect Core §2, §3.1.3.3, §3.1.3.6, §3.2.2.10, §3.3.2.11, §12.2; §10.2 (signed, then encrypted where the client
registered so). Unsigned ones exist for tests only, by an opening, and never in the front channel (§2).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from idp.config import Settings
from idp.context import Context
from idp.crypto import jose
from idp.domain.assurance import level_of
from idp.domain.client import Client
from idp.domain.grant import Grant
from idp.domain.opening import Opening
from idp.protocol import claims, client_jwts, lifetimes
from idp.protocol.client_jwts import UNSIGNED, Kind
from idp.storage import accounts

TYPE = "JWT"


def issue(
    context: Context,
    client: Client,
    grant: Grant,
    *,
    access_token: str | None = None,
    nonce: str | None = None,
    scope: Collection[str] = (),
) -> str:
    """The ID token of a grant for its client. All it says of the login is of the original authentication, also after a
    refresh (§12.2); a ``nonce`` belongs to the first ID token alone. ``scope``: whose claims are to be told here,
    because no access token is issued that could fetch them (§5.4). Raises UnusableRegistration."""
    person = _about_person(context, client, grant, scope)
    return _write(context, client, person | _about_login(context, client, grant, nonce), access_token=access_token)


def issue_beside_code(
    context: Context, client: Client, grant: Grant, *, code: str, access_token: str | None = None
) -> str:
    """The ID token that travels in the front channel with a code (§3.3.2.11): of the login, nothing of the person."""
    return _write(
        context, client, _about_login(context, client, grant, grant.nonce), code=code, access_token=access_token
    )


def check(context: Context, client: Client) -> None:
    """Whether the client can get an ID token as it registered, before anything is used up for one. Raises
    UnusableRegistration."""
    _algorithm(context, client)
    client_jwts.check_encryption(context, client, Kind.ID_TOKEN)


def _write(
    context: Context, client: Client, told: dict[str, Any], *, code: str | None = None, access_token: str | None = None
) -> str:
    """Bind the code and the access token that come with it, sign, encrypt."""
    alg = _algorithm(context, client)
    if alg == UNSIGNED:  # no hash to bind by; the code flow does not need it (§3.1.3.6)
        return client_jwts.encrypted(context, client, Kind.ID_TOKEN, jose.unsigned(told, TYPE))
    for name, value in ("c_hash", code), ("at_hash", access_token):
        if value is not None:
            told[name] = jose.half_hash(alg, value)
    return client_jwts.encrypted(context, client, Kind.ID_TOKEN, jose.sign(context.keys, alg, told, TYPE, context.now))


def _algorithm(context: Context, client: Client) -> str:
    if client.id_token_alg == UNSIGNED and context.is_open(client, Opening.UNSIGNED_ID_TOKEN):
        return UNSIGNED
    return client_jwts.signing_algorithm(context.settings, client, Kind.ID_TOKEN)


def _about_login(context: Context, client: Client, grant: Grant, nonce: str | None) -> dict[str, Any]:
    issued_at = int(context.now.timestamp())
    told: dict[str, Any] = {
        "iss": context.settings.issuer,
        "sub": grant.subject,
        "aud": client.client_id,
        "exp": issued_at + int(lifetimes.id_token(context.settings, client).total_seconds()),
        "iat": issued_at,
        "auth_time": int(grant.auth_time.timestamp()),
        "acr": acr_for(grant),
        "amr": list(grant.amr),
    }
    if grant.sid and _is_told_session(client):
        told["sid"] = grant.sid  # OpenID Connect Back-Channel Logout 1.0 §2.1
    if nonce is not None:
        told["nonce"] = nonce
    return told


def _is_told_session(client: Client) -> bool:
    """A client of a FAPI profile gets no claim that its registration gives it no use for: without an address for logout
    it has none for the session's name."""
    uses = ("backchannel_logout_uri", "frontchannel_logout_uri", "post_logout_redirect_uris")
    return not client.profile.must_bind_tokens or any(client.metadata.get(use) for use in uses)


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


def _about_person(context: Context, client: Client, grant: Grant, scope: Collection[str]) -> dict[str, Any]:
    """Claims asked for the ID token by name (§5.5); those of scopes come from userinfo where it can be asked (§5.4)."""
    names = claims.names_for(scope, claims.requested(grant.requested_claims, "id_token"), client)
    account = accounts.find(context.db, context.vault, grant.account_id) if names else None
    if account is None:
        return {}
    proofs = accounts.list_proofs(context.db, account.id) if "loa" in names else ()
    return claims.values_of(account, names, context.now, act_as=grant.act_as, proofs=proofs)


def server_metadata(settings: Settings) -> dict[str, Any]:
    """OpenID Connect Discovery §3."""
    metadata = client_jwts.metadata_for(settings, Kind.ID_TOKEN)
    if settings.openings_allowed:
        metadata["id_token_signing_alg_values_supported"].append(UNSIGNED)
    return metadata
