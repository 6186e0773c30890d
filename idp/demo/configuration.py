"""The demonstration's configuration file: one table per service, written anew at each start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from idp.configuration.writing import to_toml
from idp.demo.layout import HOST, Layout

_LEVELS = {f"urn:tongxing:loa:{level}": level for level in range(5)}
_CAP = 3  # the most each side believes of the other (reference: until the national level code is known)


def write(layout: Layout, secrets: Mapping[str, Any]) -> None:
    layout.configuration.write_text(to_toml(tables(layout, secrets)))
    layout.configuration.chmod(0o600)


def tables(layout: Layout, secrets: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Table name → settings, as each service's own ``load`` reads them."""
    return {
        "idp": _region(layout, secrets),
        "national": _national(layout, secrets),
        "authority": {
            "issuer": layout.service("national").url,
            "database_url": layout.database("authority"),
            "master_key": secrets["master"]["authority"],
        },
        "hall": _hall(layout, secrets),
        "gateway": {
            "database_url": layout.database("gateway"),
            "master_key": secrets["master"]["gateway"],
            "token": secrets["sms_token"],
        },
        "matters": {
            "url": layout.service("matters").url,
            "issuer": layout.service("idp").url,
            "database_url": layout.database("matters"),
            "master_key": secrets["master"]["matters"],
        },
        "portal_drivers": _portal(layout, secrets, "drivers"),
        "portal_vehicles": _portal(layout, secrets, "vehicles"),
    }


def _provider(layout: Layout, secrets: Mapping[str, Any], name: str, other: str) -> dict[str, Any]:
    """What both providers have in common; each is the other's upstream."""
    ports = [service.address for service in layout.services] + [f"{HOST}:{port}" for port in range(9009, 9014)]
    return {
        "issuer": layout.service(name).url,
        "database_url": layout.database(name),
        "master_key": secrets["master"][name],
        "cookie_prefix": f"tx_{name}",
        "outbound_allow": ports,
        "sms_gateway_url": layout.service("gateway").url,
        "sms_gateway_token": secrets["sms_token"],
        "session_end_clients": ["national-platform" if name == "idp" else "region"],
        "upstreams": [_upstream(layout, secrets, other)],
    }


def _region(layout: Layout, secrets: Mapping[str, Any]) -> dict[str, Any]:
    matters, national = layout.service("matters").url, layout.service("national").url
    return {
        **_provider(layout, secrets, "idp", "national"),
        "theme": "region",
        "registration": "open",  # integrators' own clients; on this machine nobody else can
        "authority_url": f"{national}/authority",
        "authority_upstream": "national",
        "resource_scopes": {"matters.read": matters, "matters.submit": matters},
        "default_resource": matters,
        "scope_labels": {
            "matters.read": {"zh": "查看您的办件和事项指南", "en": "See your cases and the guides"},
            "matters.submit": {"zh": "以您的名义提交申请", "en": "Submit applications in your name"},
        },
        "account_links": [
            {"url": layout.service("drivers").url, "label": {"zh": "驾驶员服务门户", "en": "Drivers' portal"}},
            {"url": layout.service("vehicles").url, "label": {"zh": "车辆服务门户", "en": "Vehicles' portal"}},
            {
                "url": f"{national}/hall/login?idp_hint=region",
                "label": {"zh": "国家政务服务大厅", "en": "National service hall"},
            },
        ],
    }


def _national(layout: Layout, secrets: Mapping[str, Any]) -> dict[str, Any]:
    url = layout.service("national").url
    return {
        **_provider(layout, secrets, "national", "idp"),
        "theme": "national",
        "brand": {"zh": "国家政务服务平台（模拟）", "en": "National Service Platform (simulated)"},
        "resource_scopes": {"authority.verify": f"{url}/authority"},
        "account_links": [{"url": f"{url}/hall/", "label": {"zh": "国家政务服务大厅", "en": "National service hall"}}],
    }


def _upstream(layout: Layout, secrets: Mapping[str, Any], service: str) -> dict[str, Any]:
    """The other provider as seen from here: who it is there, what we are to it, what its levels are worth."""
    texts = {
        "national": ("national", "region", "国家政务服务平台登录", "National platform", "国家政务服务平台"),
        "idp": (
            "region",
            "national-platform",
            "新疆交通运输统一认证登录",
            "Xinjiang transport",
            "新疆交通运输统一身份认证",
        ),
    }
    name, client_id, label, label_en, entity = texts[service]
    return {
        "name": name,
        "label": {"zh": label, "en": f"Sign in with {label_en}"},
        "entity_name": {"zh": entity, "en": label_en},
        "issuer": layout.service(service).url,
        "client_id": client_id,
        "private_jwk": secrets["client_keys"][client_id],
        "assurance": {"cap": _CAP, "levels": _LEVELS},
    }


def _hall(layout: Layout, secrets: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "issuer": layout.service("national").url,
        "url": f"{layout.service('national').url}/hall",
        "client_id": "national-hall",
        "private_jwk": secrets["client_keys"]["national-hall"],
        "database_url": layout.database("hall"),
        "master_key": secrets["master"]["hall"],
        "demo": True,
        "upstream_label": {"zh": "新疆交通运输统一身份认证", "en": "Xinjiang transport sign-in"},
        "upstream_issuer": layout.service("idp").url,
        "provincial_services": [
            {
                "title": {"zh": "普通货运从业资格证申请", "en": "Freight practitioner certificate"},
                "text": {"zh": "新疆驾驶员服务门户", "en": "Xinjiang drivers' portal"},
                "url": _signed_in(layout, "drivers", "/matters/freight_practitioner_certificate"),
                "icon": "person",
            },
            {
                "title": {"zh": "普通货运车辆网上年审", "en": "Annual review of freight vehicles"},
                "text": {"zh": "新疆车辆服务门户", "en": "Xinjiang vehicles' portal"},
                "url": _signed_in(layout, "vehicles", "/matters/freight_vehicle_annual_review"),
                "icon": "truck",
            },
        ],
    }


def _signed_in(layout: Layout, portal: str, path: str) -> str:
    """A page of a portal for people who come from the hall: signed in by the national platform if not here already."""
    return f"{layout.service(portal).url}/login?" + urlencode({"idp_hint": "national", "next": path})


def _portal(layout: Layout, secrets: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {
        "portal": name,
        "base_url": layout.service(name).url,
        "issuer": layout.service("idp").url,
        "client_id": f"portal-{name}",
        "client_key": secrets["client_keys"][f"portal-{name}"],
        "database_url": layout.database(f"portal_{name}"),
        "master_key": secrets["master"][f"portal_{name}"],
        "matters_url": layout.service("matters").url,
        "portals": {portal: layout.service(portal).url for portal in ("drivers", "vehicles")},
        # Whoever comes from a portal is one of ours: the hall asks our provider, and no login form is seen.
        "hall_url": f"{layout.service('national').url}/hall/login?idp_hint=region",
        "national_url": layout.service("national").url,
        "demo": True,
    }
