"""Signing in at another provider: we are its relying party. The way there, the way back, and its back-channel logout.

The identity's fate is decided in :mod:`idp.authn.upstream`; what a person must still say is asked in
:mod:`idp.web.upstream_binding`. No transaction is open while the other side is being spoken to.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Blueprint, Response, abort, flash, jsonify, request
from flask_babel import get_locale, gettext
from werkzeug.wrappers import Response as AnyResponse

from clients.kit.errors import KitError, LoginRefused, ProviderUnavailable, ServiceUnavailable, TokenInvalid
from clients.kit.logout_token import LogoutNotice
from idp.authn import sign_in, upstream_request
from idp.authn import upstream as matching
from idp.authn.upstream import Match
from idp.authn.upstream_identity import UpstreamIdentity, identity_of
from idp.authn.upstream_parties import UpstreamParty, is_request_of
from idp.config import Upstream
from idp.context import Context
from idp.crypto.random import hash_secret
from idp.domain.account import Account
from idp.domain.interaction import Interaction
from idp.domain.session import Session
from idp.protocol.logout import end_session
from idp.storage import organisations, sessions
from idp.storage.sessions import UpstreamSession
from idp.web import browser, device, interactions, upstream_flow, upstream_pages
from idp.web.context import current, provider
from idp.web.endpoint_kinds import acts, protocol_endpoint
from idp.web.own_paths import with_interaction
from idp.web.upstream_flow import Visit

blueprint = Blueprint("upstream", __name__)
_JTI, _ENDED = "upstream_logout_jti", "upstream_ended"
_ENDED_KEPT = timedelta(minutes=15)
"""A logout that overtakes the login it belongs to still ends it."""
_TEMPORARY = frozenset({"temporarily_unavailable", "server_error"})


def upstream_or_404(name: str) -> Upstream:
    return current().settings.upstream(name) or abort(404)


def party_of(name: str) -> UpstreamParty:
    party: UpstreamParty = provider().parts["upstreams"][name]
    return party


# --- the way there ---------------------------------------------------------------------------------------------------


@blueprint.get("/upstream/<name>/start")
@acts
def start(name: str) -> AnyResponse:
    context, upstream = current(), upstream_or_404(name)
    text = request.args.get("interaction", "")
    interaction = interactions.load(context, text) if text else None
    if interaction is not None and is_request_of(upstream, context.find_client(interaction.client_id)):
        # It asked us who the person is: asking it back would go round for ever.
        flash(gettext("Please sign in with your account here."), "info")
        return upstream_pages.to(upstream_pages.login_url(text))
    level = interactions.peek(context, text).level if text else 0
    _note_hint(context, upstream, interaction)
    context.db.commit()
    try:
        url = _leave(context, upstream, interaction, text, level)
    except ProviderUnavailable:
        return upstream_pages.unavailable(upstream, text)
    return upstream_pages.to(url)


def _note_hint(context: Context, upstream: Upstream, interaction: Interaction | None) -> None:
    if interaction is not None and upstream_request.is_followed_hint(upstream, interaction):
        interactions.save(context, interaction.hint_followed())


def _leave(context: Context, upstream: Upstream, interaction: Interaction | None, text: str, level: int) -> str:
    party = party_of(upstream.name)
    asked = upstream_request.request_for(upstream, interaction, level)
    locale = "zh-CN" if str(get_locale()) == "zh" else str(get_locale())
    with party.provider.http.within():
        party.check_alive()
        started = party.start_login(**asked, ui_locales=locale, now=context.now)
    upstream_flow.remember_visit(context, Visit(upstream.name, text, started.pending, context.now))
    return started.url


# --- the way back ----------------------------------------------------------------------------------------------------


@blueprint.get("/upstream/<name>/callback")
@acts
def callback(name: str) -> AnyResponse:
    context, upstream = current(), upstream_or_404(name)
    parameters = request.args.to_dict()
    visit = upstream_flow.consume_visit(context, name, parameters.get("state", ""))
    context.db.commit()  # taken, whatever comes of it
    if visit is None:
        return upstream_pages.lost(upstream)
    try:
        login = party_of(name).finish_login(parameters, visit.pending, now=context.now)
    except KitError as error:
        return _failed(upstream, visit, error)
    identity = identity_of(upstream, login).seen_within(visit.started_at, provider().clock())
    return receive(context, upstream, identity, visit.interaction)


def _failed(upstream: Upstream, visit: Visit, error: KitError) -> Response:
    if isinstance(error, ServiceUnavailable) or (isinstance(error, LoginRefused) and error.error in _TEMPORARY):
        return upstream_pages.unavailable(upstream, visit.interaction)
    if isinstance(error, LoginRefused):
        label = upstream_pages.name_of(upstream)
        text = gettext("You were not signed in by %(name)s. You can try again or sign in here.", name=label)
        if error.error == "access_denied":
            text = gettext("You cancelled the sign-in at %(name)s. You can try again or sign in here.", name=label)
        flash(text, "warning")
        return upstream_pages.to(upstream_pages.login_url(visit.interaction))
    return upstream_pages.untrusted(upstream, visit.interaction)


def receive(context: Context, upstream: Upstream, identity: UpstreamIdentity, interaction: str) -> AnyResponse:
    """Somebody came back: match, ask what must be asked, or sign them in."""
    verdict = matching.find_verdict(context, identity)
    if verdict.match is Match.REFUSED:
        return upstream_pages.refused(upstream, verdict.reason, interaction)
    if verdict.match in {Match.CLASH, Match.INSUFFICIENT}:
        url = _page_url(upstream, "bind", upstream_flow.wait(context, identity, interaction, verdict.reason))
        if verdict.match is Match.CLASH:
            return upstream_pages.to(url)
        return upstream_pages.insufficient(upstream, identity, interaction, url)
    signed_in = browser.signed_in(context)
    if signed_in is not None and (verdict.account is None or verdict.account.id != signed_in.account.id):
        return upstream_pages.to(_page_url(upstream, "switch", upstream_flow.wait(context, identity, interaction)))
    return enter_matched(context, upstream, identity, interaction)


def enter_matched(context: Context, upstream: Upstream, identity: UpstreamIdentity, interaction: str) -> AnyResponse:
    """Link or create as the match says and sign the person in."""
    verdict = matching.resolve(context, identity)
    if verdict.match is not Match.LINKED or verdict.account is None:
        return receive(context, upstream, identity, interaction)  # changed meanwhile: ask what must be asked
    return enter(context, upstream, identity, verdict.account, interaction)


def enter(
    context: Context, upstream: Upstream, identity: UpstreamIdentity, account: Account, interaction: str
) -> AnyResponse:
    """Begin the session another provider vouches for and go on."""
    session, secret = sign_in.establish(
        context,
        account,
        level=min(identity.login_level, account.level),
        amr=identity.amr,
        source=upstream.name,
        has_mandates=bool(organisations.list_valid_mandates(context.db, account.id, context.now)),
        current=browser.signed_in(context),
        user_agent=request.headers.get("User-Agent", ""),
        address=device.address(),
        upstream=UpstreamSession(identity.issuer, identity.subject, identity.sid, identity.id_token),
        auth_time=identity.auth_time,
    )
    context.db.commit()  # from here on a logout finds the session; one that came before left its mark
    if _was_ended(context, identity):
        end_session(context, session, reason="upstream_logout", notify_upstream=False)
        flash(gettext("You have signed out of %(name)s meanwhile.", name=upstream_pages.name_of(upstream)), "warning")
        return upstream_pages.to(upstream_pages.login_url(interaction))
    response = upstream_pages.to(upstream_pages.next_url(interaction))
    browser.set_session(context.settings, response, secret)
    device.remember(context, response, account.id)
    return response


def _page_url(upstream: Upstream, page: str, handle: str) -> str:
    return with_interaction(f"/upstream/{upstream.name}/{page}", handle)


# --- back-channel logout (OpenID Connect Back-Channel Logout §2.5–§2.8) -----------------------------------------------


@blueprint.post("/upstream/<name>/backchannel-logout")
@protocol_endpoint
def backchannel_logout(name: str) -> AnyResponse:
    upstream_or_404(name)
    tokens = request.form.getlist("logout_token")
    if len(tokens) != 1:
        return _refuse_logout("exactly one logout_token is needed", 400)
    context = current()
    try:
        notice = party_of(name).verify_logout_token(tokens[0], now=context.now)
    except TokenInvalid as error:
        return _refuse_logout(f"{error.claim}: {error.reason}", 400)
    except ServiceUnavailable:
        # Not the sender's fault: a status that makes it try again.
        return _refuse_logout("the provider's keys cannot be had at the moment", 503)
    return _obey(context, notice)


def _obey(context: Context, notice: LogoutNotice) -> AnyResponse:
    for kind, value in (("sid", notice.sid), ("sub", notice.subject if notice.sid is None else None)):
        if value is not None:
            mark = {"issued_at": notice.issued_at.isoformat()}
            context.ephemeral.put(_ENDED, _mark(notice.issuer, kind, value), mark, _ENDED_KEPT)
    ended: list[Session] = sessions.list_of_upstream(context.db, notice.issuer, sid=notice.sid, subject=notice.subject)
    for session in ended:
        end_session(context, session, reason="upstream_logout", notify_upstream=False)
    lifetime = max(notice.expires_at - context.now, timedelta(0)) + _ENDED_KEPT
    if not context.ephemeral.claim(_JTI, _mark(notice.issuer, "jti", notice.jti), lifetime, issued_at=notice.issued_at):
        return _refuse_logout("jti: received before", 400)
    return _uncached(Response("", 200))


def _was_ended(context: Context, identity: UpstreamIdentity) -> bool:
    """Whether the upstream's logout came before its login was finished here."""
    if identity.sid and context.ephemeral.get(_ENDED, _mark(identity.issuer, "sid", identity.sid)):
        return True
    mark = context.ephemeral.get(_ENDED, _mark(identity.issuer, "sub", identity.subject))
    return mark is not None and datetime.fromisoformat(mark["issued_at"]) >= identity.auth_time


def _mark(issuer: str, kind: str, value: str) -> str:
    return hash_secret(f"{issuer}\n{kind}\n{value}")


def _refuse_logout(description: str, status: int) -> Response:
    response = jsonify(error="invalid_request", error_description=description)
    response.status_code = status
    return _uncached(response)


def _uncached(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
