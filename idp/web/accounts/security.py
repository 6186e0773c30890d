"""Password and username: changed by who knows the present password and signed in just now."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as AnyResponse
from wtforms import BooleanField, PasswordField, StringField

from idp.accounts import credentials, notices
from idp.authn.identifiers import InvalidUsername
from idp.authn.password_login import WrongPassword
from idp.authn.password_policy import WeakPassword
from idp.authn.throttle import MEMORY, TooManyFailures
from idp.context import Context
from idp.domain.session import SignedIn
from idp.storage import accounts
from idp.storage.accounts import AccountExists
from idp.web import device
from idp.web.accounts import wording
from idp.web.accounts.devices import end_others
from idp.web.accounts.visitor import centre_page, for_fresh_login, for_person
from idp.web.accounts.wording import blame

blueprint = Blueprint("account_security", __name__)
_PAGE = "/account/security"


class PasswordForm(FlaskForm):
    present = PasswordField(_l("Present password"))
    new = PasswordField(_l("New password"))
    repeated = PasswordField(_l("New password once more"))
    end_others = BooleanField(_l("Sign me out on all other devices"), default=True)


class UsernameForm(FlaskForm):
    username = StringField(_l("Username"))


@blueprint.get(_PAGE)
@for_person
def show(context: Context, signed_in: SignedIn) -> str:
    return _page(context, signed_in, PasswordForm(formdata=None), _username_form(signed_in))


@blueprint.post(f"{_PAGE}/password")
@for_fresh_login
def password(context: Context, signed_in: SignedIn) -> AnyResponse:
    form = PasswordForm()
    status, retry_after = 422, 0
    if form.new.data != form.repeated.data:
        blame(form.repeated, gettext("The two passwords are not the same."))
        return _refused(context, signed_in, form)
    try:
        credentials.change_password(
            context,
            signed_in.account,
            signed_in.session,
            present=form.present.data or "",
            new=form.new.data or "",
            place=device.place(context),
        )
        return _changed(context, signed_in, bool(form.end_others.data))
    except WeakPassword as error:
        blame(form.new, wording.password_problem(error))
    except WrongPassword:
        blame(form.present, gettext("That is not your present password."))
    except TooManyFailures as error:
        text = gettext("Too many wrong attempts. Please try again in %(seconds)s seconds.", seconds=error.seconds)
        blame(form.present, text)
        status, retry_after = 429, error.seconds
    return _refused(context, signed_in, form, status, retry_after)


@blueprint.post(f"{_PAGE}/username")
@for_fresh_login
def username(context: Context, signed_in: SignedIn) -> AnyResponse:
    form = UsernameForm()
    try:
        chosen = credentials.change_username(context, signed_in.account, form.username.data or "")
    except InvalidUsername:
        blame(form.username, gettext("3 to 32 letters, digits, dots, hyphens or underscores, a letter first."))
    except AccountExists:
        blame(form.username, gettext("Somebody else has this username."))
    else:
        flash(gettext("Your username is %(username)s now.", username=chosen), "success")
        return redirect(_PAGE, 303)
    return Response(_page(context, signed_in, PasswordForm(formdata=None), form), 422)


def _changed(context: Context, signed_in: SignedIn, is_ending_others: bool) -> AnyResponse:
    if is_ending_others:
        end_others(context, signed_in, "password_changed")
    text = gettext(
        "[%(service)s] Your password was changed. Was it not you? Then go to a service counter at once.",
        service=wording.service_name(),
    )
    notices.notify(context, signed_in.account, text, subject=gettext("Your password was changed"))
    flash(gettext("Your password is changed."), "success")
    return redirect(_PAGE, 303)


def _refused(
    context: Context, signed_in: SignedIn, form: PasswordForm, status: int = 422, retry_after: int = 0
) -> AnyResponse:
    response = Response(_page(context, signed_in, form, _username_form(signed_in)), status)
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _username_form(signed_in: SignedIn) -> UsernameForm:
    return UsernameForm(formdata=None, username=signed_in.account.username or "")


def _page(context: Context, signed_in: SignedIn, password_form: PasswordForm, username_form: UsernameForm) -> str:
    account_id = signed_in.account.id
    return centre_page(
        _PAGE,
        "accounts/security.html",
        password_form=password_form,
        username_form=username_form,
        has_password=accounts.find_password_hash(context.db, account_id) is not None,
        failures=accounts.find_failures(context.db, account_id, context.now, MEMORY),
    )
