"""The routes of a relying party: parse, call the kit, set the cookie, redirect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, g, jsonify, make_response, redirect, request
from flask.typing import ResponseReturnValue

from clients.kit.errors import (
    KitError,
    LoginRefused,
    LogoutReplayed,
    ProviderUnavailable,
    ResponseInvalid,
    ServiceUnavailable,
    TokenInvalid,
)
from clients.kit.own_path import own_path

if TYPE_CHECKING:
    from clients.kit.flask_login import FlaskLogin

LOGIN_PARAMETERS = ("idp_hint", "acr_values", "login_hint")
PROMPTS = frozenset({"login", "select_account", "create"})
"""What a link of ours may ask of the provider: `none` would end on an error page, `consent` is not ours to ask."""
LONGEST_PARAMETER = 256


def add_routes(blueprint: Blueprint, login: FlaskLogin) -> None:
    """The five routes; every one of their answers is for this person and this moment only."""

    @blueprint.get("/login", endpoint="login")
    def begin() -> ResponseReturnValue:
        return _begin(login)

    @blueprint.get("/callback")
    def callback() -> ResponseReturnValue:
        return _callback(login)

    @blueprint.post("/logout")
    def logout() -> ResponseReturnValue:
        return _logout(login)

    @blueprint.post("/backchannel-logout")
    def backchannel_logout() -> ResponseReturnValue:
        return _backchannel_logout(login)

    @blueprint.get("/signed-out")
    def signed_out() -> ResponseReturnValue:
        return _signed_out(login)

    @blueprint.after_request
    def forbid_caching(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        return response


def _begin(login: FlaskLogin) -> ResponseReturnValue:
    next_path = own_path(request.args.get("next"), default=f"{request.script_root}/")
    asked = {name: value for name in LOGIN_PARAMETERS if (value := request.args.get(name, "")[:LONGEST_PARAMETER])}
    prompt = request.args.get("prompt")
    if not asked and prompt not in PROMPTS and login.current() is not None:
        return redirect(next_path, 303)
    try:
        start = login.relying_party.start_login(
            prompt=prompt if prompt in PROMPTS else None,
            ui_locales=login.ui_locales(),
            acr_values=asked.get("acr_values"),
            idp_hint=asked.get("idp_hint"),
            login_hint=asked.get("login_hint"),
            now=login.clock(),
        )
    except KitError as error:
        return login.problem(error, _status(error), next_path)
    browser = login.cookies.new_browser()
    login.store.keep_house(now=login.clock())
    login.store.pending.add(start.pending, browser=browser, next_path=next_path)
    response = make_response(redirect(start.url, 303))
    login.cookies.set_browser(response, browser)
    return response


def _callback(login: FlaskLogin) -> ResponseReturnValue:
    next_path = None
    try:
        params = _single_valued()
        redeemed = login.store.pending.consume(
            params.get("state", ""), browser=login.cookies.browser() or "", now=login.clock()
        )
        if redeemed is None:
            raise ResponseInvalid("no such login was begun in this browser")
        next_path = redeemed.next_path
        finished = login.relying_party.finish_login(params, redeemed.pending, now=login.clock())
        previous = login.cookies.session()
        token = login.store.add_session(finished, now=login.clock(), acr_asked=redeemed.pending.acr_values)
    except KitError as error:
        return login.problem(error, _status(error), next_path)
    if previous:
        login.store.end_session(previous)
    response = make_response(redirect(next_path, 303))
    login.cookies.set_session(response, token)
    return response


def _single_valued() -> dict[str, str]:
    # RFC 6749 §3.1: a parameter that comes twice makes the whole response invalid.
    if any(len(values) > 1 for _, values in request.args.lists()):
        raise ResponseInvalid("a parameter is repeated")
    return request.args.to_dict()


def _logout(login: FlaskLogin) -> ResponseReturnValue:
    login.check_csrf()
    session, token = login.current(), login.cookies.session()
    if token:
        login.store.end_session(token)
    g.pop("_relying_party_sessions", None)
    try:
        hint = session.login.id_token_raw if session else None
        response = make_response(redirect(login.relying_party.logout_url(hint, ui_locales=login.ui_locales()), 303))
    except ProviderUnavailable:
        response = make_response(login.pages.signed_out(None, False))
    login.cookies.clear_session(response)
    return response


def _backchannel_logout(login: FlaskLogin) -> ResponseReturnValue:
    tokens = request.form.getlist("logout_token")
    if len(tokens) != 1:
        return _refuse_logout("exactly one logout_token is needed", 400)
    try:
        notice = login.relying_party.verify_logout_token(tokens[0], now=login.clock())
        login.store.end_by_notice(notice)
    except TokenInvalid as error:
        return _refuse_logout(f"{error.claim}: {error.reason}", 400)
    except LogoutReplayed:
        return _refuse_logout("jti: received before", 400)
    except ServiceUnavailable:
        # Not the sender's fault: a status that makes it try again.
        return _refuse_logout("the provider's keys cannot be had at the moment", 503)
    return make_response("", 200)


def _refuse_logout(description: str, status: int) -> ResponseReturnValue:
    # Back-Channel Logout §2.8: 400 with a JSON object as in RFC 6749 §5.2.
    return jsonify(error="invalid_request", error_description=description), status


def _signed_out(login: FlaskLogin) -> ResponseReturnValue:
    if login.current() is not None:
        return redirect(login.blueprint.url_prefix or "/", 303)  # it would not be true
    return login.pages.signed_out(f"{login.relying_party.config.issuer}/signed-out", True)


def _status(error: KitError) -> int:
    """503 when trying again later helps; 403 when the person or the provider said no; 400 for what does not fit."""
    if isinstance(error, ServiceUnavailable):
        return 503
    return 403 if isinstance(error, LoginRefused) else 400
