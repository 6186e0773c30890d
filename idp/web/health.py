"""Whether this process can serve: GET /healthz answers 200 when the stores answer, 503 when they do not."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from idp.web.context import provider

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> tuple[Response, int]:
    parts = {"database": _is_database_up()}
    if provider().redis is not None:
        parts["redis"] = _is_redis_up()
    is_up = all(parts.values())
    return jsonify(status="ok" if is_up else "unavailable", **parts), 200 if is_up else 503


def _is_database_up() -> bool:
    try:
        with provider().alone.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True


def _is_redis_up() -> bool:
    client = provider().redis
    try:
        return client is not None and bool(client.ping())
    except RedisError:
        return False
