"""Every POST from one of our pages proves that it comes from one: Flask-WTF's token, checked in one place.

Protocol endpoints authenticate their callers and need none; front-channel endpoints are posted to by other sites and
ask for a token themselves, where a POST decides something (:func:`protect`).
"""

from __future__ import annotations

from flask import Flask, request
from flask_wtf.csrf import CSRFProtect

from idp.web.endpoint_kinds import is_front_channel, is_protocol

_tokens = CSRFProtect()  # holds no state of its own: keys and tokens are the application's and the browser's


def install(app: Flask) -> None:
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
