"""Identities at other platforms that lead to this account: list, link, unlink."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request
from flask_babel import get_locale, gettext
from werkzeug.wrappers import Response as AnyResponse

from idp.accounts import notices
from idp.context import Context
from idp.domain.session import SignedIn
from idp.storage import accounts, linked_identities
from idp.web.accounts import wording
from idp.web.accounts.centre import source_name
from idp.web.accounts.visitor import centre_page, for_fresh_login, for_person

blueprint = Blueprint("account_identities", __name__)
_PAGE = "/account/identities"


@blueprint.get(_PAGE)
@for_person
def show(context: Context, signed_in: SignedIn) -> str:
    linked = linked_identities.list_of(context.db, signed_in.account.id)
    locale = str(get_locale())
    at = {one.issuer for one in linked}
    return centre_page(
        _PAGE,
        "accounts/identities.html",
        identities=[
            {
                "id": one.id,
                "platform": source_name(context, one.issuer),
                "linked_at": one.linked_at,
                "last_login_at": one.last_login_at,
            }
            for one in linked
        ],
        may_link=[
            {
                "url": f"/upstream/{upstream.name}/start",
                "label": upstream.label.get(locale) or next(iter(upstream.label.values())),
            }
            for upstream in context.settings.upstreams
            if upstream.issuer not in at
        ],
        has_password=accounts.find_password_hash(context.db, signed_in.account.id) is not None,
    )


@blueprint.post(f"{_PAGE}/unlink")
@for_fresh_login
def unlink(context: Context, signed_in: SignedIn) -> AnyResponse:
    """The last way in is never taken away: without a password the identity stays linked."""
    account = signed_in.account
    if accounts.find_password_hash(context.db, account.id) is None:
        flash(gettext("Set a password first: this is your only way to sign in."), "error")
    elif linked_identities.remove(context.db, account.id, request.form.get("identity", "")):
        text = gettext("[%(service)s] An account on another platform was unlinked.", service=wording.service_name())
        notices.notify(context, account, text, subject=gettext("An account was unlinked"))
        flash(gettext("Unlinked. You can no longer sign in through that platform, until you link it again."), "success")
    return redirect(_PAGE, 303)
