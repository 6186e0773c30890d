"""Between Flask and the protocol: a request becomes a message, a reply becomes a response."""

from __future__ import annotations

import json
from collections.abc import Mapping

from flask import Response, request

from idp.protocol.messages import Reply, Request
from idp.web import context

_HEADERS = ("Authorization", "Content-Type", "DPoP", "Origin")


def message() -> Request:
    """The current request as the protocol sees it: our own URL, the few headers it may read, every parameter."""
    found = {name: value for name in _HEADERS if (value := request.headers.get(name)) is not None}
    return Request(
        method=request.method,
        url=context.provider().settings.issuer + request.path,
        headers=found,
        query=tuple(request.args.items(multi=True)) if request.query_string else (),
        form=tuple(request.form.items(multi=True)) if request.method == "POST" else (),
    )


def respond(reply: Reply) -> Response:
    """A mapping goes out as JSON, a text as it is."""
    body = reply.body
    if isinstance(body, Mapping):
        body = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    if not isinstance(body, str):
        raise TypeError("this reply needs a page")
    return Response(body, reply.status, headers=list(reply.headers))
