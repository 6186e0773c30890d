"""What one can apply for: the list, a matter's guide, its form, sending it."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Flask, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from clients.kit.session import Session
from clients.portals import level
from clients.portals.declared_form import DeclaredForm
from clients.portals.platform import AlreadySubmitted, ValuesRefused
from clients.portals.portal import Portal


def add_matters(app: Flask, portal: Portal) -> None:
    @app.get("/matters")
    @portal.within_time
    def matters() -> ResponseReturnValue:
        return render_template(
            "clients/portals/matters.html", matters=portal.public_platform().matters(portal.settings.portal)
        )

    @app.get("/matters/<matter_id>")
    @portal.within_time
    def matters_guide(matter_id: str) -> ResponseReturnValue:
        return _guide(portal, portal.public_platform().matter(matter_id))

    @app.get("/matters/<matter_id>/apply")
    @portal.personal
    def matters_form(matter_id: str) -> ResponseReturnValue:
        matter = portal.platform().matter(matter_id)
        session = portal.login.current()
        if session is not None and not level.is_reached(session, matter["minimum_level"]):
            return level.answer_too_low(portal, level.acr_of(matter["minimum_level"]), matter["title"])
        return _form(matter, DeclaredForm(matter["fields"]), secrets.token_urlsafe(24))

    @app.post("/matters/<matter_id>/apply")
    @portal.personal
    def matters_submit(matter_id: str) -> ResponseReturnValue:
        return _submit(portal, matter_id)


def _guide(portal: Portal, matter: dict[str, Any]) -> ResponseReturnValue:
    session = portal.login.current()
    apply_path = url_for("matters_form", matter_id=matter["id"])
    required = level.acr_of(matter["minimum_level"])
    is_too_low = session is not None and not level.is_reached(session, matter["minimum_level"])
    return render_template(
        "clients/portals/guide.html",
        matter=matter,
        apply_url=apply_path,
        is_too_low=is_too_low,
        wrong_applicant=_wrong_applicant(session, matter["applicants"]),
        switch_url=portal.login.login_url(apply_path, prompt="select_account"),
        **level.choices(portal, required, apply_path),
    )


def _wrong_applicant(session: Session | None, applicants: list[str]) -> str | None:
    """ "organisation" if one must act for a company and does not, "person" the other way round, else None."""
    if session is None:
        return None
    acting = "organisation" if session.claims.get("act_as") else "person"
    return None if acting in applicants else applicants[0]


def _form(matter: dict[str, Any], form: DeclaredForm, key: str) -> str:
    return render_template("clients/portals/form.html", matter=matter, form=form, idempotency_key=key)


def _submit(portal: Portal, matter_id: str) -> ResponseReturnValue:
    platform = portal.platform()
    matter = platform.matter(matter_id)
    values = DeclaredForm(matter["fields"]).values_from(request.form)
    # The key was put into the form when it was drawn: sending the same form twice makes one case.
    key = request.form.get("idempotency_key", "")
    try:
        case = platform.submit(matter_id, values, key)
    except ValuesRefused as refused:
        return _form(matter, DeclaredForm(matter["fields"], values, refused.errors), key), 422
    except AlreadySubmitted as earlier:
        flash(_("This form was already sent; here is the application it became."), "info")
        return redirect(url_for("cases_detail", number=earlier.number), 303)
    flash(_("Your application was submitted. Its number is %(number)s.", number=case["number"]), "success")
    return redirect(url_for("cases_detail", number=case["number"]), 303)
