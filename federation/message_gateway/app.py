"""The gateway over HTTP: ``POST /messages`` for senders, ``/`` and ``/messages.json`` for people at this machine."""

from __future__ import annotations

import hmac
import ipaddress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Flask, abort, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import Babel, get_locale
from flask_babel import gettext as _
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from clients.kit.flask_guard import add_security_headers, refuse_damaged
from clients.kit.http import LOOPBACK_HOSTS
from clients.kit.sealing import decode_key
from federation.message_gateway.config import Settings
from federation.message_gateway.storage import Message, Messages, open_engine

ROOT = Path(__file__).parents[2]
_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"


class Sent(BaseModel):
    """What a sender hands in."""

    model_config = ConfigDict(extra="forbid")
    to: str = Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f]+$")
    text: str = Field(min_length=1, max_length=1000, pattern=r"^[^\x00]+$")


def create_app(settings: Settings) -> Flask:
    """The simulator as a WSGI application."""
    app = Flask(__name__, static_folder=str(ROOT / "static"), template_folder=str(ROOT / "templates"))
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    Babel(
        app,
        default_locale="zh",
        default_timezone="Asia/Shanghai",
        default_translation_directories=f"{ROOT}/translations/shared;{ROOT}/translations/federation",
        default_domain="messages;messages",
        locale_selector=lambda: request.accept_languages.best_match(("zh", "en")) or "zh",
    )
    key = HKDF(SHA256(), 32, None, b"gateway/messages").derive(decode_key(settings.master_key.get_secret_value()))
    store = Messages(open_engine(settings.database_url), key)
    refuse_damaged(app)
    app.before_request(_only_from_here)
    app.after_request(lambda response: add_security_headers(response, _POLICY, is_secure=False))
    app.context_processor(_frame)
    _add_routes(app, store, settings.token.get_secret_value())
    return app


def _add_routes(app: Flask, store: Messages, token: str) -> None:
    @app.post("/messages")
    def take() -> ResponseReturnValue:
        """202 when the message is stored; 401 without the token; 400 with the names of what is wrong."""
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, f"Bearer {token}".encode()):
            return jsonify(error="invalid_token"), 401, {"WWW-Authenticate": "Bearer"}
        try:
            sent = Sent.model_validate_json(request.get_data())
        except ValidationError as error:
            wrong = sorted({".".join(map(str, item["loc"])) or "body" for item in error.errors()})
            return jsonify(error="invalid_request", fields=wrong), 400
        store.add(Message(sent.to, sent.text, datetime.now(UTC)))
        return jsonify(status="accepted"), 202

    @app.get("/messages.json")
    def listed() -> ResponseReturnValue:
        found = store.list_newest(request.args.get("to"))
        return jsonify([{"to": one.recipient, "text": one.text, "at": one.received_at.isoformat()} for one in found])

    @app.get("/")
    def page() -> str:
        return render_template("federation/messages.html", messages=store.list_newest())

    @app.get("/healthz")
    def healthz() -> ResponseReturnValue:
        try:
            store.list_newest(limit=1)
        except SQLAlchemyError:
            return jsonify(status="unavailable"), 503
        return jsonify(status="ok")


def _only_from_here() -> None:
    """Codes for other people's phones are nobody's business beyond this machine, nor that of a page in a browser here
    whose name was made to lead to us."""
    try:
        is_here = ipaddress.ip_address(request.remote_addr or "").is_loopback
        is_asked_for_here = urlsplit(f"//{request.host}").hostname in LOOPBACK_HOSTS
    except ValueError:
        abort(403)
    if not (is_here and is_asked_for_here):
        abort(403)


def _frame() -> dict[str, Any]:
    brand = {"name": _("Message gateway"), "subtitle": _("Simulator for demonstrations")}
    return {"brand": brand, "theme": "gateway", "locale": str(get_locale()), "demo": True}
