"""The suite's plans, each with its configuration: the provider, the clients, what the browser does in which module."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from material import Material
from pages import Pages

CORE = ("basic", "implicit", "hybrid", "formpost-basic", "formpost-implicit", "formpost-hybrid")
_LOGOUTS = {
    "rp-initiated-logout": "oidf-logout",
    "session-management": "oidf-logout",
    "frontchannel-rp-initiated-logout": "oidf-frontchannel",
    "backchannel-rp-initiated-logout": "oidf-backchannel",
}
_RESPONSE_TYPES = ("code", "id_token", "id_token token", "code id_token", "code token", "code id_token token")
_STATIC, _DYNAMIC = "[client_registration=static_client]", "[client_registration=dynamic_client]"
_SECURITY, _SIGNING = "fapi2-security-profile-final-test-plan", "fapi2-message-signing-final-test-plan"
_FAPI = "fapi2-security-profile-final-"
_SIGNED = "[fapi_request_method=signed_non_repudiation][fapi_response_mode=jarm]"
_SIMPLE = "[authorization_request_type=simple]"
_OPENID = f"[openid=openid_connect][fapi_profile=plain_fapi]{_SIMPLE}"
_OAUTH = f"[openid=plain_oauth][fapi_profile=plain_fapi]{_SIMPLE}"
_CREDENTIALS = f"[openid=plain_oauth][fapi_profile=fapi_client_credentials_grant]{_SIMPLE}"
_USERINFO, _RECORDS = ("/userinfo", "openid profile email address phone"), ("/resource/records", "records.read")
_LOGOUT_STAYS = (
    "bad-id-token-hint",
    "bad-post-logout-redirect-uri",
    "modified-id-token-hint",
    "no-id-token-hint",
    "no-params",
    "no-post-logout-redirect-uri",
    "only-state",
    "query-added-to-post-logout-redirect-uri",
)
_REFUSED = ("oidcc-ensure-registered-redirect-uri",)
_REFUSED_DYNAMIC = (
    "oidcc-ensure-redirect-uri-in-authorization-request",
    "oidcc-redirect-uri-query-added",
    "oidcc-redirect-uri-query-mismatch",
)
_REFUSED_SOMEHOW = ("oidcc-response-type-missing", "oidcc-ensure-request-without-nonce-fails")
_SEEN_ON_LOGIN = {"logo": ".client-logo", "policy": ".client-links a", "tos": ".client-links a"}
_FAPI_REFUSED = tuple(
    f"{_FAPI}{module}"
    for module in (
        "ensure-different-nonce-inside-and-outside-request-object",
        "ensure-different-state-inside-and-outside-request-object",
        "ensure-expired-request-object-fails",
        "ensure-matching-key-in-authorization-request",
        "ensure-mismatched-dpop-jkt-fails",
        "ensure-redirect-uri-in-authorization-request",
        "ensure-request-object-signature-algorithm-is-not-none",
        "ensure-request-object-with-bad-aud-fails",
        "ensure-request-object-with-exp-over-60-fails",
        "ensure-request-object-with-invalid-signature-fails",
        "ensure-request-object-with-nbf-over-60-fails",
        "ensure-request-object-without-exp-fails",
        "ensure-request-object-without-nbf-fails",
        "ensure-request-object-without-redirect-uri-fails",
        "ensure-response-type-code-idtoken-fails",
        "ensure-response-type-token-fails",
        "ensure-signed-request-object-with-RS256-fails",
        "ensure-unsigned-authorization-request-without-using-par-fails",
        "ensure-unsigned-request-at-par-endpoint-fails",
        "par-attempt-reuse-request_uri",
        "par-attempt-to-use-expired-request_uri",
        "par-attempt-to-use-request_uri-for-different-client",
        "par-authorization-request-containing-request_uri",
        "par-authorization-request-containing-request_uri-form-param",
        "par-ensure-pkce-required",
        "par-plain-pkce-rejected",
        "plain-fapi-tolerate-unregistered-redirect-uri",
        "state-only-outside-request-object-not-used",
    )
)


@dataclass(frozen=True)
class Plan:
    """``plan``: the suite's name with its variants; ``body``: the configuration it is run with."""

    name: str
    plan: str
    body: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Plans:
    """``mtls``: base URL of the host that asks for certificates."""

    issuer: str
    mtls: str
    alias: str
    pages: Pages
    material: Material

    def all(self) -> Iterator[Plan]:
        yield from self._core()
        yield self._plan("config", "oidcc-config-certification-test-plan", browser=[])
        yield from self._dynamic()
        yield self._plan(
            "3rdparty-init-login",
            "oidcc-3rdparty-init-login-certification-test-plan[response_type=code]",
            **self._registering(),
        )
        yield from self._logouts()
        yield from self._fapi()

    def _core(self) -> Iterator[Plan]:
        static = {
            "client": self._client("oidf-1"),
            "client2": self._client("oidf-2"),
            "client_secret_post": self._client("oidf-post"),
        }
        overrides = self._core_overrides()
        for kind in CORE:
            plan = f"oidcc-{kind}-certification-test-plan[server_metadata=discovery]"
            yield self._plan(kind, plan + _STATIC, override=overrides, **static)
            yield self._plan(f"{kind}-dynamic", plan + _DYNAMIC, override=overrides, **self._registering())

    def _dynamic(self) -> Iterator[Plan]:
        overrides = self._core_overrides() | self._dynamic_overrides()
        for response_type in _RESPONSE_TYPES:
            name = "dynamic" if response_type == "code" else f"dynamic-{response_type.replace(' ', '-')}"
            plan = f"oidcc-dynamic-certification-test-plan[response_type={response_type}]"
            yield self._plan(name, plan, override=overrides, **self._registering())

    def _logouts(self) -> Iterator[Plan]:
        pages = self.pages
        stays = {
            f"oidcc-rp-initiated-logout-{module}": _browser(pages.normal(), pages.logout_stays())
            for module in _LOGOUT_STAYS
        }
        for kind, client in _LOGOUTS.items():
            plan = f"oidcc-{kind}-certification-test-plan[response_type=code]"
            more: dict[str, Any] = {"override": stays} if kind == "rp-initiated-logout" else {}
            if kind == "session-management":
                more["browser"] = [pages.session_watched(), pages.normal(), pages.logout()]
            yield self._plan(kind, plan + _STATIC, client=self._client(client), **more)
            yield self._plan(f"{kind}-dynamic", plan + _DYNAMIC, **self._registering(), **more)

    def _fapi(self) -> Iterator[Plan]:
        for short, method in (("pkjwt", "private_key_jwt"), ("mtls", "mtls")):
            for binding in ("dpop", "mtls"):
                variants = f"[client_auth_type={method}][sender_constrain={binding}]"
                for kind, plan in (("sp", _SECURITY + variants), ("ms", _SIGNING + variants + _SIGNED)):
                    name = f"{kind}-{short}-{binding}"
                    yield self._plan(f"fapi2-{name}", plan + _OPENID, **self._fapi_body(name, *_USERINFO))
                    yield self._plan(f"fapi2-{name}-oauth", plan + _OAUTH, **self._fapi_body(name, *_RECORDS))
                name = f"sp-{short}-{binding}"
                plan = _SECURITY + variants + _CREDENTIALS
                yield self._plan(f"fapi2-{name}-credentials", plan, **self._fapi_body(name, *_RECORDS))

    def _fapi_body(self, name: str, path: str, scope: str) -> dict[str, Any]:
        """A resource that a certificate is bound to is called where certificates are asked for."""
        host = self.mtls if name.endswith("mtls") else self.issuer
        clients = {"client": self._fapi_client(name, 1, scope), "client2": self._fapi_client(name, 2, scope)}
        body: dict[str, Any] = {"resource": {"resourceUrl": host + path}, "override": self._fapi_overrides()}
        if "mtls" in name:
            body |= {"mtls": self.material.certificate(1), "mtls2": self.material.certificate(2)}
        return clients | body

    def _fapi_client(self, name: str, number: int, scope: str) -> dict[str, Any]:
        return {
            "client_id": f"oidf-{name}-{number}",
            "scope": scope,
            "jwks": self.material.private_jwks(number),
            "dpop_signing_alg": "ES256",
        }

    def _client(self, client_id: str) -> dict[str, str]:
        return {"client_id": client_id, "client_secret": self.material.secret(client_id)}

    def _registering(self) -> dict[str, Any]:
        token = self.material.secret("initial-access-token")
        names = {"client": "OpenID conformance", "client2": "OpenID conformance, second"}
        return {client: {"client_name": name, "initial_access_token": token} for client, name in names.items()}

    def _core_overrides(self) -> dict[str, Any]:
        pages = self.pages
        pictured = {module: _browser(pages.pictured()) for module in ("oidcc-prompt-login", "oidcc-max-age-1")}
        refused = {module: _browser(pages.refused()) for module in _REFUSED}
        return pictured | refused | {module: _browser(pages.refused_somehow()) for module in _REFUSED_SOMEHOW}

    def _dynamic_overrides(self) -> dict[str, Any]:
        pages = self.pages
        shown = {
            f"oidcc-registration-{name}-uri": _browser(pages.shown_on_login(selector))
            for name, selector in _SEEN_ON_LOGIN.items()
        }
        return shown | {module: _browser(pages.refused()) for module in _REFUSED_DYNAMIC}

    def _fapi_overrides(self) -> dict[str, Any]:
        pages = self.pages
        reused = f"{_FAPI}par-ensure-reused-request-uri-prior-to-auth-completion-succeeds"
        return {module: _browser(pages.refused_somehow()) for module in _FAPI_REFUSED} | {
            f"{_FAPI}user-rejects-authentication": _browser(pages.cancelled()),
            reused: _browser(pages.only_looked_at(), pages.normal()),
        }

    def _plan(self, name: str, plan: str, **body: Any) -> Plan:
        known = {
            "alias": self.alias,
            "description": f"Tongxing, {name}",
            "server": {"discoveryUrl": f"{self.issuer}/.well-known/openid-configuration"},
            "browser": [self.pages.normal(), self.pages.logout()],
            "options": {"browsercontrol_css_enable": False},
        }
        return Plan(name, plan, known | body)


def _browser(*visits: dict[str, Any]) -> dict[str, Any]:
    return {"browser": list(visits)}
