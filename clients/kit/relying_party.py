"""The relying party: starts a login, finishes it, renews tokens, ends sessions.

OpenID Connect Core §3.1 (code flow with PKCE, RFC 7636), RFC 9207 §2.4 (issuer in the response), RP-Initiated Logout
§2, Back-Channel Logout §2. It keeps no state: pending logins and sessions belong to the caller (`sessions`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from clients.kit import id_token as id_tokens
from clients.kit import jwt
from clients.kit.authorization_response import check_response
from clients.kit.client_auth import ClientSecretBasic, ClientSecretPost, NoAuth, PrivateKeyJwt
from clients.kit.errors import ProviderUnavailable, TokenInvalid
from clients.kit.http import HttpClient, JsonInvalid
from clients.kit.login import Login, LoginStart, RelyingPartyConfig
from clients.kit.logout_token import LogoutNotice, check_logout_token
from clients.kit.pending_login import PendingLogin, new_pending_login
from clients.kit.provider import Provider
from clients.kit.token_endpoint import ClientEndpoint, TokenAnswer, refusal

__all__ = [
    "ClientSecretBasic",
    "ClientSecretPost",
    "Login",
    "LoginStart",
    "LogoutNotice",
    "NoAuth",
    "PendingLogin",
    "PrivateKeyJwt",
    "RelyingParty",
    "RelyingPartyConfig",
    "TokenAnswer",
]

SESSION_END_PATH = "/session-end"


class RelyingParty:
    """One registered client of one provider. Safe to share between threads."""

    def __init__(self, config: RelyingPartyConfig, http: HttpClient, provider: Provider | None = None) -> None:
        if provider is not None and provider.issuer != config.issuer:
            raise ValueError("the provider is not the configured issuer")
        if "openid" not in config.scope.split():
            raise ValueError("the scope of a login contains openid")
        self.config = config
        self.provider = provider or Provider(config.issuer, http)
        self._client = ClientEndpoint(self.provider, config.client_id, config.auth)

    def start_login(
        self,
        *,
        prompt: str | None = None,
        max_age: int | None = None,
        acr_values: str | None = None,
        login_hint: str | None = None,
        idp_hint: str | None = None,
        ui_locales: str | None = None,
        claims: dict[str, Any] | None = None,
        extra: Mapping[str, str] | None = None,
        now: datetime | None = None,
    ) -> LoginStart:
        """An authorization request (§3.1.2.1), always with PKCE S256, state and nonce. Raises ProviderUnavailable.

        `acr_values` and `ui_locales` are space-separated; `max_age` in seconds; `claims` the claims parameter (§5.5).
        """
        pending = new_pending_login(
            now or datetime.now(UTC),
            max_age=max_age,
            essential_acr=_essential_acr(claims),
            acr_values=tuple((acr_values or "").split()),
        )
        asked = {
            "prompt": prompt,
            "max_age": None if max_age is None else str(max_age),
            "acr_values": acr_values,
            "login_hint": login_hint,
            "idp_hint": idp_hint,
            "ui_locales": ui_locales,
            "claims": None if claims is None else json.dumps(claims, separators=(",", ":")),
        }
        parameters = {**(extra or {}), **{name: value for name, value in asked.items() if value}, **self._own(pending)}
        return LoginStart(_with_query(self.provider.endpoint("authorization_endpoint"), parameters), pending)

    def _own(self, pending: PendingLogin) -> dict[str, str]:
        return {
            "response_type": "code",
            "client_id": self.config.client_id,
            "redirect_uri": self.config.redirect_uri,
            "scope": self.config.scope,
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": pending.code_challenge,
            "code_challenge_method": "S256",
        }

    def finish_login(self, params: Mapping[str, str], pending: PendingLogin, *, now: datetime) -> Login:
        """Turn the authorization response (its query, each name once) into a login.

        `pending` must come from this browser's session and be used once. All requests to the provider together take no
        longer than one time-out. Raises ResponseInvalid, LoginRefused, TokenRefused, TokenInvalid, ProviderUnavailable.
        """
        with self.provider.http.within():
            code = check_response(params, pending, self.provider, now)
            answer = self._client.request_token(
                {
                    "grant_type": "authorization_code",
                    "code": code,
                    "redirect_uri": self.config.redirect_uri,
                    "code_verifier": pending.code_verifier,
                },
                now,
            )
            if answer.id_token is None:
                raise TokenInvalid("id_token", "missing from the token answer")
            token = self._read(answer.id_token)
            claims = id_tokens.check_id_token(
                token, issuer=self.config.issuer, client_id=self.config.client_id, now=now
            )
            id_tokens.check_login(claims, pending, now)
            id_tokens.check_access_token_hash(token, answer.access_token)
            userinfo = self.userinfo(answer.access_token, claims["sub"]) if self.config.fetch_userinfo else {}
        return Login(
            issuer=self.config.issuer,
            subject=claims["sub"],
            id_token=claims,
            id_token_raw=answer.id_token,
            access_token=answer.access_token,
            refresh_token=answer.refresh_token,
            expires_at=answer.expires_at,
            scope=answer.scope or self.config.scope,
            userinfo=userinfo,
        )

    def userinfo(self, access_token: str, subject: str) -> dict[str, Any]:
        """The person's claims (§5.3). `sub` must be that of the ID token (§5.3.2). {} if there is no such endpoint."""
        url = self.provider.find_endpoint("userinfo_endpoint")
        if url is None:
            return {}
        answer = self.provider.http.get(url, headers={"Authorization": f"Bearer {access_token}"})
        if answer.status != 200:
            raise refusal(answer)
        try:
            claims = answer.json_object()
        except JsonInvalid as error:
            raise ProviderUnavailable("userinfo is no JSON object") from error
        if claims.get("sub") != subject:
            raise TokenInvalid("sub", "userinfo speaks of another person")
        return claims

    def refresh(
        self, refresh_token: str, *, now: datetime | None = None, previous: Mapping[str, Any] | None = None
    ) -> TokenAnswer:
        """New tokens (RFC 6749 §6). `refresh_token` in the answer is the one to use from now on.

        `previous` are the claims of the login's ID token; a new ID token must agree with them (§12.2).
        Raises TokenRefused (the session is over), TokenInvalid, ProviderUnavailable (try again later).
        """
        at = now or datetime.now(UTC)
        with self.provider.http.within():
            answer = self._client.request_token({"grant_type": "refresh_token", "refresh_token": refresh_token}, at)
            if answer.id_token is not None:
                self._check_refreshed(answer, dict(previous or {}), at)
        return TokenAnswer(
            access_token=answer.access_token,
            expires_at=answer.expires_at,
            refresh_token=answer.refresh_token or refresh_token,
            id_token=answer.id_token,
            scope=answer.scope,
        )

    def _check_refreshed(self, answer: TokenAnswer, previous: dict[str, Any], now: datetime) -> None:
        token = self._read(answer.id_token or "")
        claims = id_tokens.check_id_token(token, issuer=self.config.issuer, client_id=self.config.client_id, now=now)
        id_tokens.check_access_token_hash(token, answer.access_token)
        if previous:
            id_tokens.check_refreshed(claims, previous)

    def client_credentials(
        self, scope: str, *, now: datetime | None = None, extra: Mapping[str, str] | None = None
    ) -> TokenAnswer:
        """A token for this client itself (RFC 6749 §4.4). Raises TokenRefused, ProviderUnavailable."""
        form = {**(extra or {}), "grant_type": "client_credentials", "scope": scope}
        return self._client.request_token(form, now or datetime.now(UTC))

    def logout_url(self, id_token_hint: str | None, state: str | None = None, *, ui_locales: str | None = None) -> str:
        """Where to send the browser so that the provider ends its session too (RP-Initiated Logout §2)."""
        asked = {
            "id_token_hint": id_token_hint,
            "client_id": self.config.client_id,
            "post_logout_redirect_uri": self.config.post_logout_redirect_uri,
            "state": state,
            "ui_locales": ui_locales,
        }
        parameters = {name: value for name, value in asked.items() if value}
        return _with_query(self.provider.endpoint("end_session_endpoint"), parameters)

    def verify_logout_token(self, token: str, *, now: datetime) -> LogoutNotice:
        """Every check of Back-Channel Logout §2.6 but the replay: claim `jti` in the store that ends the sessions."""
        with self.provider.http.within():
            read = self._read(token)
        return check_logout_token(read, issuer=self.config.issuer, client_id=self.config.client_id, now=now)

    def notify_session_end(self, sid: str, *, now: datetime | None = None) -> bool:
        """Tell the provider that the session `sid` it vouched for has ended here; True if it ended one now.

        Idempotent. Raises TokenRefused, ProviderUnavailable (deliver again later).
        """
        answer = self._client.post(self.config.issuer + SESSION_END_PATH, {"sid": sid}, now or datetime.now(UTC))
        if answer.status != 200:
            raise refusal(answer)
        try:
            ended = answer.json_object().get("ended")
        except JsonInvalid as error:
            raise ProviderUnavailable("the answer is no JSON object") from error
        if not isinstance(ended, bool):
            raise ProviderUnavailable("the answer does not say whether a session ended")
        return ended

    def _read(self, token: str) -> jwt.SignedToken:
        return jwt.read_signed(token, self.provider.key, self.config.algorithms)


def _essential_acr(claims: dict[str, Any] | None) -> tuple[str, ...]:
    """The values of an `acr` asked for as essential in the ID token (§5.5.1.1)."""
    asked = ((claims or {}).get("id_token") or {}).get("acr") or {}
    if asked.get("essential") is not True:
        return ()
    return tuple(asked.get("values") or ([asked["value"]] if "value" in asked else []))


def _with_query(url: str, parameters: Mapping[str, str]) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(parameters)}"
