"""What every page of a portal works with: its settings, its login, and the way to the middle platform."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec

from flask.typing import ResponseReturnValue

from clients.kit.flask_language import current_language
from clients.kit.flask_login import FlaskLogin
from clients.kit.http import HttpClient
from clients.portals.config import Settings
from clients.portals.platform import Platform

P = ParamSpec("P")


@dataclass(frozen=True)
class Portal:
    """One portal: built once by `app.create_app`, handed to every module of pages."""

    settings: Settings
    login: FlaskLogin
    platform_http: HttpClient

    def platform(self) -> Platform:
        """The middle platform on behalf of the person logged in.

        Raises SessionEnded when nobody is, ProviderUnavailable when an old token cannot be renewed now.
        """
        return self._platform(self.login.access_token())

    def public_platform(self) -> Platform:
        """The same for what anybody may read, whoever asks: lists and guides."""
        return self._platform(None)

    def _platform(self, token: str | None) -> Platform:
        return Platform(self.platform_http, self.settings.matters_url, current_language(), token)

    def personal(self, view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        """A page for people who are logged in; whatever it asks of others takes one time-out in all."""
        return self.login.required()(self.within_time(view))

    def within_time(self, view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        """A page whose outbound calls together take no longer than one time-out."""

        @wraps(view)
        def limited(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            with self.platform_http.within():
                return view(*args, **kwargs)

        return limited
