"""Which services may see what: list and withdraw."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, flash, redirect, request
from flask_babel import get_locale, gettext
from werkzeug.wrappers import Response as AnyResponse

from idp.context import Context
from idp.domain.client import Client
from idp.domain.session import Consent, SignedIn
from idp.storage import consents, grants
from idp.web.accounts.visitor import centre_page, for_person
from idp.web.consent import consented_words

blueprint = Blueprint("account_consents", __name__)
_PAGE = "/account/consents"


@blueprint.get(_PAGE)
@for_person
def show(context: Context, signed_in: SignedIn) -> str:
    given = consents.list_of(context.db, signed_in.account.id)
    return centre_page(_PAGE, "accounts/consents.html", consents=[_shown(context, *one) for one in given])


@blueprint.post(f"{_PAGE}/withdraw")
@for_person
def withdraw(context: Context, signed_in: SignedIn) -> AnyResponse:
    """Forget the consent and revoke what the service got by it, at once."""
    client_id = request.form.get("client_id", "")
    account_id = signed_in.account.id
    if consents.find(context.db, account_id, client_id) is not None:
        consents.withdraw(context.db, account_id, client_id)
        grants.revoke_of_account(context.db, account_id, "consent_withdrawn", context.now, client_id)
        flash(gettext("Withdrawn. The service has no access any more; it will ask you next time."), "success")
    return redirect(_PAGE, 303)


def _login_url(context: Context, client: Client) -> str | None:
    """Where the service begins a login by us (OpenID Connect Core §4); None for one that does not say."""
    uri = client.initiate_login_uri
    if uri is None:
        return None
    return f"{uri}{'&' if urlsplit(uri).query else '?'}{urlencode({'iss': context.settings.issuer})}"


def _shown(context: Context, client_id: str, consent: Consent) -> dict[str, Any]:
    client = context.find_client(client_id)
    return {
        "client_id": client_id,
        "service": client.localized_name(str(get_locale())) if client else client_id,
        "login_url": _login_url(context, client) if client else None,
        "items": consented_words(context.settings, consent.scope, consent.claims),
        "granted_at": consent.granted_at,
    }
