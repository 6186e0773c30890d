"""/act-as: after a login, for whom the person acts: themselves or a company whose mandate they hold."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request
from flask_babel import get_locale, gettext
from werkzeug.wrappers import Response as AnyResponse

from idp.accounts.mandates import is_running_out, last_day_of, list_choices
from idp.context import Context
from idp.domain.session import SignedIn
from idp.web import browser, interactions, pending
from idp.web.accounts.organisations import choose
from idp.web.accounts.wording import role_name
from idp.web.context import current

blueprint = Blueprint("act_as", __name__)
_MYSELF = "self"


@blueprint.get("/act-as")
def show() -> AnyResponse | str:
    context = current()
    handle = request.args.get("interaction", "")
    interactions.peek(context, handle)
    signed_in = browser.signed_in(context)
    if signed_in is None:
        return redirect(interactions.resume_url(handle), 303)
    return _page(context, signed_in, handle)


@blueprint.post("/act-as")
def submit() -> AnyResponse | tuple[str, int]:
    context = current()
    handle = request.form.get("interaction", "")
    interactions.peek(context, handle)
    signed_in = browser.signed_in(context)
    chosen = request.form.get("act_as", "")
    if signed_in is None:
        return redirect(interactions.resume_url(handle), 303)
    if chosen and choose(context, signed_in, "" if chosen == _MYSELF else chosen):
        return redirect(interactions.resume_url(handle), 303)
    error = gettext("You may not act for this company any more. Please choose again.")
    return _page(context, signed_in, handle, error), 422


def _page(context: Context, signed_in: SignedIn, handle: str, error: str | None = None) -> str:
    client = context.find_client(interactions.peek(context, handle).client_id)
    return render_template(
        "idp/act_as.html",
        choices=_choices(context, signed_in),
        selected=signed_in.session.mandate_id or _MYSELF,
        client=pending.client_shown(client, str(get_locale())) if client else None,
        error=error,
        interaction=handle,
    )


def _choices(context: Context, signed_in: SignedIn) -> list[dict[str, Any]]:
    myself = {"value": _MYSELF, "title": signed_in.account.name, "detail": gettext("For myself"), "valid_until": None}
    companies = [
        {
            "value": mandate.id,
            "title": mandate.organisation_name,
            "detail": f"{role_name(mandate.role)} · {mandate.uscc}",
            "valid_until": last_day_of(mandate),
            "is_running_out": is_running_out(mandate, context.now),
        }
        for mandate in list_choices(context, signed_in)
    ]
    return [myself, *companies]
