"""/select-account: go on as who is signed in, or as somebody else (prompt=select_account)."""

from __future__ import annotations

from flask import Blueprint, Response, abort, redirect, render_template, request
from flask_babel import get_locale
from werkzeug.wrappers import Response as AnyResponse

from federation.identifiers import mask, mask_mobile
from idp.domain.account import Account
from idp.protocol.interaction import ANOTHER_ACCOUNT
from idp.web import interactions, pending
from idp.web.context import current

blueprint = Blueprint("select_account", __name__)


@blueprint.get("/select-account")
def show() -> AnyResponse:
    context = current()
    waiting = pending.load(context)
    if waiting.signed_in is None:
        return redirect(interactions.resume_url(waiting.handle), 302, Response)
    account = waiting.signed_in.account
    page = render_template(
        "idp/select_account.html",
        current={"name": account.name, "masked_id": _masked(account)},
        client=pending.client_shown(waiting.request.client, str(get_locale())),
        interaction=interactions.for_person(context, waiting.handle, account.id),
    )
    return Response(page)


@blueprint.post("/select-account")
def decide() -> AnyResponse:
    context = current()
    waiting = pending.load(context)
    decision = request.form.get("decision")
    if decision == "continue" and waiting.signed_in is not None:
        if not waiting.is_answer_of_who_was_asked:  # ask whoever is signed in now
            return redirect(interactions.page_url("/select-account", waiting.handle), 303, Response)
        pending.save(context, waiting, selected_sid=waiting.signed_in.session.sid)
    elif decision == "other":
        pending.save(context, waiting, selected_sid=ANOTHER_ACCOUNT)
    elif decision != "continue":
        abort(400)
    return redirect(interactions.resume_url(waiting.handle), 303, Response)


def _masked(account: Account) -> str:
    """Enough for the person to know which account it is, too little for anyone else."""
    number, phone = account.claims.get("id_number"), account.claims.get("phone_number")
    if number:
        return mask(str(number))
    return mask_mobile(str(phone).removeprefix("+86")) if phone else (account.username or "")
