"""What stands around every view: proxies, transaction, door, form tokens, errors, language.

Order matters. What is installed first runs first before a view and last after it: the transaction commits when nothing
else can change the answer any more.
"""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from idp.config import Settings
from idp.web import browser, context, csrf, errors, guard, locale, proxy


def install(app: Flask, root: Path) -> None:
    settings: Settings = app.extensions["tongxing"].settings
    proxy.install(app)
    context.install(app)
    guard.install(app)
    csrf.install(app)
    app.after_request(lambda response: browser.keep(settings, response))
    errors.install(app)
    locale.install(app, root)
