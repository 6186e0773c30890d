"""The demo's configuration is what each service's own loader accepts, and its secrets are for its owner alone."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from clients.portals.config import load as load_portal
from federation.national.config import AuthoritySettings, HallSettings
from federation.national.config import load as load_national
from idp.config import Settings, load
from idp.demo import configuration, secrets, target
from idp.demo.clients import of_national, of_region
from idp.demo.layout import Layout
from idp.demo.people import demo_people, unregistered_people
from idp.demo.supervisor import DemoError, check_ports
from idp.protocol.client_metadata import OPERATOR, check_profile, validate
from tests.services import free_port

STANDARD_CLAIMS = {
    *("name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture"),
    *("website", "gender", "birthdate", "zoneinfo", "locale", "updated_at", "email", "email_verified", "address"),
    *("phone_number", "phone_number_verified"),
}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def environment(layout: Layout, table: str) -> dict[str, str]:
    known = secrets.load_or_create(layout.directory / "secrets.json")
    configuration.write(layout, known)
    return {"TONGXING_CONFIG": str(layout.configuration), "TONGXING_TABLE": table}


@pytest.mark.parametrize("table", ["idp", "national"])
def test_both_providers_load_their_tables(layout: Layout, table: str) -> None:
    settings = load(environment(layout, table), table)
    assert settings.issuer == layout.service(table).url
    assert settings.upstreams[0].assurance.cap == 3


@pytest.mark.parametrize("name", ["drivers", "vehicles"])
def test_portals_load_their_tables(layout: Layout, name: str) -> None:
    assert load_portal(environment(layout, f"portal_{name}")).base_url == layout.service(name).url


def test_the_national_side_loads_its_tables(layout: Layout) -> None:
    environ = environment(layout, "national")
    assert load_national(HallSettings, "hall", environ).url == f"{layout.service('national').url}/hall"
    assert load_national(AuthoritySettings, "authority", environ).issuer == layout.service("national").url


def test_secrets_are_made_once_and_readable_by_their_owner_only(layout: Layout) -> None:
    path = layout.directory / "secrets.json"
    assert secrets.load_or_create(path) == secrets.load_or_create(path)
    environment(layout, "idp")
    target.write(layout, secrets.load_or_create(path), demo_people())
    for file in (path, layout.configuration, layout.target):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    tomllib.loads(layout.configuration.read_text())


def test_target_json_tells_a_foreign_client_all_it_needs(layout: Layout) -> None:
    known = secrets.load_or_create(layout.directory / "secrets.json")
    target.write(layout, known, demo_people())
    found = json.loads(layout.target.read_text())
    assert len(found["users"]) >= 3
    assert all(set(user["claims"]) >= STANDARD_CLAIMS for user in found["users"])
    callbacks = {name: entry["redirect_uri"] for name, entry in found["clients"].items()}
    assert callbacks == {
        "confidential": "http://127.0.0.1:9009/auth/callback/op",
        "other": "http://127.0.0.1:9012/callback",
        "post": "http://127.0.0.1:9013/callback",
        "public": "http://127.0.0.1:9010/callback",
        "private_key_jwt": "http://127.0.0.1:9011/callback",
        "fapi2": "http://127.0.0.1:9014/callback",
        "legacy": "http://127.0.0.1:9015/callback",
    }
    confidential = found["clients"]["confidential"]
    assert confidential["client_secret"]
    for name in ("post_logout_redirect_uri", "backchannel_logout_uri"):
        assert confidential[name].startswith("http://127.0.0.1:9009/")
    assert {key["kty"] for key in found["clients"]["private_key_jwt"]["jwks_private"]["keys"]} == {"RSA", "EC"}
    assert "client_secret" not in found["clients"]["public"]


def test_clients_that_joined_since_get_their_secrets_and_the_others_keep_theirs(layout: Layout) -> None:
    path = layout.directory / "secrets.json"
    before = secrets.load_or_create(path)
    del before["client_secrets"]["legacy"]
    path.write_text(json.dumps(before))
    after = secrets.load_or_create(path)
    assert after["client_secrets"].pop("legacy")
    assert after == before


@pytest.mark.parametrize("of", [of_region, of_national])
def test_every_client_of_the_demo_meets_its_profile(layout: Layout, of: Any) -> None:
    known = secrets.load_or_create(layout.directory / "secrets.json")
    settings = Settings(resource_scopes={"matters.read": "m", "matters.submit": "m", "authority.verify": "a"})
    for registration in of(layout, known):
        metadata = validate(settings, registration.metadata, policy=OPERATOR)
        assert check_profile(settings, metadata) == [], registration.client_id


def test_the_demos_people_are_in_the_registry_and_newcomers_have_no_account() -> None:
    taken = {someone.person.id_number for someone in demo_people()}
    assert len(taken) == len(demo_people())
    assert not taken & {person.id_number for person in unregistered_people()}


def test_a_taken_port_is_named_in_one_line() -> None:
    import socket

    with socket.socket() as taken:
        port = free_port()
        taken.bind(("127.0.0.1", port))
        taken.listen()
        layout = Layout(Path(), offset=port - 8600)
        with pytest.raises(DemoError, match=f"port {port} .*taken") as caught:
            check_ports(layout.services)
        assert "\n" not in str(caught.value)
