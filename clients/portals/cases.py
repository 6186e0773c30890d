"""我的办件: a person's applications, their state, correcting and withdrawing them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Flask, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from clients.portals.declared_form import DeclaredForm
from clients.portals.platform import PlatformRefusal, ValuesRefused
from clients.portals.portal import Portal

BADGES = {
    "correction_required": "warning",
    "not_accepted": "danger",
    "rejected": "danger",
    "approved": "success",
    "issued": "success",
    "delivered": "success",
    "filed": "success",
    "closed": "neutral",
    "withdrawn": "neutral",
}
"""How a state is coloured; what it is called comes from the middle platform."""


def add_cases(app: Flask, portal: Portal) -> None:
    @app.get("/cases")
    @portal.personal
    def cases() -> ResponseReturnValue:
        page = request.args.get("page", 1, type=int)
        found = portal.platform().cases(max(page, 1))
        return render_template("clients/portals/cases.html", cases=found.cases, page=page, next_page=found.next_page)

    @app.get("/cases/<number>")
    @portal.personal
    def cases_detail(number: str) -> ResponseReturnValue:
        return render_template("clients/portals/case.html", case=portal.platform().case(number))

    @app.get("/cases/<number>/correct")
    @portal.personal
    def cases_correction(number: str) -> ResponseReturnValue:
        platform = portal.platform()
        case = platform.case(number)
        declaration = platform.matter(case["matter"]["id"])["fields"]
        return _correction(case, DeclaredForm(declaration, case["values"]))

    @app.post("/cases/<number>/correct")
    @portal.personal
    def cases_correct(number: str) -> ResponseReturnValue:
        return _correct(portal, number)

    @app.get("/cases/<number>/withdraw")
    @portal.personal
    def cases_withdrawal(number: str) -> ResponseReturnValue:
        return render_template("clients/portals/withdraw.html", case=portal.platform().case(number))

    @app.post("/cases/<number>/withdraw")
    @portal.personal
    def cases_withdraw(number: str) -> ResponseReturnValue:
        return _withdraw(portal, number)

    app.add_template_filter(badge_kind)
    app.add_template_filter(as_time)


def badge_kind(status: str) -> str:
    return BADGES.get(status, "info")


def as_time(value: object) -> Any:
    """An ISO 8601 time as a datetime; anything else as it is."""
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _correction(case: dict[str, Any], form: DeclaredForm) -> str:
    return render_template("clients/portals/correct.html", case=case, form=form)


def _correct(portal: Portal, number: str) -> ResponseReturnValue:
    platform = portal.platform()
    case = platform.case(number)
    declaration = platform.matter(case["matter"]["id"])["fields"]
    values = DeclaredForm(declaration).values_from(request.form)
    try:
        platform.correct(number, values)
    except ValuesRefused as refused:
        return _correction(case, DeclaredForm(declaration, values, refused.errors)), 422
    except PlatformRefusal as refused:
        return _not_possible(refused, number)
    flash(_("Your correction was sent."), "success")
    return redirect(url_for("cases_detail", number=number), 303)


def _withdraw(portal: Portal, number: str) -> ResponseReturnValue:
    try:
        portal.platform().withdraw(number)
    except PlatformRefusal as refused:
        return _not_possible(refused, number)
    flash(_("Your application was withdrawn."), "success")
    return redirect(url_for("cases_detail", number=number), 303)


def _not_possible(refused: PlatformRefusal, number: str) -> ResponseReturnValue:
    """409: somebody moved the case meanwhile; it is shown as it is now. Other refusals have their own pages."""
    if refused.status != 409:
        raise refused
    flash(_("That is not possible any more; the application has moved on."), "warning")
    return redirect(url_for("cases_detail", number=number), 303)
