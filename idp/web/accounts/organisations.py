"""Companies: for which I may act, whom I appointed, who asks me to act; and switching without a new login."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, abort, flash, redirect, request
from flask_babel import format_date, gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as AnyResponse
from wtforms import DateField, SelectField, StringField

from idp.accounts import identity, mandates, notices
from idp.accounts.identity import LevelTooLow
from idp.accounts.mandates import (
    AlreadyAppointed,
    InvalidExpiry,
    NobodyFound,
    NotRepresentative,
    TooManyAppointments,
)
from idp.context import Context
from idp.domain.account import Account, Mandate, Role
from idp.domain.session import SignedIn
from idp.storage import accounts, organisations, sessions
from idp.web.accounts import wording
from idp.web.accounts.visitor import centre_page, for_fresh_login, for_person
from idp.web.accounts.wording import blame, role_name

blueprint = Blueprint("account_organisations", __name__)
_PAGE = "/account/organisations"


class AppointForm(FlaskForm):
    number = StringField(_l("Mobile number or ID number of the person"))
    name = StringField(_l("Name of the person"))
    role = SelectField(_l("Role"))
    scope = StringField(_l("What for"))
    last_day = DateField(_l("Last day"))


@blueprint.get(_PAGE)
@for_person
def show(context: Context, signed_in: SignedIn) -> str:
    held = organisations.list_mandates(context.db, signed_in.account.id)
    return centre_page(
        _PAGE,
        "accounts/organisations.html",
        invitations=[_shown(context, one) for one in held if one.is_open(context.now)],
        mandates=[_shown(context, one) for one in held if one.is_valid(context.now)],
        ended=[_shown(context, one) for one in held if not one.is_open(context.now) and not one.is_valid(context.now)],
        acting_mandate=signed_in.session.mandate_id,
        may_act=signed_in.session.level >= identity.LEVEL,
    )


@blueprint.post(f"{_PAGE}/accept")
@for_person
def accept(context: Context, signed_in: SignedIn) -> AnyResponse:
    try:
        if mandates.accept(context, signed_in, request.form.get("mandate", "")):
            flash(gettext("Accepted. You may now act for the company."), "success")
        else:
            flash(gettext("This appointment was withdrawn or has run out."), "warning")
    except LevelTooLow:
        flash(gettext("To act for a company your identity must be verified at level 2."), "error")
    return redirect(_PAGE, 303)


@blueprint.post(f"{_PAGE}/resign")
@for_person
def resign(context: Context, signed_in: SignedIn) -> AnyResponse:
    """Decline an appointment, or give a mandate back."""
    ended = mandates.resign(context, signed_in.account, request.form.get("mandate", ""))
    if ended is not None:
        flash(gettext("Ended. You no longer act for %(company)s.", company=ended.organisation_name), "success")
    return redirect(_PAGE, 303)


@blueprint.post(f"{_PAGE}/act")
@for_person
def act(context: Context, signed_in: SignedIn) -> AnyResponse:
    """Act for a company from now on, or for oneself; what services have already been told stays as it is."""
    choose(context, signed_in, request.form.get("mandate", ""))
    return redirect(_PAGE, 303)


def choose(context: Context, signed_in: SignedIn, mandate_id: str) -> bool:
    """Store for whom the person acts ("": themselves); False when they may not."""
    if not mandate_id:
        sessions.choose(context.db, signed_in.session.id, None, None)
        return True
    for mandate in mandates.list_choices(context, signed_in):
        if mandate.id == mandate_id:
            sessions.choose(context.db, signed_in.session.id, mandate.id, mandate.act_as())
            return True
    return False


@blueprint.get(f"{_PAGE}/<uscc>")
@for_person
def company(context: Context, signed_in: SignedIn, uscc: str) -> str:
    """One company as its legal representative sees it."""
    return _company_page(context, signed_in.account, uscc, _form())


@blueprint.post(f"{_PAGE}/<uscc>/appoint")
@for_fresh_login
def appoint(context: Context, signed_in: SignedIn, uscc: str) -> AnyResponse | tuple[str, int]:
    form = _form()
    last_day = form.last_day.data
    role = next((one for one in mandates.APPOINTABLE if one.value == form.role.data), None)
    if role is None:
        abort(400)
    try:
        if not isinstance(last_day, date):
            raise InvalidExpiry
        person, mandate = mandates.appoint(
            context,
            signed_in.account,
            uscc,
            number=form.number.data or "",
            name=form.name.data or "",
            role=role,
            scope=form.scope.data or "",
            last_day=last_day,
        )
    except NotRepresentative:
        abort(404)
    except InvalidExpiry:
        form.last_day.errors = ()
        blame(form.last_day, gettext("Choose a day between today and three years from now."))
    except NobodyFound:
        text = gettext("No person of this number and this name has a verified account here. They can register first.")
        blame(form.number, text)
    except AlreadyAppointed:
        blame(form.number, gettext("This person is appointed already or has been asked."))
    except TooManyAppointments:
        blame(form.number, gettext("That was tried too often today. Please try again tomorrow."))
    else:
        _invite(context, signed_in.account, person, mandate)
        flash(gettext("%(name)s has been asked and can accept in their account.", name=person.name), "success")
        return redirect(f"{_PAGE}/{uscc}", 303)
    return _company_page(context, signed_in.account, uscc, form), 422


@blueprint.post(f"{_PAGE}/<uscc>/revoke")
@for_fresh_login
def revoke(context: Context, signed_in: SignedIn, uscc: str) -> AnyResponse:
    try:
        ended = mandates.revoke_given(context, signed_in.account, uscc, request.form.get("mandate", ""))
    except NotRepresentative:
        abort(404)
    if ended is not None:
        _tell_of_end(context, ended)
        flash(gettext("The mandate has ended. Whoever acted by it no longer can."), "success")
    return redirect(f"{_PAGE}/{uscc}", 303)


def _form() -> AppointForm:
    form = AppointForm()
    form.role.choices = [(role.value, role_name(role)) for role in mandates.APPOINTABLE]
    form.process(request.form if request.method == "POST" else None)
    return form


def _company_page(context: Context, account: Account, uscc: str, form: AppointForm) -> str:
    try:
        own = mandates.get_representation(context, account, uscc)
    except NotRepresentative:
        abort(404)
    listed = organisations.list_mandates_of_organisation(context.db, uscc)
    return centre_page(
        _PAGE,
        "accounts/organisation.html",
        company=organisations.find(context.db, uscc),
        own=own,
        appointed=[_shown(context, one, with_person=True) for one in listed if one.id != own.id],
        form=form,
        first_day=mandates.today(context.now),
        longest_day=mandates.today(context.now + mandates.LONGEST),
    )


def _shown(context: Context, mandate: Mandate, *, with_person: bool = False) -> dict[str, Any]:
    person = accounts.find(context.db, context.vault, mandate.account_id) if with_person else None
    return {
        "id": mandate.id,
        "uscc": mandate.uscc,
        "company": mandate.organisation_name,
        "person": person.name if person else "",
        "role": role_name(mandate.role),
        "is_head": mandate.role is Role.LEGAL_REPRESENTATIVE,
        "scope": mandate.scope,
        "until": mandates.last_day_of(mandate),
        "state": _state(context, mandate),
        "is_running_out": mandate.is_valid(context.now) and mandates.is_running_out(mandate, context.now),
    }


def _state(context: Context, mandate: Mandate) -> str:
    """valid, open, revoked or expired."""
    if mandate.revoked_at is not None:
        return "revoked"
    if mandate.is_open(context.now):
        return "open"
    return "valid" if mandate.is_valid(context.now) else "expired"


def _invite(context: Context, grantor: Account, person: Account, mandate: Mandate) -> None:
    text = gettext(
        "[%(service)s] %(grantor)s appoints you to act for %(company)s until %(day)s. "
        "Accept or decline in your account.",
        service=wording.service_name(),
        grantor=grantor.name,
        company=mandate.organisation_name,
        day=format_date(mandates.last_day_of(mandate), "long"),
    )
    notices.notify(context, person, text, subject=gettext("You are asked to act for a company"))


def _tell_of_end(context: Context, mandate: Mandate) -> None:
    person = accounts.find(context.db, context.vault, mandate.account_id)
    if person is not None:
        text = gettext(
            "[%(service)s] Your mandate to act for %(company)s has ended.",
            service=wording.service_name(),
            company=mandate.organisation_name,
        )
        notices.notify(context, person, text, subject=gettext("Your mandate has ended"))
