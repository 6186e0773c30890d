"""/authorize, the authorization endpoint: check, decide, then one page or the answer.

A request with ``interaction`` is one that comes back from a page; its parameters are those it began with, as they were
settled then: nothing is fetched, verified or looked up for them again.
"""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from idp.context import Context
from idp.domain.grant import RequestAnswered
from idp.domain.interaction import Interaction
from idp.domain.session import SessionEnded, SignedIn
from idp.protocol import resolution
from idp.protocol.authorization_response import AuthorizationResponse
from idp.protocol.authorize import PATH, AuthorizationRequest
from idp.protocol.client_jwts import UnusableRegistration
from idp.protocol.errors import ProtocolError
from idp.protocol.interaction import Facts, Grant, Page, Refuse, Visit, decide
from idp.protocol.messages import FormPost, Reply, Request
from idp.protocol.responses import write_error
from idp.protocol.server import Server
from idp.protocol.session_management import answer_parameters
from idp.protocol.subjects import subject_for
from idp.web import bridge, browser, errors, interactions, locale
from idp.web.context import current
from idp.web.endpoint_kinds import acts, front_channel

blueprint = Blueprint("authorize", __name__)


@blueprint.get(PATH)
@acts
@front_channel
def authorize() -> AnyResponse:
    context, handle = current(), request.args.get("interaction")
    if not handle:
        return _proceed(context, bridge.message())
    message = replace(bridge.message(), query=())
    parked = interactions.find_parked(context, handle)
    if parked is not None:
        parameters, origin = parked
        return _proceed(context, replace(message, query=parameters, origin=origin))
    interaction = interactions.load(context, handle)
    message = replace(message, query=interaction.parameters, origin=interaction.origin)
    return _proceed(context, message, interaction, handle)


@blueprint.post(PATH)
@front_channel
def authorize_by_post() -> AnyResponse:
    """Posted by another site, so without our cookies: park it and let the browser come back with them."""
    context, message = current(), bridge.message()
    try:
        checked = Server(context).get_consent_grant(message).request.authorization
    except ProtocolError as error:
        return _refuse(context, error, is_post=True)
    parked = interactions.park(context, checked)
    return redirect(interactions.resume_url(parked), 303, Response)


@blueprint.post("/authorize/cancel")
def cancel() -> AnyResponse:
    """The person does not want to go on: the client hears access_denied."""
    context, handle = current(), request.form.get("interaction", "")
    interactions.save(context, interactions.load(context, handle).denied())
    return redirect(interactions.resume_url(handle), 303, Response)


def _proceed(
    context: Context, message: Request, interaction: Interaction | None = None, handle: str | None = None
) -> AnyResponse:
    server = Server(context)
    try:
        grant = server.get_consent_grant(message)
    except ProtocolError as error:
        return _refuse(context, error)
    asked: AuthorizationRequest = grant.request.authorization
    signed_in = browser.signed_in(context, asked.client.client_id)
    match decide(asked, _facts(context, asked, signed_in, interaction)):
        case Grant(signed_in=granted):
            return _give(context, server, grant, granted)
        case Refuse(error=refusal):
            refusal.answer_parameters = answer_parameters(asked, browser.state(context.settings, signed_in))
            return _refuse(context, refusal)
        case Visit() as visit:
            return _visit(context, asked, visit, handle)


def _give(context: Context, server: Server, grant: AuthorizationResponse, granted: SignedIn) -> AnyResponse:
    state = browser.state(context.settings, granted)
    try:
        return respond(server.grant_authorization(grant, granted, browser_state=state))
    except ProtocolError as error:
        return _refuse(context, error)
    except SessionEnded:  # signed out in this very moment: ask again, now without a session
        return redirect(request.full_path, 302, Response)
    except RequestAnswered:
        refusal = resolution.answered_already(grant.asked)
        refusal.answer_parameters = answer_parameters(grant.asked, state)
        return _refuse(context, refusal)


def _facts(
    context: Context, asked: AuthorizationRequest, signed_in: SignedIn | None, interaction: Interaction | None
) -> Facts:
    facts = Facts(
        now=context.now,
        started_at=context.now,
        signed_in=signed_in,
        subject=subject_for(context.vault, signed_in.account, asked.client) if signed_in else None,
        upstream_levels={
            upstream.name: upstream.assurance.cap
            for upstream in context.settings.upstreams
            if not asked.client.is_provider(upstream.issuer)
        },
    )
    if interaction is None:
        return facts
    return replace(
        facts,
        started_at=interaction.created_at,
        is_denied=interaction.is_denied,
        selected_sid=interaction.selected_sid,
        is_hint_followed=interaction.is_hint_followed,
    )


def _visit(context: Context, asked: AuthorizationRequest, visit: Visit, handle: str | None) -> AnyResponse:
    if handle is None:
        handle = interactions.start(context, asked)
    language = locale.best_of(context.settings, asked.ui_locales)
    handle = interactions.for_page(context, handle, level=visit.level, locale=language)
    path = f"{visit.page}/{visit.upstream}/start" if visit.page is Page.UPSTREAM else str(visit.page)
    return redirect(interactions.page_url(path, handle), 302, Response)


def _refuse(context: Context, error: ProtocolError, *, is_post: bool = False) -> AnyResponse:
    """To the client where its redirect URI is known to be its own, else to the person."""
    if error.target is None:
        return errors.protocol_page(error)
    try:
        return respond(write_error(context, error, is_post=is_post))
    except UnusableRegistration as unanswerable:  # not even an error can be written as the client wants it
        return errors.protocol_page(unanswerable)


def respond(reply: Reply) -> AnyResponse:
    """An authorization response; a form post is a page of ours that submits itself."""
    if not isinstance(reply.body, FormPost):
        return bridge.respond(reply)
    page = render_template("idp/form_post.html", action=reply.body.action, fields=reply.body.fields)
    return Response(page, reply.status)
