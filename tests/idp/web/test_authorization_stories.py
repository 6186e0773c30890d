"""Random stories of one browser: asking, logging in, agreeing, refusing, waiting, leaving. Whatever happens, a code is
given only for a live session and a consent that covers it, and nobody is asked for what is not due."""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hypothesis import HealthCheck, settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from idp.app import create_app
from idp.config import Settings
from idp.context import Provider
from idp.domain.account import AccountStatus
from idp.storage import accounts, clients, consents
from tests import schema
from tests.authorizing import REDIRECT_URI, answer, asking, csrf_token, grant_of, hidden, location
from tests.clock import Clock
from tests.conftest import ISSUER, PASSWORD, IssuerClient

IDLE = timedelta(minutes=60)
MOSTLY = some.sampled_from([True, True, True, False])


class Story(RuleBasedStateMachine):
    """The model: when the person last logged in and was last seen, what they agreed to. ``template`` is set by the
    test."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "idp.sqlite3"
        shutil.copy(self.template, path)
        self.clock = Clock()
        app = create_app(
            Settings(
                issuer=ISSUER,
                database_url=f"sqlite:///{path}",
                master_key=schema.MASTER_KEY,
                argon2_memory_kib=1024,
                worker="none",
            ),
            clock=self.clock,
        )
        app.test_client_class = IssuerClient
        self.provider: Provider = app.extensions["tongxing"]
        schema.load_keys(self.provider)
        self.http = app.test_client()
        with self.provider.work() as context:
            metadata = {"redirect_uris": [REDIRECT_URI], "scope": "openid profile phone"}
            clients.put(context.db, "client", metadata, context.now)
            self.account = accounts.add(
                context.db,
                context.vault,
                claims={"name": "张伟"},
                now=context.now,
                username="zhangwei",
                password_hash=context.provider.passwords.hash(PASSWORD),
            )
        self.logged_in_at: datetime | None = None
        self.seen_at: datetime | None = None
        self.agreed: frozenset[str] = frozenset()
        self.is_frozen = False

    def teardown(self) -> None:
        self.provider.engine.dispose()
        self.folder.cleanup()

    @property
    def is_alive(self) -> bool:
        return self.seen_at is not None and self.clock.now < self.seen_at + IDLE and not self.is_frozen

    @rule(
        prompt=some.sampled_from([None, "none", "login", "consent", "select_account", "login consent"]),
        max_age=some.sampled_from([None, "0", "60", "3000"]),
        scope=some.sampled_from(["openid", "openid profile", "openid profile phone"]),
        will_log_in=MOSTLY,
        will_agree=MOSTLY,
    )
    def ask(self, prompt: str | None, max_age: str | None, scope: str, will_log_in: bool, will_agree: bool) -> None:
        self.clock.advance(1)
        was_alive, logged_in_at, before = self.is_alive, self.logged_in_at, self.agreed
        asked = asking(prompt=prompt, max_age=max_age, scope=scope)
        response, pages = self._follow(asked, will_log_in and not self.is_frozen, will_agree)
        told = answer(response)
        wanted, prompts = frozenset(scope.split()), set((prompt or "").split())
        is_too_old = max_age is not None and (
            logged_in_at is None or self.clock.now - logged_in_at > timedelta(seconds=int(max_age)) or max_age == "0"
        )
        is_login_due = not was_alive or "login" in prompts or is_too_old
        is_consent_due = "consent" in prompts or not wanted <= before
        if "none" in prompts:
            assert not pages
            expected = "login_required" if is_login_due else "consent_required" if is_consent_due else None
            assert told.get("error") == expected
        else:
            assert ("/login" in pages) is is_login_due
            got_in = not is_login_due or (will_log_in and not self.is_frozen)
            assert ("/consent" in pages) is (got_in and is_consent_due)
            is_code_due = got_in and (will_agree or not is_consent_due)
            assert told.get("error") == (None if is_code_due else "access_denied")
        if "code" in told:
            self._check_grant(told["code"], wanted)

    def _follow(self, asked: dict[str, Any], will_log_in: bool, will_agree: bool) -> tuple[Any, set[str]]:
        """Do what each page asks until the client has its answer."""
        response, pages = self.http.get("/authorize", query_string=asked), set[str]()
        if self.is_alive:
            self.seen_at = self.clock.now
        for _ in range(12):
            found = location(response)
            path = urlsplit(found).path
            if found.startswith(REDIRECT_URI):
                return response, pages
            if path == "/authorize":
                response = self.http.get(found)
                continue
            pages.add(path)
            response = self._at_page(path, found, self.http.get(found), will_log_in, will_agree, asked["scope"])
        raise AssertionError(f"still under way: {pages}")

    def _at_page(self, path: str, url: str, shown: Any, will_log_in: bool, will_agree: bool, scope: str) -> Any:
        form = {"csrf_token": csrf_token(shown), "interaction": hidden(shown, "interaction")}
        if path == "/login" and not will_log_in:
            return self.http.post("/authorize/cancel", data=form)
        if path == "/login":
            self.logged_in_at = self.seen_at = self.clock.now
            return self.http.post(url, data={**form, "username": "zhangwei", "password": PASSWORD})
        if path == "/consent":
            self.agreed |= frozenset(scope.split()) if will_agree else frozenset()
            return self.http.post(path, data={**form, "decision": "allow" if will_agree else "deny"})
        assert path == "/select-account"
        return self.http.post(path, data={**form, "decision": "continue"})

    def _check_grant(self, code: str, wanted: frozenset[str]) -> None:
        grant = grant_of(self.provider.work, code)
        assert grant.account_id == self.account.id
        assert self.is_alive and grant.auth_time == self.logged_in_at
        assert grant.scope == wanted and wanted <= self.agreed

    @rule(minutes=some.sampled_from([0.1, 0.5, 2, 25, 25, 780]))
    def wait(self, minutes: float) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    @rule(what=some.sampled_from(["leave", "withdraw", "freeze", "thaw", "thaw"]))
    def disturb(self, what: str) -> None:
        {"leave": self._leave, "withdraw": self._withdraw}.get(what, lambda: self._freeze(what == "freeze"))()

    def _leave(self) -> None:
        if not self.is_alive:
            return
        asked = self.http.get("/logout")
        form = {"csrf_token": csrf_token(asked), "interaction": hidden(asked, "interaction"), "decision": "logout"}
        assert self.http.post("/logout", data=form).status_code == 303
        self.seen_at = self.logged_in_at = None

    def _withdraw(self) -> None:
        with self.provider.work() as context:
            consents.withdraw(context.db, self.account.id, "client")
        self.agreed = frozenset()

    def _freeze(self, is_frozen: bool) -> None:
        status = AccountStatus.FROZEN if is_frozen else AccountStatus.ACTIVE
        with self.provider.work() as context:
            accounts.set_status(context.db, self.account.id, status, context.now)
        self.is_frozen = is_frozen

    @invariant()
    def nobody_gets_in_by_asking_silently(self) -> None:
        if not self.is_alive:
            told = answer(self.http.get("/authorize", query_string=asking(prompt="none")))
            assert told["error"] == "login_required"


def test_stories(sqlite_template: Path) -> None:
    Story.template = sqlite_template
    run_state_machine_as_test(
        Story,
        settings=replace_settings(max_examples=15, stateful_step_count=20),
    )


def replace_settings(**values: Any) -> settings:
    return settings(deadline=None, suppress_health_check=list(HealthCheck), **values)
