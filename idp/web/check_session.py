"""/check-session: the page that relying parties put into a hidden frame to be told of changes (its script tells them).

It may be framed by anyone; it shows nothing of the person.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, render_template

from idp.protocol.session_management import PATH
from idp.web import browser, guard
from idp.web.context import provider

blueprint = Blueprint("check_session", __name__)


@blueprint.get(PATH)
def check_session() -> Response:
    settings = provider().settings
    if not settings.session_management:
        abort(404)
    page = render_template("idp/check_session.html", cookie=browser.cookie_name(settings, browser.STATE))
    headers = {"Content-Security-Policy": guard.FRAMED_POLICY, "Cache-Control": "private, max-age=3600"}
    return Response(page, headers=headers)
