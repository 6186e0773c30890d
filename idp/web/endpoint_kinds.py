"""Three kinds of endpoint, said by a mark on the view: a page (no mark), a protocol endpoint, a front-channel endpoint.

=================  ===================================  ============================================================
kind               who calls                            what follows
=================  ===================================  ============================================================
page               a person on one of our pages         CSRF token on every POST; errors are pages; no parameter twice
protocol_endpoint  a program                            no CSRF token; errors are JSON; no parameter twice
front_channel      a person sent by another site        may be posted from elsewhere; errors are pages; the protocol
                                                        judges repeated parameters itself
=================  ===================================  ============================================================

A view of any kind whose GET does something (``acts``) answers no HEAD, which promises to do nothing (RFC 9110 §9.2.1).

A blueprint that may not import this package sets ``view.is_protocol = True`` itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, request
from werkzeug.exceptions import MethodNotAllowed

View = TypeVar("View", bound=Callable[..., Any])


def protocol_endpoint(view: View) -> View:
    view.is_protocol = True  # type: ignore[attr-defined]
    return view


def front_channel(view: View) -> View:
    view.is_front_channel = True  # type: ignore[attr-defined]
    return view


def acts(view: View) -> View:
    """For a GET that issues, ends or uses something up."""
    view.acts = True  # type: ignore[attr-defined]
    return view


def leave_out_head(app: Flask) -> None:
    """Take HEAD, which Flask gives every GET, from the views that act: it is answered 405, with what is allowed."""
    for rule in app.url_map.iter_rules():
        if getattr(app.view_functions[rule.endpoint], "acts", False) and rule.methods is not None:
            rule.methods.discard("HEAD")


def may_repeat(*names: str) -> Callable[[View], View]:
    """For a page whose form has a parameter with several values, such as a group of checkboxes."""

    def mark(view: View) -> View:
        view.repeatable = frozenset(names)  # type: ignore[attr-defined]
        return view

    return mark


def is_protocol() -> bool:
    """Whether the request at hand goes to an endpoint for programs."""
    return _has("is_protocol")


def is_front_channel() -> bool:
    return _has("is_front_channel")


def repeatable() -> frozenset[str]:
    """The parameters the request at hand may repeat; a program may name several resource servers (RFC 8707 §2)."""
    if is_protocol():
        return frozenset({"resource"})
    found: frozenset[str] = getattr(_view(), "repeatable", frozenset())
    return found


def _has(mark: str) -> bool:
    return bool(getattr(_view(), mark, False))


def _view() -> Any:
    return current_app.view_functions.get(request.endpoint or _endpoint_of_another_method() or "")


def _endpoint_of_another_method() -> str | None:
    """Whose address this is, when it was only called by the wrong method."""
    error, adapter = request.routing_exception, current_app.create_url_adapter(request)
    if not isinstance(error, MethodNotAllowed) or adapter is None or not error.valid_methods:
        return None
    endpoint, _arguments = adapter.match(method=next(iter(error.valid_methods)))
    return str(endpoint)
