"""Every POST from one of our pages proves that it comes from one: Flask-WTF's token, checked in one place.

Protocol endpoints authenticate their callers and need none; front-channel endpoints are posted to by other sites and
ask for a token themselves, where a POST decides something (:func:`protect`).
"""

from __future__ import annotations

from flask import Flask, Response, request
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_wtf.csrf import CSRFProtect
from itsdangerous import URLSafeTimedSerializer

from idp.web.endpoint_kinds import is_front_channel, is_protocol

_tokens = CSRFProtect()  # holds no state of its own: keys and tokens are the application's and the browser's


class _FormSession(SecureCookieSessionInterface):
    """Flask's signed cookie, for form tokens only. Its signer is made once, and answers that did not look at it are
    left alone."""

    _signer: URLSafeTimedSerializer | None = None

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        if self._signer is None:
            self._signer = super().get_signing_serializer(app)
        return self._signer

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if session.accessed or session.modified:
            super().save_session(app, session, response)


def install(app: Flask) -> None:
    app.session_interface = _FormSession()
    app.config.update(
        WTF_CSRF_CHECK_DEFAULT=False,  # this module decides
        WTF_CSRF_TIME_LIMIT=None,  # a form may stay open as long as its browser
        WTF_CSRF_SSL_STRICT=False,  # wants a Referer header, which our own Referrer-Policy forbids
    )
    _tokens.init_app(app)
    app.before_request(_check)


def protect() -> None:
    """Raises CSRFError (400) unless the POST at hand comes from one of our pages."""
    _tokens.protect()


def _check() -> None:
    if request.endpoint and not is_protocol() and not is_front_channel():
        protect()
