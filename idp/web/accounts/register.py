"""The registration pages: one address shows where a registration stands, each step posts to its own.

The browser holds a secret by which an interrupted registration is taken up again; what was given is on the server.
"""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, render_template, request
from flask_babel import get_locale, gettext
from werkzeug.wrappers import Response as AnyResponse

from federation.identifiers import InvalidIdentifier
from idp.accounts import identity, registration
from idp.accounts.authority import AuthorityUnavailable
from idp.accounts.identity import InvalidName, NotConfirmed
from idp.accounts.mandates import today
from idp.accounts.messages import MessageNotSent
from idp.accounts.registration import (
    IdentityTaken,
    NoMoreTries,
    PhoneTaken,
    RegistrationMoved,
    Step,
    progress_of,
    step_of,
)
from idp.authn.one_time_codes import TooManyMessages, Verdict
from idp.authn.password_policy import WeakPassword
from idp.context import Context
from idp.domain.account import Credentials
from idp.storage import registrations
from idp.storage.registrations import Registration
from idp.web import browser, device, interactions, login, own_paths
from idp.web.accounts import registration_pages as pages
from idp.web.accounts import wording
from idp.web.accounts.wording import blame
from idp.web.context import current

blueprint = Blueprint("register", __name__)
_COOKIE = "registration"
_HOME = "/register"


@blueprint.get(_HOME)
def show() -> AnyResponse | str:
    """The step at which the browser's registration stands."""
    context = current()
    if not identity.is_possible(context):
        return render_template("accounts/register_closed.html")
    found = _find(context)
    _follow_interaction(context, found)
    return pages.page(context, found)


@blueprint.get(f"{_HOME}/<any(phone, code, identity, password):_step>")
def again(_step: str) -> AnyResponse:
    """A step's address is for its form; reloading it shows where the registration stands."""
    return redirect(_HOME, 303)


@blueprint.post(f"{_HOME}/phone")
def phone() -> AnyResponse:
    """Send a code to the number; also to send another one or to correct the number."""
    context = current()
    form = pages.PhoneForm()
    try:
        number = registration.read_phone(form.phone.data or "")
    except InvalidIdentifier as error:
        blame(form.phone, wording.identifier_problem(error))
        return pages.answer(pages.phone_page(form), 422)
    found, token = _find(context), ""
    if found is None or found.account_id is not None:
        found, token = registration.begin(context, pages.interaction_handle())
    texts = wording.registration_texts()
    try:
        registration.give_phone(context, found, number, address=device.address(), texts=texts)
    except TooManyMessages:
        blame(form.phone, gettext("Three messages have been sent within the hour. Please try again later."))
        return pages.answer(pages.phone_page(form), 429, 3600)
    except MessageNotSent:
        blame(form.phone, gettext("The message could not be sent just now. Please try again in a moment."))
        return _keep_token(context, pages.answer(pages.phone_page(form), 503, 30), token)
    return _keep_token(context, redirect(_HOME, 303), token)


@blueprint.post(f"{_HOME}/code")
def code() -> AnyResponse:
    context = current()
    found = _at(context, Step.CODE)
    form = pages.CodeForm()
    verdict = registration.give_code(context, found, form.code.data or "")
    if verdict is Verdict.RIGHT or step_of(_find(context)) is not Step.CODE:
        return redirect(_HOME, 303)
    texts = {
        Verdict.WRONG: gettext("That is not the code of the last message."),
        Verdict.OVER: gettext("This code is no longer valid. Have a new one sent."),
    }
    blame(form.code, texts[verdict])
    return pages.answer(pages.code_page(found, form), 422)


@blueprint.post(f"{_HOME}/identity")
def prove_identity() -> AnyResponse:
    context = current()
    found = _at(context, Step.IDENTITY)
    form = pages.IdentityForm()
    notice, status = "", 422
    try:
        given = identity.read_identity(form.name.data or "", form.id_number.data or "", today(context.now))
        registration.give_identity(context, found, given)
        return redirect(_HOME, 303)
    except InvalidName:
        blame(form.name, gettext("Please write the name as it stands on the ID card."))
    except InvalidIdentifier as error:
        blame(form.id_number, wording.identifier_problem(error))
    except NotConfirmed:
        notice = pages.not_confirmed()
    except NoMoreTries:
        notice, status = pages.no_more_tries(), 429
    except AuthorityUnavailable:
        notice, status = pages.unavailable(), 503
    except IdentityTaken:
        return pages.answer(pages.taken_page(found), 409)
    return pages.answer(pages.identity_page(found, form, notice), status, 30 if status == 503 else 0)


@blueprint.post(f"{_HOME}/password")
def finish() -> AnyResponse:
    context = current()
    found = _at(context, Step.PASSWORD)
    form = pages.PasswordForm()
    if not pages.is_whole(form):
        return pages.answer(pages.password_page(found, form), 422)
    try:
        account = registration.finish(context, found, form.password.data or "", locale=str(get_locale()))
    except WeakPassword as error:
        blame(form.password, wording.password_problem(error))
        return pages.answer(pages.password_page(found, form), 422)
    except (PhoneTaken, IdentityTaken):
        return pages.answer(pages.taken_page(found), 409)
    credentials = Credentials(account, None, 0, None, has_mandates=False, level=account.level)
    response = login.enter(context, credentials, pages.next_url(context, found), ("pwd",))
    browser.clear_cookie(context.settings, response, _COOKIE)
    flash(gettext("Your account is ready. You are signed in."), "success")
    return response


@blueprint.post(f"{_HOME}/restart")
def restart() -> AnyResponse:
    """Forget the registration in this browser and begin anew."""
    context = current()
    found = _find(context)
    handle = progress_of(found).interaction
    response = redirect(own_paths.with_interaction(_HOME, handle or None), 303, Response)
    browser.clear_cookie(context.settings, response, _COOKIE)
    return response


@blueprint.errorhandler(RegistrationMoved)
def _moved(_error: RegistrationMoved) -> AnyResponse:
    """Another window or a second click went on: show where the registration stands now."""
    return redirect(_HOME, 303)


def _find(context: Context) -> Registration | None:
    """The registration that this browser holds the secret of."""
    token = request.cookies.get(browser.cookie_name(context.settings, _COOKIE))
    return registrations.find(context.db, context.vault, token, context.now) if token else None


def _at(context: Context, step: Step) -> Registration:
    """The browser's registration, if it stands at this step. Raises RegistrationMoved."""
    found = _find(context)
    if found is None or step_of(found) is not step:
        raise RegistrationMoved
    return found


def _keep_token(context: Context, response: AnyResponse, token: str) -> AnyResponse:
    if token:
        browser.set_cookie(context.settings, response, _COOKIE, token, context.settings.registration_lifetime)
    return response


def _follow_interaction(context: Context, found: Registration | None) -> None:
    """A person who comes from a service again goes on to that service in the end."""
    handle = pages.interaction_handle()
    if handle:
        interactions.peek(context, handle)
    if handle and found and found.account_id is None and progress_of(found).interaction != handle:
        registration.follow(context, found, handle)
