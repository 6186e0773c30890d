"""Between Flask and the protocol: a request becomes a message, a reply becomes a response."""

from __future__ import annotations

import json
from collections.abc import Mapping

from flask import Response, g, request

from idp.protocol.messages import Reply, Request
from idp.web import client_certificate, hosts
from idp.web.guard import JSON

_HEADERS = ("Accept", "Authorization", "Content-Type", "DPoP", "Origin")


def message() -> Request:
    """The current request as the protocol sees it: our own URL, the few headers it may read, every parameter."""
    current = request._get_current_object()  # type: ignore[attr-defined]  # a proxy costs at each use
    found = {name: value for name in _HEADERS if (value := current.headers.get(name)) is not None}
    return Request(
        method=current.method,
        url=hosts.base_url() + current.path,
        headers=found,
        query=tuple(current.args.items(multi=True)) if current.query_string else (),
        form=tuple(g.get("form_pairs", ())),  # read once, by idp.web.guard
        body=current.get_data(cache=True) if current.mimetype == JSON else b"",
        client_certificate=client_certificate.presented(),
    )


def respond(reply: Reply) -> Response:
    """A mapping goes out as JSON, a text as it is."""
    body = reply.body
    if isinstance(body, Mapping):
        body = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    if not isinstance(body, str):
        raise TypeError("this reply needs a page")
    return Response(body, reply.status, headers=list(reply.headers))
