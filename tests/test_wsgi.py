"""The deployables, built as a server builds them: from one configuration file, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import wsgi
from federation.national import registry
from federation.national.population import generate
from idp.accounts.authority import PersonCheck
from idp.accounts.authority_registry import RegistryAuthority
from idp.demo import run
from idp.demo.configuration import tables
from idp.demo.layout import Layout
from idp.demo.secrets import load_or_create

ROOT = Path(__file__).parents[1]
ASK = """
import sys, wsgi
from werkzeug.test import Client
application = getattr(wsgi, sys.argv[1])
assert getattr(wsgi, sys.argv[1]) is application, "built once"
for path in sys.argv[3:]:
    answer = Client(application).get(path, base_url=sys.argv[2], environ_base={"REMOTE_ADDR": "127.0.0.1"})
    print(answer.status_code, path)
"""


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    prepared = Layout(tmp_path_factory.mktemp("demo"), offset=20_000)
    run.prepare(prepared)
    return prepared


@pytest.mark.parametrize(
    ("service", "paths"),
    [
        ("idp", ["/healthz"]),
        ("national", ["/healthz", "/authority/healthz", "/hall/healthz"]),
        ("drivers", ["/healthz"]),
        ("vehicles", ["/healthz"]),
        ("matters", ["/healthz"]),
        ("gateway", ["/healthz"]),
    ],
)
def test_every_deployable_is_built_from_its_tables_and_is_healthy(
    layout: Layout, service: str, paths: list[str]
) -> None:
    known = layout.service(service)
    name = known.application.partition(":")[2]
    environ = os.environ | {"TONGXING_CONFIG": str(layout.configuration), "TONGXING_TABLE": known.table}
    done = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", ASK, name, known.url, *paths],
        check=False,
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == [f"200 {path}" for path in paths], done.stderr


def test_a_name_that_is_no_deployable_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no deployable nonsense"):
        _ = wsgi.nonsense


def test_the_national_provider_asks_its_own_registry_and_believes_a_name_and_number_up_to_level_two(
    layout: Layout,
) -> None:
    known = tables(layout, load_or_create(layout.directory / "secrets.json"))["authority"]
    engine = registry.open_engine(known["database_url"])
    local = RegistryAuthority(registry.Registry(engine, known["master_key"]))
    persons, companies = generate()
    someone = next(person for person in persons if person.level == 4 and person.status == "active")
    assert local.verify_person(someone.name, someone.id_number) == PersonCheck(True, 2)
    assert local.verify_person("张三丰", someone.id_number) == PersonCheck(False, 0)
    firm = companies[0]
    head = next(person for person in persons if person.id_number == firm.representative)
    assert local.verify_enterprise(firm.name, firm.uscc, head.name, head.id_number).is_active
    assert not local.verify_enterprise(firm.name, firm.uscc, "张三丰", head.id_number).is_match
    engine.dispose()
