"""deploy/conformance: what `prepare` writes is taken as it is, by the provider and in the shape the suite reads."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import import_key
from werkzeug.test import TestResponse

from deploy.conformance.served import SCOPE, beside
from idp.app import create_app
from idp.cli import main
from idp.config import load
from idp.context import Provider
from idp.domain.profile import FRONT_CHANNEL
from idp.protocol.claims import SCOPE_CLAIMS
from tests.assertions import AssertionKey
from tests.authorizing import CHALLENGE, VERIFIER, csrf_token, hidden, location
from tests.certificates import self_signed
from tests.proofs import ProofKey, token_hash

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
def app(run: Callable[..., Result], folder: Path) -> Iterator[Flask]:
    """The provider of that file."""
    app = create_app(load({"TONGXING_CONFIG": str(folder / "provider.toml"), "TONGXING_ARGON2_MEMORY_KIB": "8192"}))
    provider: Provider = app.extensions["tongxing"]
    with provider.work() as context:
        from idp.protocol.keys import ensure_keys

        ensure_keys(context)
    yield app
    provider.engine.dispose()
    provider.alone.dispose()


@pytest.fixture
def http(app: Flask) -> FlaskClient:
    """A browser before it; in front of both a proxy ends TLS."""
    return app.test_client()


@pytest.fixture
def served(app: Flask, folder: Path, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """The same with the protected resource beside the provider, as granian serves them."""
    monkeypatch.setattr(app, "wsgi_app", beside(app.wsgi_app, folder / "provider.toml"))
    return app.test_client()


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
    assert len(document["clients"]) == 6 + 1 + 16
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


# --- the protected resource ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Suite:
    """One of the suite's FAPI clients, at the provider and at the resource. A certificate is the proxy's header."""

    served: FlaskClient
    folder: Path
    name: str
    key: ProofKey = field(default_factory=ProofKey.new)

    @property
    def is_certificate_bound(self) -> bool:
        return self.name.endswith("mtls")

    @property
    def certificate(self) -> dict[str, str]:
        if "mtls" not in self.name:
            return {}
        return {"X-Client-Certificate": quote((self.folder / "keys/client-1.pem").read_text(), safe="")}

    def proof(self, method: str, url: str, **claims: Any) -> dict[str, str]:
        return {} if self.is_certificate_bound else {"DPoP": self.key.sign(self.key.claims(method, url, **claims))}

    def post(self, path: str, **form: Any) -> TestResponse:
        host = MTLS if self.certificate else ISSUER
        asked = form | self._authentication()
        headers = self.certificate | self.proof("POST", host + path)
        return self.served.post(path, base_url=host, data=asked, headers=headers)

    def credentials(self, **changes: Any) -> Any:
        return self.post("/token", **({"grant_type": "client_credentials", "scope": SCOPE} | changes)).json

    def read(self, token: str, scheme: str | None = None, **changes: str) -> TestResponse:
        """The resource by the address in the suite's configuration; ``changes`` of headers, "" leaves one out."""
        url: str = suite_file(self.folder, f"fapi2-{self.name}-oauth")["resource"]["resourceUrl"]
        known = self.proof("GET", url, ath=token_hash(token)) | (self.certificate if url.startswith(MTLS) else {})
        known["Authorization"] = f"{scheme or ('Bearer' if self.is_certificate_bound else 'DPoP')} {token}"
        headers = {name: value for name, value in (known | changes).items() if value}
        return self.served.get(urlsplit(url).path, base_url=url[: -len(urlsplit(url).path)], headers=headers)

    def _authentication(self) -> dict[str, str]:
        client_id = f"oidf-{self.name}-1"
        (jwk,) = json.loads((self.folder / "keys/client-1.private.json").read_text())["keys"]
        own = AssertionKey("PS256", jwk["kid"], import_key(jwk))
        return {"client_id": client_id} | ({} if self.name.startswith("sp-mtls") else own.form(client_id, aud=ISSUER))


@pytest.fixture(params=["pkjwt-dpop", "pkjwt-mtls", "mtls-dpop", "mtls-mtls"])
def suite(served: FlaskClient, folder: Path, request: pytest.FixtureRequest) -> Suite:
    return Suite(served, folder, f"sp-{request.param}")


def test_a_client_reads_by_its_own_credentials(suite: Suite) -> None:
    given = suite.credentials()
    assert given.keys() == {"access_token", "token_type", "expires_in", "scope"}
    answer = suite.read(given["access_token"])
    client_id = f"oidf-{suite.name}-1"
    assert (answer.status_code, answer.json) == (200, {"client_id": client_id, "sub": client_id, "scope": SCOPE})
    assert suite.read(given["access_token"], given["token_type"].upper()).status_code == 200


def test_a_token_that_is_not_shown_as_it_was_bound_reads_nothing(suite: Suite) -> None:
    token, other = suite.credentials()["access_token"], ProofKey.new()
    foreign = other.sign(other.claims("GET", f"{ISSUER}/resource/records", ath=token_hash(token)))
    wrong = self_signed().header if suite.is_certificate_bound else {"DPoP": foreign}
    for headers in (wrong, dict.fromkeys(wrong, "")):
        answer = suite.read(token, **headers)
        assert (answer.status_code, "error=" in answer.headers["WWW-Authenticate"]) == (401, True)
    assert suite.read(token, "DPoP" if suite.is_certificate_bound else "Bearer").status_code == 401
    assert suite.read(token).status_code == 200


def test_a_plain_bearer_token_for_userinfo_reads_nothing(served: FlaskClient, folder: Path) -> None:
    password = (folder / "secrets/password").read_text().strip()
    answered = log_in(served, authorize(served, "oidf-1", response_type="id_token token"), password)
    token = dict(parse_qsl(urlsplit(location(answered)).fragment))["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert served.get("/userinfo", base_url=ISSUER, headers=headers).status_code == 200
    answer = served.get("/resource/records", base_url=ISSUER, headers=headers)
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_token")
    assert served.get("/resource/records", base_url=ISSUER).headers["WWW-Authenticate"] == 'Bearer realm="tongxing"'


def test_a_person_is_read_for_without_openid_until_the_code_comes_twice(suite: Suite) -> None:
    """Plain OAuth: neither an ID token nor userinfo."""
    form = {"response_type": "code", "redirect_uri": CALLBACK, "scope": SCOPE, "state": "s"}
    pushed = suite.post("/par", **form, code_challenge=CHALLENGE, code_challenge_method="S256").json
    asked = {"client_id": f"oidf-{suite.name}-1", "request_uri": pushed["request_uri"]}
    browser = suite.served.application.test_client()
    page = browser.get("/authorize", query_string=asked, base_url=ISSUER)
    answered = log_in(browser, page, (suite.folder / "secrets/password").read_text().strip())
    answer = dict(parse_qsl(urlsplit(location(answered)).query))
    assert (answer["iss"], answer["state"]) == (ISSUER, "s")
    code = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": CALLBACK}
    given = suite.post("/token", **code, code_verifier=VERIFIER).json
    assert given["scope"] == SCOPE and "id_token" not in given
    again = suite.post("/token", grant_type="refresh_token", refresh_token=given["refresh_token"]).json
    assert "id_token" not in again
    for token in (given["access_token"], again["access_token"]):
        assert suite.read(token).json["sub"] != f"oidf-{suite.name}-1"
        assert userinfo(suite, token) in (401, 403)
    assert suite.post("/token", **code, code_verifier=VERIFIER).json["error"] == "invalid_grant"
    for token in (given["access_token"], again["access_token"]):
        assert suite.read(token).status_code == 401, "revoked"


def userinfo(suite: Suite, token: str) -> int:
    host = MTLS if suite.is_certificate_bound else ISSUER
    scheme = "Bearer" if suite.is_certificate_bound else "DPoP"
    headers = suite.proof("GET", f"{host}/userinfo", ath=token_hash(token)) | suite.certificate
    return suite.served.get(
        "/userinfo", base_url=host, headers=headers | {"Authorization": f"{scheme} {token}"}
    ).status_code


def test_what_the_readme_tells_granian_to_call_is_there() -> None:
    for text in (ROOT / "deploy/conformance/README.md", ROOT / "deploy/conformance/served.py"):
        (module, name) = re.findall(r"--factory ([\w.]+):(\w+)", text.read_text())[0]
        assert getattr(import_module(module), name).__module__ == beside.__module__


def test_the_resource_is_there_beside_the_provider(served: FlaskClient) -> None:
    assert served.get("/resource/other", base_url=ISSUER).status_code == 404
    assert served.post("/resource/records", base_url=ISSUER).status_code == 405
    assert served.get("/.well-known/openid-configuration", base_url=ISSUER).json["issuer"] == ISSUER


# --- the suite's side -----------------------------------------------------------------------------------------------


def test_every_plan_has_a_configuration(folder: Path) -> None:
    lines = (folder / "suite/plans.txt").read_text().splitlines()
    files, plans = zip(*(line.split("\t") for line in lines), strict=True)
    assert {plan.partition("[")[0] for plan in plans} == set(PLANS)
    assert set(files) == {path.name for path in (folder / "suite").glob("*.json")}
    for method in ("private_key_jwt", "mtls"):
        for binding in ("dpop", "mtls"):
            variants = f"[client_auth_type={method}][sender_constrain={binding}]"
            of_both = [plan for plan in plans if variants in plan]
            assert len(of_both) == 5
            assert sum("[openid=plain_oauth][fapi_profile=plain_fapi]" in plan for plan in of_both) == 2
            assert sum("[fapi_profile=fapi_client_credentials_grant]" in plan for plan in of_both) == 1


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


def test_whoever_asks_for_no_openid_asks_for_the_resources_scope(folder: Path, document: dict[str, Any]) -> None:
    registered = {client["client_id"]: client for client in document["clients"]}
    for kind in ("sp-{}-oauth", "ms-{}-oauth", "sp-{}-credentials"):
        for variant in ("pkjwt-dpop", "pkjwt-mtls", "mtls-dpop", "mtls-mtls"):
            body = suite_file(folder, "fapi2-" + kind.format(variant))
            host = MTLS if variant.endswith("mtls") else ISSUER
            assert body["resource"]["resourceUrl"] == f"{host}/resource/records"
            for client in (body["client"], body["client2"]):
                assert client["scope"] == SCOPE
                assert SCOPE in registered[client["client_id"]]["scope"].split()
                grants = registered[client["client_id"]]["grant_types"]
                assert kind.startswith("ms") or "client_credentials" in grants


def test_the_browser_knows_our_pages_by_ids_that_they_have(folder: Path) -> None:
    templates = "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
    used = set(re.findall(r'"id",\s*"([\w-]+)"', "".join(p.read_text() for p in (folder / "suite").glob("*.json"))))
    assert used >= {"username", "password", "login-submit", "login-cancel", "consent-allow", "logout-yes", "error-code"}
    for name in used - {"submission_complete"}:
        assert re.search(rf'(id|name)="{name}"|form\.{name}\b', templates), name
