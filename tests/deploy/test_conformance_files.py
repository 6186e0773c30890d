"""deploy/conformance: what `prepare` writes is taken as it is, by the provider and in the shape the suite reads."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import create_app
from idp.cli import main
from idp.config import load
from idp.context import Provider
from idp.domain.profile import FRONT_CHANNEL
from idp.protocol.claims import SCOPE_CLAIMS
from tests.authorizing import csrf_token, hidden, location

ROOT = Path(__file__).parents[2]
PREPARE = ROOT / "deploy/conformance/prepare"
ISSUER, MTLS, SUITE = (
    "https://idp.certify.test:9443",
    "https://mtls.certify.test:9444",
    "https://suite.certify.test:8443",
)
CALLBACK = f"{SUITE}/test/a/certify/callback"
PLANS = (
    *(f"oidcc-{kind}-certification-test-plan" for kind in ("basic", "config", "dynamic", "implicit", "hybrid")),
    *(f"oidcc-formpost-{kind}-certification-test-plan" for kind in ("basic", "implicit", "hybrid")),
    "oidcc-3rdparty-init-login-certification-test-plan",
    "oidcc-session-management-certification-test-plan",
    "oidcc-frontchannel-rp-initiated-logout-certification-test-plan",
    "oidcc-backchannel-rp-initiated-logout-certification-test-plan",
    "oidcc-rp-initiated-logout-certification-test-plan",
    "fapi2-security-profile-final-test-plan",
    "fapi2-message-signing-final-test-plan",
)


def prepare(folder: Path, *more: str) -> None:
    options = ["--issuer", ISSUER, "--mtls", MTLS, "--suite", SUITE, "--alias", "certify", "--out", str(folder), *more]
    subprocess.run([sys.executable, str(PREPARE), *options], check=True, capture_output=True)  # noqa: S603


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("conformance")
    prepare(made)
    return made


@pytest.fixture(scope="module")
def document(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "provider.toml").read_text())


@pytest.fixture(scope="module")
def run(folder: Path) -> Iterator[Callable[..., Result]]:
    """`tongxing …` with the file as its configuration; migrated and imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TONGXING_CONFIG", str(folder / "provider.toml"))
        patch.setenv("TONGXING_ARGON2_MEMORY_KIB", "8192")

        def run(*arguments: str) -> Result:
            return CliRunner().invoke(main, arguments)

        for command in (("migrate",), ("import", str(folder / "provider.toml"))):
            done = run(*command)
            assert done.exit_code == 0, done.output
        yield run


@pytest.fixture(scope="module")
def http(run: Callable[..., Result], folder: Path) -> Iterator[FlaskClient]:
    """A browser before the provider of that file, in front of which a proxy ends TLS."""
    app = create_app(load({"TONGXING_CONFIG": str(folder / "provider.toml"), "TONGXING_ARGON2_MEMORY_KIB": "8192"}))
    provider: Provider = app.extensions["tongxing"]
    with provider.work() as context:
        from idp.protocol.keys import ensure_keys

        ensure_keys(context)
    yield app.test_client()
    provider.engine.dispose()
    provider.alone.dispose()


def suite_file(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"suite/{name}.json").read_text())
    return found


# --- the provider's side --------------------------------------------------------------------------------------------


def test_the_file_is_imported_once_and_the_provider_runs_with_its_settings(
    run: Callable[..., Result], folder: Path
) -> None:
    again = run("import", str(folder / "provider.toml"))
    assert (again.stdout, again.stderr) == ("", "nothing to change\n")


def test_every_client_meets_its_profile(run: Callable[..., Result], document: dict[str, Any]) -> None:
    assert len(document["clients"]) == 6 + 16
    for client in document["clients"]:
        checked = run("client", "check", client["client_id"])
        assert checked.exit_code == 0, checked.output
        if client.get("profile", "default").startswith("fapi2"):
            assert "OPEN" not in checked.output


def test_the_person_has_every_standard_claim(document: dict[str, Any]) -> None:
    (person,) = document["people"]
    wanted = {name for scope in ("profile", "email", "address", "phone") for name in SCOPE_CLAIMS[scope]}
    assert wanted <= person["claims"].keys()


def test_a_second_run_keeps_what_the_first_one_made_and_nothing_is_for_others_eyes(folder: Path) -> None:
    def contents() -> dict[Path, str]:
        return {path: path.read_text() for path in folder.rglob("*") if path.is_file() and "sqlite" not in path.name}

    before = contents()
    prepare(folder)
    assert contents() == before
    for path in before:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_no_key_or_secret_stands_in_what_is_committed() -> None:
    for path in (ROOT / "deploy/conformance").iterdir():
        if path.is_file():
            assert not re.search(r'PRIVATE KEY|"d":|password = "|secret = "|token = "', path.read_text()), path


def authorize(http: FlaskClient, client_id: str, **parameters: str) -> TestResponse:
    asked = {"client_id": client_id, "redirect_uri": CALLBACK, "scope": "openid", "state": "s", "nonce": "n"}
    return http.get("/authorize", query_string=asked | parameters, base_url=ISSUER)


def log_in(http: FlaskClient, response: TestResponse, password: str) -> TestResponse:
    """From the redirect to the login page through login and consent; the answer to the client."""
    for _ in range(8):
        target = location(response) if response.status_code in (302, 303) else None
        if target is None or target.startswith(SUITE):
            return response
        page = http.get(target, base_url=ISSUER)
        path = urlsplit(target).path
        if path == "/login":
            response = http.post(
                target,
                data={"csrf_token": csrf_token(page), "username": "conformance", "password": password},
                base_url=ISSUER,
                headers={"Referer": ISSUER},
            )
        elif path == "/consent":
            form = {"csrf_token": csrf_token(page), "interaction": hidden(page, "interaction"), "decision": "allow"}
            response = http.post(target, data=form, base_url=ISSUER, headers={"Referer": ISSUER})
        else:
            response = page
    raise AssertionError("the browser goes round in circles")


@pytest.mark.parametrize("client_id", ["oidf-1", "oidf-2", "oidf-post"])
@pytest.mark.parametrize("response_type", ["code", *sorted(FRONT_CHANNEL)])
def test_the_person_logs_in_with_every_response_type(
    http: FlaskClient, folder: Path, client_id: str, response_type: str
) -> None:
    password = (folder / "secrets/password").read_text().strip()
    answered = log_in(http, authorize(http, client_id, response_type=response_type), password)
    parts = urlsplit(location(answered))
    answer = dict(parse_qsl(parts.fragment or parts.query))
    assert {{"token": "access_token"}.get(word, word) for word in response_type.split()} <= answer.keys()


# --- the suite's side -----------------------------------------------------------------------------------------------


def test_every_plan_has_a_configuration(folder: Path) -> None:
    lines = (folder / "suite/plans.txt").read_text().splitlines()
    files, plans = zip(*(line.split("\t") for line in lines), strict=True)
    assert {plan.partition("[")[0] for plan in plans} == set(PLANS)
    assert set(files) == {path.name for path in (folder / "suite").glob("*.json")}
    for method in ("private_key_jwt", "mtls"):
        for binding in ("dpop", "mtls"):
            variants = f"[client_auth_type={method}][sender_constrain={binding}]"
            assert sum(variants in plan for plan in plans) == 2


def test_the_suite_has_the_clients_secrets_and_keys_that_the_provider_has(
    folder: Path, document: dict[str, Any]
) -> None:
    registered = {client["client_id"]: client for client in document["clients"]}
    token = (folder / "secrets/initial-access-token").read_text().strip()
    for path in (folder / "suite").glob("*.json"):
        body = json.loads(path.read_text())
        assert body["server"]["discoveryUrl"] == f"{ISSUER}/.well-known/openid-configuration"
        for name in {"client", "client2", "client_secret_post"} & body.keys():
            client = body[name]
            if "client_id" not in client:
                assert client["initial_access_token"] == token
            elif "client_secret" in client:
                known = registered[client["client_id"]]
                assert client["client_secret"] == (folder / known["client_secret"]["file"]).read_text().strip()
            else:
                assert_same_keys(client["jwks"], folder / registered[client["client_id"]]["jwks"]["file"])


def assert_same_keys(private: dict[str, Any], public: Path) -> None:
    published = {key["kid"]: key for key in json.loads(public.read_text())["keys"]}
    for key in private["keys"]:
        assert "d" in key and "d" not in published[key["kid"]]
        assert published[key["kid"]].items() <= key.items()


def test_the_fapi_clients_have_different_keys_and_certificates(folder: Path) -> None:
    body = suite_file(folder, "fapi2-sp-mtls-mtls")
    assert body["client"]["jwks"]["keys"][0]["alg"] == "PS256", "else the modules with RS256 are skipped"
    assert body["client2"]["jwks"]["keys"][0]["alg"] == "ES256"
    assert body["mtls"]["cert"] != body["mtls2"]["cert"]
    assert body["resource"]["resourceUrl"] == f"{MTLS}/userinfo"
    assert suite_file(folder, "fapi2-sp-pkjwt-dpop")["resource"]["resourceUrl"] == f"{ISSUER}/userinfo"


def test_the_browser_knows_our_pages_by_ids_that_they_have(folder: Path) -> None:
    templates = "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
    used = set(re.findall(r'"id",\s*"([\w-]+)"', "".join(p.read_text() for p in (folder / "suite").glob("*.json"))))
    assert used >= {"username", "password", "login-submit", "login-cancel", "consent-allow", "logout-yes", "error-code"}
    for name in used - {"submission_complete"}:
        assert re.search(rf'(id|name)="{name}"|form\.{name}\b', templates), name
