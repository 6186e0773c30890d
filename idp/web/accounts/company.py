"""Registering a company: its code and name, asked for by the person whom the register names as its representative."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as AnyResponse
from wtforms import BooleanField, StringField

from federation.identifiers import InvalidIdentifier, mask
from idp.accounts import companies, identity
from idp.accounts.authority import AuthorityUnavailable
from idp.accounts.companies import CompanyNotConfirmed, InvalidCompanyName, NoMoreTries
from idp.accounts.identity import LevelTooLow
from idp.context import Context
from idp.domain.session import SignedIn
from idp.web.accounts import wording
from idp.web.accounts.visitor import for_person
from idp.web.accounts.wording import blame

blueprint = Blueprint("register_company", __name__)
_PAGE = "/register/company"


class CompanyForm(FlaskForm):
    uscc = StringField(_l("Unified social credit code"))
    name = StringField(_l("Name of the company"))
    is_representative = BooleanField(_l("I am its legal representative and may register it."))


@blueprint.get(_PAGE)
@for_person
def show(context: Context, signed_in: SignedIn) -> str:
    return _page(signed_in, CompanyForm(), "")


@blueprint.post(_PAGE)
@for_person
def submit(context: Context, signed_in: SignedIn) -> AnyResponse | tuple[str, int]:
    form = CompanyForm()
    notice, status = "", 422
    try:
        company = companies.read_company(form.name.data or "", form.uscc.data or "")
        if form.is_representative.data:
            mandate = companies.register(context, signed_in, company)
            flash(gettext("%(company)s is registered. You act for it.", company=mandate.organisation_name), "success")
            return redirect(f"/account/organisations/{mandate.uscc}", 303)
        blame(form.is_representative, gettext("Only the legal representative can register a company."))
    except InvalidIdentifier as error:
        blame(form.uscc, wording.identifier_problem(error))
    except InvalidCompanyName:
        blame(form.name, gettext("Please write the name as it stands on the business licence."))
    except LevelTooLow:
        notice, status = gettext("To act for a company your identity must be verified at level 2."), 403
    except CompanyNotConfirmed:
        notice = gettext(
            "The register has no active company of this code and this name with you as its legal representative. "
            "Please compare both with the business licence."
        )
    except NoMoreTries:
        notice, status = gettext("That was tried too often today. Please try again tomorrow."), 429
    except AuthorityUnavailable:
        notice, status = gettext("The register of companies cannot be reached just now. Please try again later."), 503
    return _page(signed_in, form, notice), status


def _page(signed_in: SignedIn, form: CompanyForm, notice: str) -> str:
    try:
        identity.check_level(signed_in)
        is_verified = True
    except LevelTooLow:
        is_verified = False
    claims = signed_in.account.claims
    return render_template(
        "accounts/register_company.html",
        form=form,
        notice=notice,
        is_verified=is_verified,
        representative=signed_in.account.name,
        masked_id_number=mask(str(claims["id_number"])) if claims.get("id_number") else "",
    )
