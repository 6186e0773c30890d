"""What only the person can say after coming back from another provider: this account here is mine, too; or: yes, sign
me in instead of whoever is signed in here.

Binding by hand has two steps: prove the account here by its password, then confirm what is about to be connected.
"""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as AnyResponse
from wtforms import PasswordField, StringField

from federation.identifiers import mask
from idp.authn import password_login
from idp.authn import upstream as matching
from idp.authn.password_login import AccountNotActive, WrongPassword
from idp.authn.throttle import TooManyFailures
from idp.authn.upstream import BindingRefused
from idp.config import Upstream
from idp.context import Context
from idp.crypto.passwords import PasswordsBusy
from idp.domain.account import Account
from idp.storage import accounts
from idp.web import browser, device, upstream_flow, upstream_pages
from idp.web.context import current
from idp.web.endpoint_kinds import acts
from idp.web.own_paths import with_interaction
from idp.web.upstream import enter, enter_matched, upstream_or_404
from idp.web.upstream_flow import Waiting

blueprint = Blueprint("upstream_binding", __name__)


class BindForm(FlaskForm):
    username = StringField(_l("Mobile number, ID number or username"))
    password = PasswordField(_l("Password"))


def _handle() -> str:
    return request.form.get("interaction") or request.args.get("interaction") or ""


def _waiting(context: Context, upstream: Upstream) -> Waiting | None:
    return upstream_flow.find_waiting(context, _handle(), upstream.name)


# --- binding by hand -------------------------------------------------------------------------------------------------


@blueprint.get("/upstream/<name>/bind")
def bind(name: str) -> AnyResponse:
    context, upstream = current(), upstream_or_404(name)
    waiting = _waiting(context, upstream)
    if waiting is None:
        return upstream_pages.waiting_lost()
    return Response(_bind_page(upstream, waiting, BindForm()))


@blueprint.post("/upstream/<name>/bind")
def prove(name: str) -> AnyResponse:
    """The first step: whose account is it here?"""
    context, upstream = current(), upstream_or_404(name)
    waiting = _waiting(context, upstream)
    if waiting is None:
        return upstream_pages.waiting_lost()
    form = BindForm()
    try:
        account = _proved_account(context, form)
        matching.check_binding(context, waiting.identity, account)
    except _Refused as error:
        return Response(_bind_page(upstream, waiting, form, error.text), error.status)
    except BindingRefused as error:
        return Response(_bind_page(upstream, waiting, form, _binding_text(error)), 409)
    upstream_flow.save_waiting(context, waiting.proved(account.id))
    return upstream_pages.to(with_interaction(f"/upstream/{name}/bind/confirm", _handle()))


@blueprint.get("/upstream/<name>/bind/confirm")
def confirm(name: str) -> AnyResponse:
    context, upstream = current(), upstream_or_404(name)
    waiting = _waiting(context, upstream)
    account = _account_of(context, waiting)
    if waiting is None or account is None:
        return upstream_pages.waiting_lost()
    try:
        is_replacing = matching.check_binding(context, waiting.identity, account)
    except BindingRefused as error:
        return _not_bound(error)
    page = render_template(
        "idp/bind_confirm.html",
        upstream=upstream_pages.described(upstream),
        person=upstream_pages.person_of(waiting.identity),
        account=_described(account),
        is_replacing=is_replacing,
        interaction=_handle(),
        cancel_url=f"/upstream/{name}/bind/cancel",
    )
    return Response(page)


@blueprint.post("/upstream/<name>/bind/confirm")
def connect(name: str) -> AnyResponse:
    """The second step: connect, once, and sign in."""
    context, upstream = current(), upstream_or_404(name)
    waiting = upstream_flow.consume_waiting(context, _handle(), name)
    account = _account_of(context, waiting)
    if waiting is None or account is None:
        return upstream_pages.waiting_lost()
    try:
        bound = matching.bind(context, waiting.identity, account)
    except BindingRefused as error:
        return _not_bound(error)
    return enter(context, upstream, waiting.identity, bound, waiting.interaction)


@blueprint.post("/upstream/<name>/bind/cancel")
def cancel(name: str) -> AnyResponse:
    waiting = upstream_flow.consume_waiting(current(), _handle(), upstream_or_404(name).name)
    return upstream_pages.to(upstream_pages.login_url(waiting.interaction if waiting else ""))


class _Refused(Exception):
    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.text, self.status = text, status


def _proved_account(context: Context, form: BindForm) -> Account:
    """Whose password it is. Raises _Refused with the sentence to show."""
    password = form.password.data or ""
    if len(password.encode("utf-8", "surrogatepass")) > password_login.MAX_BYTES:
        raise _Refused(gettext("That is too long to be a password."), 400)
    try:
        return password_login.prove(context, form.username.data or "", password, device.place(context)).account
    except WrongPassword as error:
        raise _Refused(gettext("That name or password is not right."), 200) from error
    except TooManyFailures as error:
        text = gettext("Too many wrong attempts. Please try again in %(seconds)s seconds.", seconds=error.seconds)
        raise _Refused(text, 429) from error
    except PasswordsBusy as error:
        text = gettext("Very many people are signing in just now. Please try again in a moment.")
        raise _Refused(text, 503) from error
    except AccountNotActive as error:
        raise _Refused(gettext("This account is locked. Please ask at a service counter."), 403) from error


def _account_of(context: Context, waiting: Waiting | None) -> Account | None:
    if waiting is None or not waiting.proved_account:
        return None
    return accounts.find(context.db, context.vault, waiting.proved_account)


def _described(account: Account) -> dict[str, str]:
    number = str(account.claims.get("id_number") or "")
    return {"name": account.name, "masked_id": mask(number) if number else ""}


def _bind_page(upstream: Upstream, waiting: Waiting, form: BindForm, error: str | None = None) -> str:
    label = upstream_pages.name_of(upstream)
    reasons = {
        "name_differs": gettext(
            "An account here has the ID number that %(name)s states, but another name. If it is yours, prove it.",
            name=label,
        ),
        "already_linked": gettext(
            "The account here that has your ID number is connected with another account at %(name)s. If both are "
            "yours, prove it.",
            name=label,
        ),
        "unproved": gettext("An account here states your ID number but was never checked. If it is yours, prove it."),
    }
    return render_template(
        "idp/bind.html",
        form=form,
        upstream=upstream_pages.described(upstream),
        person=upstream_pages.person_of(waiting.identity),
        reason=reasons.get(waiting.reason),
        error=error,
        cancel_url=f"/upstream/{upstream.name}/bind/cancel",
        interaction=_handle(),
    )


def _not_bound(error: BindingRefused) -> Response:
    title = gettext("The accounts were not connected")
    return upstream_pages.problem(title, _binding_text(error), code="access_denied", status=409)


def _binding_text(error: BindingRefused) -> str:
    if error.reason == "account_inactive":
        return gettext("This account is locked. Please ask at a service counter.")
    return gettext("This account belongs to another person: its ID number is a different one.")


# --- somebody else is signed in here ---------------------------------------------------------------------------------


@blueprint.get("/upstream/<name>/switch")
@acts
def switch(name: str) -> AnyResponse:
    context, upstream = current(), upstream_or_404(name)
    waiting = _waiting(context, upstream)
    if waiting is None:
        return upstream_pages.waiting_lost()
    signed_in = browser.signed_in(context)
    if signed_in is None:
        return _continue(context, upstream)
    page = render_template(
        "idp/upstream_switch.html",
        upstream=upstream_pages.described(upstream),
        person=upstream_pages.person_of(waiting.identity),
        current_name=signed_in.account.name,
        interaction=_handle(),
    )
    return Response(page)


@blueprint.post("/upstream/<name>/switch")
def decide(name: str) -> AnyResponse:
    context, upstream = current(), upstream_or_404(name)
    if request.form.get("decision") == "switch":
        return _continue(context, upstream)
    waiting = upstream_flow.consume_waiting(context, _handle(), name)
    return upstream_pages.to(upstream_pages.next_url(waiting.interaction if waiting else ""))


def _continue(context: Context, upstream: Upstream) -> AnyResponse:
    waiting = upstream_flow.consume_waiting(context, _handle(), upstream.name)
    if waiting is None:
        return upstream_pages.waiting_lost()
    return enter_matched(context, upstream, waiting.identity, waiting.interaction)
