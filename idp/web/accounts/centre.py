"""The first page of the account centre: who I am, at which level, and who vouched for it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect
from flask_babel import get_locale, gettext
from werkzeug.wrappers import Response as AnyResponse

from federation.identifiers import mask, mask_mobile, normalise_mobile
from idp.accounts import identity
from idp.accounts.mandates import is_running_out, last_day_of
from idp.context import Context
from idp.domain.account import Account
from idp.domain.assurance import Proof
from idp.domain.session import SignedIn
from idp.storage import accounts, organisations
from idp.web.accounts.visitor import centre_page, for_person

blueprint = Blueprint("account", __name__)


@blueprint.get("/")
def front() -> AnyResponse:
    return redirect("/account", 303)


@blueprint.get("/account")
@for_person
def show(context: Context, signed_in: SignedIn) -> str:
    account = signed_in.account
    held = organisations.list_mandates(context.db, account.id)
    running_out = [one for one in held if one.is_valid(context.now) and is_running_out(one, context.now)]
    return centre_page(
        "/account",
        "accounts/overview.html",
        person=_person(account),
        level=account.level,
        session_level=signed_in.session.level,
        may_verify=signed_in.session.level < identity.LEVEL and identity.is_possible(context),
        proofs=[_proof(context, proof) for proof in accounts.list_proofs(context.db, account.id)],
        services=_services(context),
        invitations=sum(one.is_open(context.now) for one in held),
        running_out=[{"company": one.organisation_name, "until": last_day_of(one)} for one in running_out],
    )


def _person(account: Account) -> dict[str, str]:
    """What is known of the person; numbers masked, for somebody may look over their shoulder."""
    claims = account.claims
    phone = normalise_mobile(str(claims.get("phone_number") or ""))
    return {
        "name": account.name,
        "id_number": mask(str(claims["id_number"])) if claims.get("id_number") else "",
        "phone": mask_mobile(phone) if phone else "",
        "email": str(claims.get("email") or ""),
        "username": account.username or "",
    }


def _proof(context: Context, proof: Proof) -> dict[str, Any]:
    return {
        "level": proof.level,
        "source": source_name(context, proof.source),
        "method": _method_name(proof.method),
        "verified_at": proof.verified_at,
        "expires_at": proof.expires_at,
        "is_valid": proof.is_valid(context.now),
    }


def source_name(context: Context, source: str) -> str:
    """Who vouched, in the person's language: this service, the authority, or another platform by name or issuer."""
    if source == "local":
        return gettext("This service")
    if source == "authority":
        return gettext("The authority's register of residents")
    locale = str(get_locale())
    for upstream in context.settings.upstreams:
        if source in {upstream.issuer, upstream.name}:
            names = upstream.entity_name or upstream.label
            return names.get(locale) or next(iter(names.values()))
    return source


def _method_name(method: str) -> str:
    names = {
        "phone_code": gettext("Code sent to the mobile number"),
        "name_and_id_number": gettext("Name and ID number compared"),
        "upstream": gettext("Signed in there"),
        "face": gettext("Face compared with the ID card"),
        "bank": gettext("Bank account"),
        "counter": gettext("In person at a counter"),
        "certificate": gettext("Digital certificate"),
    }
    return names.get(method) or method


def _services(context: Context) -> list[dict[str, str]]:
    locale = str(get_locale())
    return [
        {
            "url": str(link["url"]),
            "title": str(link["label"].get(locale) or next(iter(link["label"].values()))),
            "icon": str(link.get("icon", "arrow")),
        }
        for link in context.settings.account_links
    ]
