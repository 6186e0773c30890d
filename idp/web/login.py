"""The login page: a password proves the person, the browser gets a new session, the interaction goes on.

The page is drawn without a look-up; a login costs three statements.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, render_template, request
from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as AnyResponse
from wtforms import PasswordField, StringField

from idp.accounts import identity
from idp.authn import password_login, sign_in
from idp.authn.password_login import AccountNotActive, WrongPassword
from idp.authn.throttle import TooManyFailures
from idp.authn.upstream_parties import offered_upstreams
from idp.context import Context
from idp.domain.account import Credentials
from idp.web import browser, device, interactions, own_paths, pending
from idp.web.context import current
from idp.web.interactions import Handle

blueprint = Blueprint("login", __name__)


class LoginForm(FlaskForm):
    username = StringField(_l("Mobile number, ID number or username"))
    password = PasswordField(_l("Password"))


@blueprint.get("/login")
def show() -> str:
    context = current()
    handle = _handle(context)
    return _page(context, LoginForm(username=handle.login_hint if handle else ""), handle)


@blueprint.post("/login")
def submit() -> AnyResponse:
    context = current()
    handle = _handle(context)
    form = LoginForm()
    password = form.password.data or ""
    if len(password.encode("utf-8", "surrogatepass")) > password_login.MAX_BYTES:
        return _refused(context, form, handle, gettext("That is too long to be a password."), 400)
    try:
        credentials = password_login.prove(context, form.username.data or "", password, device.place(context))
    except WrongPassword:
        return _refused(context, form, handle, gettext("That name or password is not right."), 200)
    except TooManyFailures as error:
        text = gettext("Too many wrong attempts. Please try again in %(seconds)s seconds.", seconds=error.seconds)
        return _refused(context, form, handle, text, 429, error.seconds)
    except AccountNotActive:
        text = gettext("This account is locked. Please ask at a service counter.")
        return _refused(context, form, handle, text, 403)
    return enter(context, credentials, _next_url(handle), password_login.AMR)


def enter(context: Context, credentials: Credentials, next_url: str, amr: tuple[str, ...]) -> AnyResponse:
    """Begin the proven person's session in this browser and go on to ``next_url``."""
    account = credentials.account
    _, secret = sign_in.establish(
        context,
        account,
        level=credentials.level,
        amr=amr,
        has_mandates=credentials.has_mandates and credentials.level >= identity.LEVEL,
        current=browser.signed_in(context),
        user_agent=request.headers.get("User-Agent", ""),
        address=device.address(),
    )
    response = redirect(next_url, 303, Response)
    browser.set_session(context.settings, response, secret)
    device.remember(context, response, account.id)
    return response


def _page(context: Context, form: LoginForm, handle: Handle | None, error: str | None = None) -> str:
    text = _handle_text() if handle else None
    return render_template(
        "idp/login.html",
        form=form,
        interaction=text,
        client=_client(context, handle),
        upstreams=_upstreams(context, handle, text),
        register_url=_register_url(context, text),
        recovery_url=None,
        cancel_url="/authorize/cancel" if text else None,
        notice=_level_notice(handle),
        error=error,
    )


def _refused(
    context: Context, form: LoginForm, handle: Handle | None, error: str, status: int, retry_after: int = 0
) -> AnyResponse:
    response = Response(_page(context, form, handle, error), status)
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _handle_text() -> str:
    return request.form.get("interaction") or request.args.get("interaction") or ""


def _handle(context: Context) -> Handle | None:
    """The interaction this login belongs to, without a look-up; raises InteractionLost."""
    text = _handle_text()
    return interactions.peek(context, text) if text else None


def _next_url(handle: Handle | None) -> str:
    if handle is not None:
        return interactions.resume_url(_handle_text())
    return own_paths.own_path(request.values.get("next"))


def _level_notice(handle: Handle | None) -> str | None:
    if handle is None or not handle.level:
        return None
    return gettext("This service needs assurance level %(level)s.", level=handle.level)


def _client(context: Context, handle: Handle | None) -> dict[str, Any] | None:
    client = context.find_client(handle.client_id) if handle else None
    return pending.client_shown(client, str(get_locale())) if client else None


def _upstreams(context: Context, handle: Handle | None, text: str | None) -> list[dict[str, str]]:
    locale = str(get_locale())
    client = context.find_client(handle.client_id) if handle else None
    offered = offered_upstreams(context.settings, client, handle.level if handle else 0)
    return [
        {
            "name": upstream.name,
            "label": upstream.label.get(locale) or next(iter(upstream.label.values())),
            "url": own_paths.with_interaction(f"/upstream/{upstream.name}/start", text),
        }
        for upstream in offered
    ]


def _register_url(context: Context, text: str | None) -> str | None:
    if not identity.is_possible(context):
        return None
    return own_paths.with_interaction("/register", text)
