"""Who stands before the account centre: a signed-in person, where it matters one who signed in just now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from flask import flash, redirect, render_template, request
from flask_babel import gettext

from idp.context import Context
from idp.domain.session import SignedIn
from idp.web import browser, own_paths
from idp.web.context import current

FRESH = timedelta(minutes=10)
View = Callable[..., Any]


def for_person(view: View) -> View:
    """The view gets (context, signed_in, …); a stranger is asked to sign in and comes back."""

    @wraps(view)
    def wrapped(*args: Any, **values: Any) -> Any:
        context = current()
        signed_in = browser.signed_in(context)
        if signed_in is None:
            return redirect(own_paths.login_url(_page()), 303)
        return view(context, signed_in, *args, **values)

    return wrapped


def for_fresh_login(view: View) -> View:
    """The same for changes that matter: whoever signed in more than ten minutes ago does it again first."""

    @wraps(view)
    def wrapped(context: Context, signed_in: SignedIn, *args: Any, **values: Any) -> Any:
        if context.now - signed_in.session.auth_time > FRESH:
            flash(gettext("For your protection, please confirm that it is you by signing in again."), "info")
            return redirect(own_paths.login_url(_page()), 303)
        return view(context, signed_in, *args, **values)

    return for_person(wrapped)


def centre_page(section: str, template: str, **values: Any) -> str:
    """A page of the account centre with its navigation; ``section`` is the path of the entry it stands under."""
    entries = [
        ("/account", gettext("Me")),
        ("/account/security", gettext("Security")),
        ("/account/sessions", gettext("Logins")),
        ("/account/consents", gettext("Consents")),
        ("/account/organisations", gettext("Companies")),
        ("/account/identities", gettext("Linked")),
    ]
    nav_items = [{"label": label, "url": path, "current": path == section} for path, label in entries]
    return render_template(template, nav_items=nav_items, **values)


def _page() -> str:
    """Where to come back to: this page, or for a form that was posted the page it stands on."""
    if request.method == "GET":
        return request.path
    view_path = request.path.rsplit("/", 1)[0]
    return own_paths.own_path(view_path)
