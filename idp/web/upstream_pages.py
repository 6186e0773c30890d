"""The pages of a login at another provider that did not simply work, each one a plain sentence and a way on."""

from __future__ import annotations

from typing import cast

from flask import Response, redirect, render_template
from flask_babel import get_locale, gettext

from federation.identifiers import mask
from idp.authn.upstream_identity import UpstreamIdentity
from idp.config import Upstream
from idp.web import interactions, own_paths
from idp.web.errors import trace_id
from idp.web.own_paths import with_interaction


def name_of(upstream: Upstream) -> str:
    """The provider's name in the page's language."""
    names = upstream.entity_name or upstream.label
    return names.get(str(get_locale())) or next(iter(names.values()))


def described(upstream: Upstream) -> dict[str, str]:
    return {"name": upstream.name, "label": name_of(upstream)}


def person_of(identity: UpstreamIdentity) -> dict[str, str]:
    """The person as the other provider gave them, the number masked."""
    return {"name": identity.name, "masked_id": mask(identity.id_number) if identity.id_number else ""}


def login_url(interaction: str) -> str:
    return with_interaction("/login", interaction)


def start_url(upstream: Upstream, interaction: str) -> str:
    return with_interaction(f"/upstream/{upstream.name}/start", interaction)


def next_url(interaction: str) -> str:
    """Where a finished login goes on."""
    return interactions.resume_url(interaction) if interaction else own_paths.HOME


def to(url: str) -> Response:
    return cast(Response, redirect(url, 303, Response))


def unavailable(upstream: Upstream, interaction: str) -> Response:
    page = render_template(
        "idp/upstream_unavailable.html",
        upstream=described(upstream),
        retry_url=start_url(upstream, interaction),
        login_url=login_url(interaction),
        trace_id=trace_id(),
    )
    return Response(page, 503, headers={"Retry-After": "30"})


def problem(
    title: str, message: str, *, code: str | None = None, back_url: str | None = None, status: int = 400
) -> Response:
    page = render_template(
        "idp/error.html",
        title=title,
        message=message,
        error_code=code,
        parameter=None,
        trace_id=trace_id(),
        back_url=back_url,
    )
    return Response(page, status)


def lost(upstream: Upstream) -> Response:
    """An answer nobody in this browser asked for, or asked for too long ago, or a second time."""
    return problem(
        gettext("This sign-in cannot be continued"),
        gettext(
            "It was not begun in this browser, took too long, or was finished already. Please go back to the service "
            "and sign in again."
        ),
        code="invalid_request",
        back_url=start_url(upstream, ""),
    )


def untrusted(upstream: Upstream, interaction: str) -> Response:
    """The other provider's answer did not pass our checks."""
    return problem(
        gettext("%(name)s gave an answer we cannot accept", name=name_of(upstream)),
        gettext("You have not been signed in. Please try again, or sign in with your account here."),
        code="server_error",
        back_url=login_url(interaction),
        status=502,
    )


def refused(upstream: Upstream, reason: str, interaction: str) -> Response:
    """The person is known and must not sign in this way."""
    texts = {
        "account_inactive": gettext("Your account here is locked. Please ask at a service counter."),
        "number_changed": gettext(
            "%(name)s now states another ID number than the one your account here was connected with. Please bring "
            "your ID card to a service counter.",
            name=name_of(upstream),
        ),
    }
    title = gettext("You cannot sign in this way")
    return problem(title, texts[reason], code="access_denied", back_url=login_url(interaction), status=403)


def insufficient(upstream: Upstream, identity: UpstreamIdentity, interaction: str, bind_url: str) -> Response:
    texts = {
        "level": gettext("a check of your identity with ID number and name (level 2)"),
        "name": gettext("your name"),
        "id_number": gettext("your ID number"),
    }
    page = render_template(
        "idp/upstream_insufficient.html",
        upstream=described(upstream),
        level=min(identity.login_level, identity.identity_level),
        missing=[texts[name] for name in identity.missing],
        bind_url=bind_url,
        login_url=login_url(interaction),
        register_url=with_interaction("/register", interaction),
    )
    return Response(page, 403)


def waiting_lost() -> Response:
    """What the page asks about has been answered, or has expired."""
    return problem(
        gettext("This page has expired"),
        gettext("Please go back to the service and sign in again. Nothing was changed."),
        code="invalid_request",
        back_url=own_paths.HOME,
    )
