"""The two cookies of a relying party: the session's, and the one that binds a pending login to its browser."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from flask import Response, abort, request

from clients.kit.pending_login import LIFE

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


class Cookies:
    """Cookies ignore ports: every service on a host needs a `name` of its own."""

    def __init__(self, name: str, path: str, is_secure: bool, csrf_key: bytes) -> None:
        # `__Host-` binds a cookie to this very host, but is only for the path / (RFC 6265bis §4.1.3.2).
        prefix = ("__Host-" if path == "/" else "__Secure-") if is_secure else ""
        self._session_name = prefix + name
        self._browser_name = f"{prefix}{name}_login"
        self._path = path
        self._is_secure = is_secure
        self._csrf_key = csrf_key

    def session(self) -> str | None:
        return self._read(self._session_name)

    def browser(self) -> str | None:
        return self._read(self._browser_name)

    def new_browser(self) -> str:
        """This browser's secret: the one it has, so that logins in two windows both work, or a new one."""
        return self.browser() or secrets.token_urlsafe(32)

    def set_browser(self, response: Response, secret: str) -> None:
        self._set(response, self._browser_name, secret, int(LIFE.total_seconds()))

    def set_session(self, response: Response, token: str) -> None:
        # No max-age: it ends with the browser session at the latest; the server decides about the rest.
        self._set(response, self._session_name, token, None)

    def clear_session(self, response: Response) -> None:
        response.delete_cookie(
            self._session_name, path=self._path, secure=self._is_secure, httponly=True, samesite="Lax"
        )

    def csrf_token(self) -> str:
        """Follows from the session's secret, so it needs no storing and dies with the session."""
        token = self.session()
        return hmac.new(self._csrf_key, token.encode(), hashlib.sha256).hexdigest() if token else ""

    def check_csrf(self) -> None:
        """Answers 400 unless the form carries this session's token."""
        given, wanted = request.form.get("csrf_token", ""), self.csrf_token()
        if wanted and not hmac.compare_digest(given.encode(), wanted.encode()):
            abort(400, "The form has expired. Please go back, reload the page and try again.")

    def _read(self, name: str) -> str | None:
        value = request.cookies.get(name, "")
        return value if _SECRET.fullmatch(value) else None

    def _set(self, response: Response, name: str, value: str, max_age: int | None) -> None:
        response.set_cookie(
            name, value, max_age=max_age, path=self._path, secure=self._is_secure, httponly=True, samesite="Lax"
        )
