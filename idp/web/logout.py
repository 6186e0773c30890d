"""/logout, the end-session endpoint, and the pages around it: asking first, and what signing out has reached.

The browser never waits for another service: notices go out through the outbox, and /signed-out shows how far they got.
Only where services want to be told by the browser itself does it stop there on its way: ``/signed-out?tell=browser``
has a frame for each, and goes on when they have answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request
from flask_babel import get_locale
from werkzeug.wrappers import Response as AnyResponse

from idp.context import Context
from idp.crypto.vault import VaultError
from idp.domain.session import Session
from idp.protocol import frontchannel_logout
from idp.protocol.errors import ProtocolError, invalid_request
from idp.protocol.frontchannel_logout import Notice
from idp.protocol.logout import UPSTREAM_SESSION_END, end_session
from idp.protocol.rp_initiated_logout import PATH, LogoutRequest, check_logout_request, is_confirmation_needed
from idp.storage import outbox, sessions
from idp.storage.outbox import Delivery
from idp.web import bridge, browser, csrf, errors, guard, locale, pending
from idp.web.context import current
from idp.web.endpoint_kinds import acts, front_channel

blueprint = Blueprint("logout", __name__)

_SIGNED_OUT = "/signed-out"
_SEALED = "logout_request"
_BATCH = "signed_out"
_BATCH_LIFETIME = timedelta(minutes=10)
_LARGEST = 3800  # characters of a cookie's value; browsers keep 4096 bytes with its name and attributes
_REFRESHING = timedelta(minutes=2)  # how long the page brings itself up to date


@blueprint.get(PATH)
@acts
@front_channel
def logout() -> AnyResponse:
    context = current()
    sealed = request.args.get("request")
    try:
        asked = _open(context, sealed) if sealed else check_logout_request(context, bridge.message().query)
    except ProtocolError as error:
        return errors.protocol_page(error)
    return _proceed(context, asked)


@blueprint.post(PATH)
@front_channel
def logout_by_post() -> AnyResponse:
    """Our own question's answer, or a relying party's POST. The latter comes without our cookies, so the browser is
    sent round once more with what was checked."""
    context = current()
    try:
        if "decision" in request.form:
            csrf.protect()
            return _end(context, _open(context, request.form.get("interaction", "")))
        asked = check_logout_request(context, bridge.message().form)
    except ProtocolError as error:
        return errors.protocol_page(error)
    query = {"request": _seal(context, asked), "ui_locales": asked.ui_locales}
    return redirect(f"{PATH}?{urlencode(query)}", 303, Response)


@blueprint.post("/sign-out")
def sign_out() -> AnyResponse:
    """The button in the page's head: pressing it is confirmation enough."""
    return _end(current(), LogoutRequest())


@blueprint.get(_SIGNED_OUT)
def signed_out() -> AnyResponse:
    context = current()
    done = _read_batch(context)
    told = frontchannel_logout.notices(context, done["batch"], done["sid"]) if done.get("sid") else []
    frames = told if request.args.get("tell") == "browser" else []
    deliveries = outbox.list_batch(context.db, done["batch"]) if done.get("batch") else []
    is_pending = any(delivery.status == "pending" for delivery in deliveries)
    is_recent = bool(deliveries) and context.now - deliveries[0].created_at < _REFRESHING
    client = context.find_client(done["client_id"]) if done.get("client_id") else None
    if not locale.is_chosen():
        locale.speak(done.get("ui_locales", ""))  # as the service did that the person came from
    page = render_template(
        "idp/signed_out.html",
        deliveries=[_shown(context, delivery) for delivery in deliveries] + _shown_told(told, deliveries),
        frames=[notice.url for notice in frames],
        leaves=bool(frames) and bool(done.get("leads_back")),
        refresh=is_pending and is_recent,
        return_url=done.get("return_url"),
        return_name=client.localized_name(str(get_locale())) if client else None,
    )
    response = Response(page)
    if frames:
        response.headers["Content-Security-Policy"] = guard.policy_with_frames(notice.origin for notice in frames)
    return response


def _proceed(context: Context, asked: LogoutRequest) -> AnyResponse:
    signed_in = browser.signed_in(context)
    client = context.find_client(asked.client_id) if asked.client_id else None
    if signed_in is None or not is_confirmation_needed(context, asked, signed_in, client):
        return _end(context, asked)
    names = [
        _client_name(context, client_id) for client_id, _ in sessions.list_clients(context.db, signed_in.session.id)
    ]
    page = render_template(
        "idp/logout.html",
        client=pending.client_shown(client, str(get_locale())) if client else None,
        services=names,
        stay_url="/account",
        interaction=_seal(context, asked),
    )
    return Response(page)


def _end(context: Context, asked: LogoutRequest) -> AnyResponse:
    """End the browser's session, if it has one, and send the person on."""
    signed_in = browser.signed_in(context)
    session = signed_in.session if signed_in else None
    told = frontchannel_logout.notices(context, session.id, session.sid) if session else []
    if session:
        end_session(context, session, reason="logout")
    response = redirect(f"{_SIGNED_OUT}?tell=browser" if told else asked.way_back or _SIGNED_OUT, 303, Response)
    browser.clear_session(context.settings, response)
    if session or asked.way_back is None:
        _write_batch(context, response, session, asked, is_told=bool(told))
    return response


def _write_batch(
    context: Context, response: AnyResponse, session: Session | None, asked: LogoutRequest, *, is_told: bool
) -> None:
    done = {
        "batch": session.id if session else None,
        "sid": session.sid if session and is_told else None,  # only where the browser has somebody to tell
        "client_id": asked.client_id,
        "return_url": asked.return_url,
        "leads_back": asked.way_back is not None,
        "ui_locales": asked.ui_locales,
    }
    sealed = context.vault.seal_text(_BATCH, done)
    if len(sealed) > _LARGEST:  # a browser would not keep it, and nobody be told: rather lose the way back
        sealed = context.vault.seal_text(_BATCH, done | {"return_url": None, "leads_back": False})
    browser.set_cookie(context.settings, response, _BATCH, sealed, _BATCH_LIFETIME)


def _read_batch(context: Context) -> dict[str, Any]:
    text = request.cookies.get(browser.cookie_name(context.settings, _BATCH))
    try:
        found: dict[str, Any] = context.vault.open_text(_BATCH, text) if text else {}
    except VaultError:
        return {}
    return found


def _shown(context: Context, delivery: Delivery) -> dict[str, Any]:
    return {"service": _recipient_name(context, delivery), "status": delivery.status, "at": delivery.delivered_at}


def _shown_told(told: list[Notice], deliveries: Sequence[Delivery]) -> list[dict[str, Any]]:
    """Of who is told both ways, the delivery says more."""
    delivered = {delivery.recipient for delivery in deliveries}
    names = [
        notice.client.localized_name(str(get_locale())) for notice in told if notice.client.client_id not in delivered
    ]
    return [{"service": name, "status": "told", "at": None} for name in names]


def _recipient_name(context: Context, delivery: Delivery) -> str:
    if delivery.kind != UPSTREAM_SESSION_END:
        return _client_name(context, delivery.recipient)
    upstream = context.settings.upstream(delivery.recipient)
    names = (upstream.entity_name or upstream.label) if upstream else {}
    return names.get(str(get_locale())) or names.get(context.settings.default_locale) or delivery.recipient


def _client_name(context: Context, client_id: str) -> str:
    client = context.find_client(client_id)
    return client.localized_name(str(get_locale())) if client else client_id


def _seal(context: Context, asked: LogoutRequest) -> str:
    return context.vault.seal_text(_SEALED, asked.as_dict())


def _open(context: Context, text: str) -> LogoutRequest:
    try:
        return LogoutRequest(**context.vault.open_text(_SEALED, text))
    except (VaultError, TypeError):
        raise invalid_request("The sign-out request is not valid.", "request") from None
