"""Whom an access token is for: resource servers by scope or by name, and ourselves where userinfo is open to it.

RFC 9068 §3 (the audience follows from the scope unless the client names a resource), RFC 8707 §2.1 and §2.2 (naming
resources in the authorization and in the token request).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from idp.config import Settings
from idp.domain.grant import Grant
from idp.protocol.errors import ProtocolError


def known(settings: Settings) -> frozenset[str]:
    """Every audience an access token may have."""
    return frozenset({settings.issuer, settings.default_resource, *settings.resource_scopes.values()} - {""})


def of_scope(settings: Settings, scope: Collection[str], resources: Sequence[str] = ()) -> tuple[str, ...]:
    """The audiences of a scope, or the ``resources`` named instead; never empty. With openid we are one ourselves."""
    servers = resources or sorted(
        {settings.resource_scopes[item] for item in scope if item in settings.resource_scopes}
    )
    if not servers and settings.default_resource and "openid" not in scope:
        servers = (settings.default_resource,)
    ours = (settings.issuer,) if "openid" in scope or not servers else ()
    return tuple(dict.fromkeys((*servers, *ours)))


def of_token(settings: Settings, grant: Grant, scope: frozenset[str], resources: Sequence[str] = ()) -> tuple[str, ...]:
    """The audiences of a token under a grant: never more than were granted, less where a narrower scope or some of the
    resources are asked for (RFC 8707 §2.2). Raises invalid_target."""
    granted = grant.audience or of_scope(settings, grant.scope)
    check(resources, granted)
    wanted = of_scope(settings, scope, resources)
    if not resources and scope == grant.scope:
        return granted
    return tuple(item for item in granted if item in wanted) or granted


def check(resources: Collection[str], allowed: Collection[str]) -> None:
    """Raises invalid_target unless every resource is allowed."""
    if not set(allowed).issuperset(resources):
        raise ProtocolError("invalid_target", "The resource is not known here.", parameter="resource")
