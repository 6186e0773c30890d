"""What operators do from the command line takes effect, and mistakes get one clear line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from idp.cli import main
from idp.config import Settings
from idp.context import Context, Provider
from idp.domain.account import AccountStatus
from idp.domain.signing_key import KeyStage
from idp.housekeeping import Housekeeper
from idp.outbound import Answer, OutboundBusy, OutboundClient
from idp.protocol.client_metadata import Policy
from idp.storage import accounts, clients, initial_access_tokens, outbox, sessions, signing_keys
from idp.worker import key_jobs
from tests.clock import Clock

Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings, provider: Any, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``tongxing …`` against the test's database."""
    monkeypatch.setenv("TONGXING_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("TONGXING_MASTER_KEY", settings.master_key)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return run


def test_keys_rotate_at_once_and_the_old_ones_stay_published(run: Run, work: Callable[[], Any]) -> None:
    def signing() -> set[str]:
        with work() as context:
            found = signing_keys.list_all(context.db, context.vault)
            return {key.kid for key in found if key.stage(context.now) is KeyStage.SIGNING}

    before = signing()
    assert run("keys", "rotate").exit_code == 0
    listed = run("keys", "list").output
    assert all(kid in listed for kid in before)
    assert "signing" in listed and "retiring" in listed


def test_a_rotation_reaches_a_running_process_within_five_seconds(run: Run, provider: Provider, clock: Clock) -> None:
    beside = Housekeeper(provider, key_jobs())
    beside.run_due()
    old, _ = provider.keys.signing("RS256", clock())
    assert run("keys", "rotate").exit_code == 0
    clock.advance(5)
    beside.run_due()
    new, _ = provider.keys.signing("RS256", clock())
    published = {key["kid"] for key in provider.keys.jwks(clock())["keys"]}
    assert new != old and {new, old} <= published


def test_a_client_is_added_once_listed_replaced_and_disabled(run: Run, work: Callable[[], Any], tmp_path: Path) -> None:
    metadata = tmp_path / "client.json"
    metadata.write_text(json.dumps({"client_name": "A portal", "redirect_uris": ["https://rp.example/cb"]}))
    added = run("client", "add", "rp", "--metadata", str(metadata), "--first-party")
    secret = json.loads(added.output)["client_secret"]
    with work() as context:
        client = clients.find(context.db, "rp")
        assert client is not None and client.is_first_party and client.check_client_secret(secret)
    assert "A portal" in run("client", "list").output
    again = run("client", "add", "rp", "--metadata", str(metadata))
    assert again.exit_code != 0 and "exists" in again.output
    assert json.loads(run("client", "add", "rp", "--metadata", str(metadata), "--replace").output)["client_secret"]
    assert run("client", "disable", "rp").exit_code == 0
    with work() as context:
        assert clients.find(context.db, "rp") is None
    assert "no active client" in run("client", "disable", "rp").output


def test_a_client_is_checked_against_its_profile(run: Run, register_client: Callable[..., Any]) -> None:
    register_client("good", scope="openid")
    register_client("weak", scope="openid", profile="fapi2", openings=["unsigned_id_token"])
    good, weak = run("client", "check", "good"), run("client", "check", "weak")
    assert good.exit_code == 0 and "profile default" in good.output and "met" in good.output
    assert weak.exit_code == 1
    assert "unmet" in weak.output and "tokens bound by DPoP or mutual TLS" in weak.output and "OPEN" in weak.output
    assert run("client", "check", "nobody").exit_code == 1


def test_profile_and_openings_are_listed_with_a_word_whether_they_count(
    run: Run, register_client: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    register_client("lenient", profile="legacy", openings=["unsigned_id_token"])
    listed = run("client", "list")
    assert "legacy\tOPEN: unsigned_id_token" in listed.output and listed.stderr == ""
    monkeypatch.setenv("TONGXING_OPENINGS_ALLOWED", "true")
    assert "openings count" in run("client", "list").stderr


@pytest.mark.parametrize("text", ["{", "[]"])
def test_metadata_that_is_no_object_is_refused(run: Run, tmp_path: Path, text: str) -> None:
    metadata = tmp_path / "client.json"
    metadata.write_text(text)
    refused = run("client", "add", "rp", "--metadata", str(metadata))
    assert refused.exit_code != 0 and "JSON" in refused.output


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"redirect_uris": ["https://rp.example/#x"]}, ("invalid_redirect_uri", "redirect_uris")),
        ({"redirect_uris": ["https://rp.example/cb"], "redirect_url": "x"}, ("not known", "redirect_url")),
        ({"redirect_uris": ["https://rp.example/cb"], "profile": "fapi2"}, ("fapi2", "token_endpoint_auth_method")),
        ({"redirect_uris": ["https://rp.example/cb"], "scope": "openid unknown"}, ("scope",)),
    ],
)
def test_wrong_metadata_are_refused_in_one_line(
    run: Run, tmp_path: Path, document: dict[str, Any], words: tuple[str, ...]
) -> None:
    metadata = tmp_path / "client.json"
    metadata.write_text(json.dumps(document))
    refused = run("client", "add", "rp", "--metadata", str(metadata))
    assert refused.exit_code != 0 and len(refused.output.splitlines()) == 1
    assert all(word in refused.output for word in words)


def test_a_client_of_an_operator_may_have_what_no_registrant_may(
    run: Run, work: Callable[[], Any], tmp_path: Path
) -> None:
    metadata = tmp_path / "client.json"
    document = {
        "redirect_uris": ["https://rp.example/cb"],
        "profile": "legacy",
        "response_types": ["id_token"],
        "resource_identifier": "https://api.example",
        "token_endpoint_auth_method": "client_secret_jwt",
        "logo_uri": "http://127.0.0.1:1/logo",  # not to be had: the client has no picture
    }
    metadata.write_text(json.dumps(document))
    added = run("client", "add", "rp", "--metadata", str(metadata))
    assert added.exit_code == 0, added.output
    with work() as context:
        client = clients.find(context.db, "rp")
        assert client is not None and client.secret_sealed is not None and client.logo_path is None
        assert client.grant_types == {"implicit"}
        assert client.resource_identifier == "https://api.example"


def test_the_list_of_a_sector_is_looked_at(run: Run, tmp_path: Path) -> None:
    """OpenID Connect Registration §5."""
    metadata = tmp_path / "client.json"
    document = {"redirect_uris": ["https://rp.example/cb"], "sector_identifier_uri": "http://127.0.0.1:1/sector"}
    metadata.write_text(json.dumps(document))
    refused = run("client", "add", "rp", "--metadata", str(metadata))
    assert refused.exit_code != 0 and "sector_identifier_uri could not be read" in refused.output


def test_hosts_that_do_not_answer_are_said_to_be_the_reason(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get(_client: OutboundClient, _url: str, _headers: Any = None) -> Answer:
        raise OutboundBusy

    monkeypatch.setattr(OutboundClient, "get", get)
    metadata = tmp_path / "client.json"
    document = {"redirect_uris": ["https://rp.example/cb"], "logo_uri": "https://rp.example/logo.png"}
    metadata.write_text(json.dumps(document))
    refused = run("client", "add", "rp", "--metadata", str(metadata))
    assert refused.exit_code == 1 and "try again" in refused.output


def test_an_initial_access_token_is_made_listed_and_withdrawn(run: Run, work: Callable[[], Any], clock: Any) -> None:
    made = run(
        "client", "token", "--label", "certification", "--profile", "legacy", "--opening", "request_without_pkce",
        "--scope", "identity", "--uses", "3", "--expires", "7",
    )  # fmt: skip
    text = json.loads(made.output)["initial_access_token"]
    with work() as context:
        found = initial_access_tokens.find(context.db, text, context.now)
        assert found is not None
        assert Policy.of(found.policy) == Policy(
            "legacy", ("request_without_pkce",), frozenset({"identity"}), is_first_party=False
        )
        assert found.uses_left == 3
    listed = run("client", "tokens").output
    assert all(word in listed for word in ("certification", "legacy", "3 more")) and text not in listed
    assert run("client", "withdraw-token", found.id).exit_code == 0
    assert run("client", "tokens").output == ""
    assert run("client", "withdraw-token", found.id).exit_code != 0
    assert "any number" in run("client", "token", "--label", "x").output + run("client", "tokens").output
    assert run("client", "token", "--label", "x", "--scope", "unknown").exit_code != 0
    assert run("client", "token", "--label", "x", "--opening", "unknown").exit_code != 0


def test_freezing_ends_every_session_and_unfreezing_lets_the_person_in_again(
    run: Run, work: Callable[[], Any], add_person: Callable[..., Any], sign_in: Callable[..., Any]
) -> None:
    person = add_person(name="张三", phone="13800138000")
    sign_in(person)
    shown = run("user", "show", "138 0013 8000")
    assert "active" in shown.output and "张三" not in shown.output and "13800138000" not in shown.output
    assert run("user", "freeze", "13800138000").exit_code == 0
    with work() as context:
        found = accounts.find(context.db, context.vault, person.id)
        assert found is not None and found.status is AccountStatus.FROZEN
        assert sessions.list_alive(context.db, person.id, context.now) == []
    assert run("user", "unfreeze", "13800138000").exit_code == 0
    assert "active" in run("user", "show", "13800138000").output
    assert "nobody" in run("user", "show", "nobody.known").output


def test_dead_letters_are_seen_and_get_another_life(run: Run, work: Callable[[], Any]) -> None:
    def dead_letter(context: Context, recipient: str) -> None:
        outbox.add(context.db, kind="backchannel_logout", batch="b", recipient=recipient, payload={}, now=context.now)

    with work() as context:
        dead_letter(context, "one")
        dead_letter(context, "two")
    with work() as context:
        for delivery in outbox.lease_due(context.db, context.now, context.now + timedelta(minutes=1)):
            outbox.mark_failed(context.db, delivery, "refused", None, context.now)
    listed = run("outbox", "list").output.splitlines()
    assert len(listed) == 2 and all("refused" in line for line in listed)
    assert run("outbox", "retry", listed[0].split("\t")[0]).exit_code == 0
    assert run("outbox", "retry", "unknown").exit_code != 0
    assert run("outbox", "retry").exit_code != 0
    assert "1 will be tried again" in run("outbox", "retry", "--all").output
    assert run("outbox", "list").output == ""
    assert len(run("outbox", "list", "--waiting").output.splitlines()) == 2


def test_a_missing_master_key_is_said_in_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TONGXING_MASTER_KEY")
    refused = run("keys", "list")
    assert refused.exit_code != 0 and "master_key" in refused.output


@pytest.mark.parametrize("command", [("client", "list"), ("worker",)], ids=" ".join)
@pytest.mark.parametrize("setting", ["outbound_ca_bundle", "client_ca_bundle"])
def test_a_file_that_nobody_can_read_gets_one_line_naming_its_setting(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], setting: str
) -> None:
    monkeypatch.setenv(f"TONGXING_{setting.upper()}", "/nowhere.pem")
    done = run(*command)
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit)
    assert done.output.startswith(f"Error: setting {setting}: ") and len(done.output.splitlines()) == 1
