"""What the suite's scripted browser does on our pages: addresses and element ids are a contract (docs/pages.md).

A visit begins at an address and goes through tasks, one a page. A task whose page does not come is left out if it is
optional. A page that a person must judge fills the placeholder of the module's log.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

_SECONDS = 20
_PICTURE = "update-image-placeholder"
_PICTURE_IF_WANTED = "update-image-placeholder-optional"
Command = list[Any]


@dataclass(frozen=True)
class Pages:
    """``callbacks``: where the suite's addresses for this alias begin."""

    issuer: str
    callbacks: str
    username: str
    password: str = field(repr=False)

    def normal(self) -> dict[str, Any]:
        """Log in, consent, be back at the suite."""
        return self._authorize(*self._person(), self._onward(), self._callback())

    def pictured(self) -> dict[str, Any]:
        """The same; the login page is the picture, where one is wanted."""
        login = self._login(["wait", "id", "login-submit", _SECONDS, ".", _PICTURE_IF_WANTED])
        return self._authorize(login, *self._person()[1:], self._onward(), self._callback())

    def refused(self) -> dict[str, Any]:
        """An error page at once, never a redirect."""
        wait = ["wait", "id", "error-code", _SECONDS, ".", _PICTURE]
        return self._authorize(_task("Error page", f"{self.issuer}/*", wait))

    def refused_somehow(self) -> dict[str, Any]:
        """An error page, or an error at the callback, perhaps after the login."""
        either = ["wait", "xpath", "//*[@id='error-code' or @id='submission_complete']", _SECONDS]
        picture = ["wait", "id", "error-code", _SECONDS, ".", _PICTURE_IF_WANTED]
        return self._authorize(
            *self._person(),
            _task("Error page, or a page that sends itself on", f"{self.issuer}/*", either, optional=True),
            _task("Error page", f"{self.issuer}/*", picture, optional=True),
            self._callback(optional=True),
        )

    def cancelled(self) -> dict[str, Any]:
        """The person does not want to."""
        cancel = _task("Cancel", f"{self.issuer}/login*", ["click", "id", "login-cancel"])
        return self._authorize(cancel, self._onward(), self._callback())

    def only_looked_at(self) -> dict[str, Any]:
        """The first time the person stops at the login page."""
        look = _task("Only look", f"{self.issuer}/login*", ["wait", "id", "login-submit", _SECONDS])
        return self._authorize(look) | {"match-limit": 1}

    def shown_on_login(self, selector: str) -> dict[str, Any]:
        """The login page shows it; the page is the picture."""
        waits = [["wait", "css", selector, _SECONDS], ["wait", "id", "content", _SECONDS, ".", _PICTURE]]
        return self._authorize(_task("Login page", f"{self.issuer}/login*", *waits))

    def logout(self) -> dict[str, Any]:
        """Sign out and be back at the suite: at once, or from the page that tells other services first."""
        back = _task("Back at the suite", f"{self.callbacks}/post_logout_redirect*")
        tasks = [self._confirm_logout(), self._onward(), back]
        return {"match": f"{self.issuer}/logout*", "tasks": tasks}

    def logout_stays(self) -> dict[str, Any]:
        """An error page, or the question and the page that says so; never back to the suite."""
        wait = ["wait", "xpath", "//*[@id='error-code' or @id='signed-out']", _SECONDS, ".", _PICTURE]
        tasks = [self._confirm_logout(), _task("Error or signed out", f"{self.issuer}/*", wait)]
        return {"match": f"{self.issuer}/logout*", "tasks": tasks}

    def session_watched(self) -> dict[str, Any]:
        """The suite's own page with our check_session_iframe."""
        wait = ["wait", "contains", "session_result", 30]
        verify = f"{self.callbacks}/*session_verify*"
        return {"match": verify, "tasks": [_task("Wait for the frame's answer", f"{self.callbacks}/*session*", wait)]}

    def _authorize(self, *tasks: dict[str, Any]) -> dict[str, Any]:
        return {"match": f"{self.issuer}/authorize*", "tasks": list(tasks)}

    def _person(self) -> list[dict[str, Any]]:
        consent = ["click", "id", "consent-allow"]
        return [self._login(), _task("Consent", f"{self.issuer}/consent*", consent, optional=True)]

    def _login(self, *before: Command) -> dict[str, Any]:
        commands: list[Command] = [
            *before,
            ["text", "id", "username", self.username],
            ["text", "id", "password", self.password],
            ["click", "id", "login-submit"],
        ]
        return _task("Login", f"{self.issuer}/login*", *commands, optional=True)

    def _onward(self) -> dict[str, Any]:
        """A page of ours that sends itself on: form_post, front-channel logout."""
        back = ["wait", "match", f"^{re.escape(self.callbacks)}/", _SECONDS]
        return _task("Page that sends itself on", f"{self.issuer}/*", back, optional=True)

    def _callback(self, *, optional: bool = False) -> dict[str, Any]:
        done = ["wait", "id", "submission_complete", _SECONDS]
        return _task("Back at the suite", f"{self.callbacks}/callback*", done, optional=optional)

    def _confirm_logout(self) -> dict[str, Any]:
        sure = ["click", "id", "logout-yes", "optional"]
        return _task("Confirm the logout", f"{self.issuer}/logout*", sure, optional=True)


def _task(name: str, match: str, *commands: Command, optional: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {"task": name, "match": match, "commands": list(commands)}
    return found | ({"optional": True} if optional else {})
