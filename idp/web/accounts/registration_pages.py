"""How each step of a registration looks: its form, its page, its refusals in words."""

from __future__ import annotations

from flask import Response, render_template, request
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, PasswordField, StringField, TelField

from federation.identifiers import mask, mask_mobile
from idp.accounts.registration import Step, progress_of, step_of
from idp.context import Context
from idp.storage.registrations import Registration
from idp.web import interactions, own_paths
from idp.web.accounts.wording import blame
from idp.web.interactions import InteractionLost


class PhoneForm(FlaskForm):
    phone = TelField(_l("Mobile number"))


class CodeForm(FlaskForm):
    code = StringField(_l("Code from the message"))


class IdentityForm(FlaskForm):
    name = StringField(_l("Name"))
    id_number = StringField(_l("Resident ID number"))


class PasswordForm(FlaskForm):
    password = PasswordField(_l("Password"))
    repeated = PasswordField(_l("Password once more"))
    terms = BooleanField(_l("I have read the terms of use and the privacy notice and agree to them."))


def page(context: Context, found: Registration | None) -> str:
    step = step_of(found)
    if found is None or step is Step.PHONE:
        return phone_page(PhoneForm(phone=request.args.get("phone")))
    if step is Step.CODE:
        return code_page(found, CodeForm())
    if step is Step.IDENTITY:
        return identity_page(found, IdentityForm(), "")
    if step is Step.PASSWORD:
        return password_page(found, PasswordForm())
    return render_template("accounts/register_done.html", next_url=next_url(context, found))


def phone_page(form: PhoneForm) -> str:
    handle = interaction_handle()
    login_url = own_paths.with_interaction("/login", handle)
    return render_template("accounts/register_phone.html", form=form, interaction=handle, login_url=login_url)


def code_page(found: Registration, form: CodeForm) -> str:
    progress = progress_of(found)
    return render_template(
        "accounts/register_code.html",
        form=form,
        phone=progress.phone,
        masked_phone=mask_mobile(progress.phone),
        login_url=own_paths.with_interaction("/login", progress.interaction),
    )


def identity_page(found: Registration, form: IdentityForm, notice: str) -> str:
    if progress_of(found).tries_left == 0:
        notice = notice or no_more_tries()
    return render_template("accounts/register_identity.html", form=form, notice=notice)


def password_page(found: Registration, form: PasswordForm) -> str:
    progress = progress_of(found)
    return render_template(
        "accounts/register_password.html",
        form=form,
        name=progress.name,
        masked_id_number=mask(progress.id_number),
        masked_phone=mask_mobile(progress.phone),
    )


def taken_page(found: Registration) -> str:
    login_url = own_paths.with_interaction("/login", progress_of(found).interaction)
    return render_template("accounts/register_taken.html", login_url=login_url)


def is_whole(form: PasswordForm) -> bool:
    if form.password.data != form.repeated.data:
        blame(form.repeated, gettext("The two passwords are not the same."))
    if not form.terms.data:
        blame(form.terms, gettext("Without your agreement no account can be made."))
    return not form.errors


def next_url(context: Context, found: Registration) -> str:
    """Back to the service the person came from, while it waits; else the account centre."""
    handle = progress_of(found).interaction
    try:
        interactions.peek(context, handle)
    except InteractionLost:
        return own_paths.HOME
    return interactions.resume_url(handle)


def interaction_handle() -> str:
    return request.form.get("interaction") or request.args.get("interaction") or ""


def not_confirmed() -> str:
    return gettext("The authority has no person of this name and this ID number. Please compare both with the card.")


def no_more_tries() -> str:
    return gettext(
        "The name and the ID number were wrong too often. Please try again tomorrow, or bring your ID card to a "
        "service counter."
    )


def unavailable() -> str:
    return gettext(
        "The authority that checks identities cannot be reached just now. What you have done so far is kept; "
        "please try again in a few minutes."
    )


def answer(page: str, status: int, retry_after: int = 0) -> Response:
    response = Response(page, status)
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response
