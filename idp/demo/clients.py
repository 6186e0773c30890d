"""The clients the demonstration registers: portals and federated members, and the sandbox for integrators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp.demo.layout import HOST, Layout
from idp.demo.secrets import public_jwk
from idp.domain.profile import FRONT_CHANNEL

SCOPE = "openid profile email phone address offline_access"
MATTERS_SCOPE = "matters.read matters.submit"
PORTAL_SCOPE = f"openid profile phone identity organisation {MATTERS_SCOPE}"
SANDBOX_PORTS = {"confidential": 9009, "public": 9010, "private_key_jwt": 9011, "other": 9012, "post": 9013} | {
    "fapi2": 9014,
    "legacy": 9015,
}

FAPI2 = {"profile": "fapi2", "application_type": "native", "dpop_bound_access_tokens": True} | {
    "id_token_signed_response_alg": "ES256"
}
"""Native, because its redirect URI is a loopback address: others would need https."""
LEGACY = {"profile": "legacy", "response_types": ["code", *sorted(FRONT_CHANNEL)]}


@dataclass(frozen=True)
class Registration:
    """One client to register: its metadata (RFC 7591 §2) and what only the operator decides."""

    client_id: str
    metadata: Mapping[str, Any]
    secret: str | None = None
    is_first_party: bool = False


def of_region(layout: Layout, secrets: Mapping[str, Any]) -> list[Registration]:
    """The clients of the region's provider."""
    national = layout.service("national").url
    return [
        _portal(layout, secrets, "drivers", "驾驶员服务门户", "Drivers' portal"),
        _portal(layout, secrets, "vehicles", "车辆服务门户", "Vehicles' portal"),
        _member(secrets, "national-platform", "国家政务服务平台", "National platform", national, "region"),
        *sandbox(secrets),
    ]


def of_national(layout: Layout, secrets: Mapping[str, Any]) -> list[Registration]:
    """The clients of the simulated national platform."""
    national, region = layout.service("national").url, layout.service("idp").url
    member = _member(secrets, "region", "新疆交通运输统一身份认证", "Xinjiang transport sign-in", region, "national")
    hall = {
        **_key_client(secrets, "national-hall"),
        "client_name": "国家政务服务大厅",
        "client_name#en": "National service hall",
        "redirect_uris": [f"{national}/hall/callback"],
        "post_logout_redirect_uris": [f"{national}/hall/signed-out"],
        "backchannel_logout_uri": f"{national}/hall/backchannel-logout",
        "backchannel_logout_session_required": True,
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid profile phone identity",
    }
    return [member, Registration("national-hall", hall, is_first_party=True)]


def sandbox(secrets: Mapping[str, Any]) -> list[Registration]:
    """The clients any integrator may drive; their redirect URIs are on this machine."""
    known = secrets["client_secrets"]
    code = ["authorization_code", "refresh_token"]
    both = [*code, "client_credentials"]
    keys = {"jwks": {"keys": [public_jwk(key) for key in secrets["sandbox_keys"]]}}
    return [
        _sandbox("confidential", "client_secret_basic", both, known["confidential"], path="/auth/callback/op"),
        _sandbox("other", "client_secret_basic", code, known["other"]),
        _sandbox("post", "client_secret_post", code, known["post"]),
        _sandbox("public", "none", code, None),
        _sandbox("private_key_jwt", "private_key_jwt", both, None, extra=keys),
        _sandbox("fapi2", "private_key_jwt", code, None, extra={**keys, **FAPI2}),
        _sandbox("legacy", "client_secret_basic", [*code, "implicit"], known["legacy"], extra=LEGACY),
    ]


def sandbox_id(name: str) -> str:
    return f"sandbox-{name.replace('_', '-')}"


def sandbox_uris(name: str, path: str = "/callback") -> dict[str, str]:
    origin = f"http://{HOST}:{SANDBOX_PORTS[name]}"
    return {
        "redirect_uri": f"{origin}{path}",
        "post_logout_redirect_uri": f"{origin}/logged-out",
        "backchannel_logout_uri": f"{origin}/backchannel-logout",
    }


def sandbox_path(name: str) -> str:
    return "/auth/callback/op" if name == "confidential" else "/callback"


def _sandbox(
    name: str,
    method: str,
    grant_types: list[str],
    secret: str | None,
    *,
    path: str = "/callback",
    extra: Mapping[str, Any] | None = None,
) -> Registration:
    uris = sandbox_uris(name, path)
    metadata = {
        "client_name": f"沙箱应用 {name}",
        "client_name#en": f"Sandbox {name}",
        "redirect_uris": [uris["redirect_uri"]],
        "post_logout_redirect_uris": [uris["post_logout_redirect_uri"]],
        "token_endpoint_auth_method": method,
        "grant_types": grant_types,
        "response_types": ["code"],
        "scope": f"{SCOPE} {MATTERS_SCOPE}",
        **(extra or {}),
    }
    if name == "confidential":
        metadata["backchannel_logout_uri"] = uris["backchannel_logout_uri"]
        metadata["backchannel_logout_session_required"] = True
    return Registration(sandbox_id(name), metadata, secret)


def _portal(layout: Layout, secrets: Mapping[str, Any], name: str, label: str, label_en: str) -> Registration:
    url = layout.service(name).url
    client_id = f"portal-{name}"
    metadata = {
        **_key_client(secrets, client_id),
        "client_name": label,
        "client_name#en": label_en,
        "client_uri": url,
        "redirect_uris": [f"{url}/callback"],
        "post_logout_redirect_uris": [f"{url}/signed-out"],
        "backchannel_logout_uri": f"{url}/backchannel-logout",
        "backchannel_logout_session_required": True,
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": PORTAL_SCOPE,
    }
    return Registration(client_id, metadata, is_first_party=True)


def _member(
    secrets: Mapping[str, Any], client_id: str, label: str, label_en: str, url: str, upstream: str
) -> Registration:
    """A federated member: another provider that logs its people in here, and may ask the authority."""
    scope = "openid profile phone identity"
    if client_id == "region":
        scope += " authority.verify"
    metadata = {
        **_key_client(secrets, client_id),
        "client_name": label,
        "client_name#en": label_en,
        "client_uri": url,
        "redirect_uris": [f"{url}/upstream/{upstream}/callback"],
        "post_logout_redirect_uris": [f"{url}/signed-out"],
        "backchannel_logout_uri": f"{url}/upstream/{upstream}/backchannel-logout",
        "backchannel_logout_session_required": True,
        "grant_types": ["authorization_code", "client_credentials"],
        "scope": scope,
    }
    return Registration(client_id, metadata)


def _key_client(secrets: Mapping[str, Any], client_id: str) -> dict[str, Any]:
    return {
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "jwks": {"keys": [public_jwk(secrets["client_keys"][client_id])]},
        "response_types": ["code"],
    }
