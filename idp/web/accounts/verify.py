"""Verifying one's identity in the account centre."""

from __future__ import annotations

from flask import Blueprint, flash, redirect
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from federation.identifiers import InvalidIdentifier, mask
from idp.accounts import identity, verification
from idp.accounts.authority import AuthorityUnavailable
from idp.accounts.identity import Identity, InvalidName, NotConfirmed
from idp.accounts.mandates import today
from idp.accounts.verification import IdentityDiffers, IdentityTaken, NoMoreTries
from idp.context import Context
from idp.domain.session import SignedIn
from idp.storage import sessions
from idp.web.accounts import registration_pages, wording
from idp.web.accounts.registration_pages import IdentityForm
from idp.web.accounts.visitor import centre_page, for_person
from idp.web.accounts.wording import blame

blueprint = Blueprint("account_verify", __name__)
_PAGE = "/account/verify"


@blueprint.get(_PAGE)
@for_person
def show(_context: Context, signed_in: SignedIn) -> str:
    return _page(signed_in, IdentityForm(formdata=None), "")


@blueprint.post(_PAGE)
@for_person
def submit(context: Context, signed_in: SignedIn) -> AnyResponse | tuple[str, int]:
    form = IdentityForm()
    notice, status = "", 422
    try:
        level = verification.verify(context, signed_in.account, _given(context, signed_in, form))
        sessions.raise_level(context.db, signed_in.session.id, level)
        flash(gettext("Your identity is verified."), "success")
        return redirect("/account", 303)
    except InvalidName:
        blame(form.name, gettext("Please write the name as it stands on the ID card."))
    except InvalidIdentifier as error:
        blame(form.id_number, wording.identifier_problem(error))
    except (NotConfirmed, IdentityDiffers):
        notice = registration_pages.not_confirmed()
    except IdentityTaken:
        notice = gettext("Another account has this identity. Please ask at a service counter.")
    except NoMoreTries:
        notice, status = registration_pages.no_more_tries(), 429
    except AuthorityUnavailable:
        notice, status = registration_pages.unavailable(), 503
    return _page(signed_in, form, notice), status


def _given(context: Context, signed_in: SignedIn, form: IdentityForm) -> Identity:
    """The identity the account is of; only who has none writes one. Raises InvalidName, InvalidIdentifier."""
    known = verification.known_identity(signed_in.account)
    return known or identity.read_identity(form.name.data or "", form.id_number.data or "", today(context.now))


def _page(signed_in: SignedIn, form: IdentityForm, notice: str) -> str:
    known = verification.known_identity(signed_in.account)
    return centre_page(
        "/account",
        "accounts/verify.html",
        form=form,
        notice=notice,
        known={"name": known.name, "id_number": mask(known.id_number)} if known else None,
    )
