"""/consent: which service gets what, for how long; the answer is remembered (OpenID Connect Core §3.1.2.4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from idp.config import Settings
from idp.context import Context
from idp.protocol.authorize import AuthorizationRequest
from idp.protocol.consent import single_claims
from idp.storage import consents
from idp.web import interactions, pending
from idp.web.context import current
from idp.web.pending import Pending

blueprint = Blueprint("consent", __name__)


@blueprint.get("/consent")
def show() -> AnyResponse:
    context = current()
    waiting = pending.load(context)
    if waiting.signed_in is None:
        return redirect(interactions.resume_url(waiting.handle), 302, Response)
    session, account = waiting.signed_in.session, waiting.signed_in.account
    page = render_template(
        "idp/consent.html",
        client=pending.client_shown(waiting.request.client, str(get_locale())),
        person_name=account.name,
        items=list(_items(context.settings, waiting.request, session.act_as)),
        acting_for=(session.act_as or {}).get("name"),
        interaction=interactions.for_person(context, waiting.handle, account.id),
    )
    return Response(page)


@blueprint.post("/consent")
def decide() -> AnyResponse:
    context = current()
    waiting = pending.load(context)
    decision = request.form.get("decision")
    if decision == "deny":
        pending.save(context, waiting, is_denied=True)
    elif decision == "allow":
        _remember(context, waiting)
    else:
        abort(400)
    return redirect(interactions.resume_url(waiting.handle), 303, Response)


def _remember(context: Context, waiting: Pending) -> None:
    """What was shown is what is agreed to: both follow from the stored parameters."""
    if waiting.signed_in is not None and waiting.is_answer_of_who_was_asked:
        consents.remember(
            context.db,
            waiting.signed_in.account.id,
            waiting.request.client.client_id,
            waiting.request.scope,
            single_claims(waiting.request),
            context.now,
        )


def _items(settings: Settings, asked: AuthorizationRequest, act_as: dict[str, str] | None) -> Iterator[dict[str, Any]]:
    """One line a scope, in a fixed order, then the claims asked for singly."""
    words = _scope_words(settings, act_as)
    for scope in [*words, *sorted(asked.scope - set(words))]:
        if scope in asked.scope:
            title, detail = words.get(scope) or _resource_words(settings, scope)
            yield {"title": title, "detail": detail, "required": scope == "openid"}
    names = [_claim_words().get(name, name) for name in sorted(single_claims(asked))]
    if names:
        yield {"title": _("Single facts about you"), "detail": _(", ").join(names), "required": False}


def consented_words(settings: Settings, scope: frozenset[str], claims: frozenset[str]) -> list[str]:
    """What a remembered consent covers, one short text each, in the order of the consent page."""
    words = _scope_words(settings, None)
    titles = [words[name][0] for name in words if name in scope]
    titles += [_resource_words(settings, name)[0] for name in sorted(scope - set(words))]
    return titles + [_claim_words().get(name, name) for name in sorted(claims)]


def _scope_words(settings: Settings, act_as: dict[str, str] | None) -> dict[str, tuple[str, str]]:
    until_withdrawn = _("Passed on each time you sign in there, until you withdraw your consent.")
    days = settings.refresh_idle_lifetime.days
    company = act_as["name"] if act_as else _("none at present")
    return {
        "openid": (_("That you are you"), _("A number by which the service recognises you. ") + until_withdrawn),
        "profile": (
            _("Your profile"),
            _("Name, sex, date of birth, language and the like. ") + until_withdrawn,
        ),
        "identity": (
            _("Your verified identity"),
            _("Name, kind and number of your identity document, how and by whom it was verified. ") + until_withdrawn,
        ),
        "phone": (_("Your mobile number"), until_withdrawn),
        "email": (_("Your e-mail address"), until_withdrawn),
        "address": (_("Your postal address"), until_withdrawn),
        "organisation": (
            _("For which company you act"),
            _("Name, credit code and your role. Now: %(company)s. ", company=company) + until_withdrawn,
        ),
        "offline_access": (
            _("Access while you are away"),
            ngettext(
                "The service may read what is listed here for %(num)s day after its last visit, signed in or not.",
                "The service may read what is listed here for %(num)s days after its last visit, signed in or not.",
                days,
            ),
        ),
    }


def _resource_words(settings: Settings, scope: str) -> tuple[str, str]:
    """A right at a resource server; its text is a setting of the deployment."""
    label = settings.scope_labels.get(scope, {})
    server = settings.resource_scopes.get(scope, "")
    minutes = int(settings.access_token_lifetime.total_seconds() // 60)
    detail = ngettext(
        "At %(server)s, on your behalf, for %(num)s minute at a time.",
        "At %(server)s, on your behalf, for %(num)s minutes at a time.",
        minutes,
        server=server,
    )
    return label.get(str(get_locale())) or label.get("en") or scope, detail


def _claim_words() -> dict[str, str]:
    return {
        "act_as": _("the company you act for"),
        "address": _("postal address"),
        "birthdate": _("date of birth"),
        "email": _("e-mail address"),
        "email_verified": _("whether the e-mail address is verified"),
        "family_name": _("family name"),
        "gender": _("sex"),
        "given_name": _("given name"),
        "id_number": _("number of the identity document"),
        "id_type": _("kind of the identity document"),
        "loa": _("how your identity was verified"),
        "locale": _("language"),
        "middle_name": _("middle name"),
        "name": _("name"),
        "nickname": _("nickname"),
        "phone_number": _("mobile number"),
        "phone_number_verified": _("whether the mobile number is verified"),
        "picture": _("picture"),
        "preferred_username": _("username"),
        "profile": _("profile page"),
        "updated_at": _("when your data last changed"),
        "website": _("website"),
        "zoneinfo": _("time zone"),
    }
