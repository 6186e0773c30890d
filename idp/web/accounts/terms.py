"""The terms of use and the privacy notice to which a registration agrees."""

from __future__ import annotations

from flask import Blueprint, render_template

from idp.accounts.registration import TERMS_VERSION

blueprint = Blueprint("terms", __name__)


@blueprint.get("/terms")
def show() -> str:
    return render_template("accounts/terms.html", version=TERMS_VERSION)
