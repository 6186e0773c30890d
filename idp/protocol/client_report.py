"""A client beside the table of its profile (idp.domain.profile), requirement by requirement, for whoever runs this.

FAPI 2.0 Security Profile §5.3.2 and FAPI 2.0 Message Signing §5.3 and §5.4 for what those profiles demand, RFC 9700
§2.1 for all others. What is wrong is said by the very checks that judge a registration; here it is only put in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from idp.config import Settings
from idp.domain.client import Client
from idp.domain.profile import DEFAULT, PROFILES, Profile
from idp.protocol.client_metadata import OPERATOR, validate
from idp.protocol.client_metadata.profile_check import profile_findings
from idp.protocol.errors import ProtocolError
from idp.protocol.mtls import missing_settings


class State(StrEnum):
    MET = "met"
    UNMET = "unmet"
    AT_REQUEST = "at each request"  # nothing in the registration can break it
    OPEN = "OPEN"  # a test-only relaxation


@dataclass(frozen=True)
class Row:
    requirement: str
    state: State
    advice: str = ""


@dataclass(frozen=True)
class _Requirement:
    """``text``: what the profile demands, None where it demands nothing; ``fields``: the members that can break it;
    none: each request is judged instead."""

    text: Callable[[Profile], str | None]
    fields: tuple[str, ...] = ()


_REQUIREMENTS = (
    _Requirement(lambda _: "the profile exists", ("profile",)),
    _Requirement(lambda profile: f"authenticates by {_listed(profile.auth_methods)}", ("token_endpoint_auth_method",)),
    _Requirement(
        lambda profile: f"signatures by {_listed(profile.algorithms)}",
        (
            "token_endpoint_auth_signing_alg",
            "request_object_signing_alg",
            "id_token_signed_response_alg",
            "userinfo_signed_response_alg",
            "authorization_signed_response_alg",
            "introspection_signed_response_alg",
        ),
    ),
    _Requirement(lambda profile: f"response types {_listed(profile.response_types)}", ("response_types",)),
    _Requirement(lambda profile: "redirect URIs by https" if profile.must_use_https else None, ("redirect_uris",)),
    _Requirement(
        lambda profile: "tokens bound by DPoP or mutual TLS" if profile.must_bind_tokens else None,
        ("dpop_bound_access_tokens", "tls_client_certificate_bound_access_tokens"),
    ),
    _Requirement(
        lambda profile: "authorization requests are pushed" if profile.must_push else None,
        ("require_pushed_authorization_requests",),
    ),
    _Requirement(
        lambda profile: "authorization requests are signed" if profile.must_sign_request else None,
        ("require_signed_request_object", "jwks", "jwks_uri"),
    ),
    _Requirement(lambda profile: "PKCE with S256" if profile.must_use_pkce else "PKCE with S256, if public"),
    _Requirement(lambda profile: "signed authorization responses" if profile.must_sign_response else None),
    _Requirement(lambda profile: "no openings" if not profile.allows_openings else None, ("openings",)),
)


def report(settings: Settings, client: Client) -> list[Row]:
    """Every requirement of the client's profile with its state, then what else is wrong with the client or with the
    deployment, then its openings."""
    findings = {str(finding.parameter): str(finding.description) for finding in profile_findings(client.metadata)}
    return [
        *_of_profile(client, findings),
        *_of_registration(settings, client, findings),
        *_of_deployment(settings, client),
        *_openings(settings, client),
    ]


def _of_profile(client: Client, findings: dict[str, str]) -> Iterator[Row]:
    profile = PROFILES.get(str(client.metadata.get("profile", DEFAULT)))
    for requirement in _REQUIREMENTS if profile is not None else _REQUIREMENTS[:1]:
        text = requirement.text(profile or PROFILES[DEFAULT])
        wrong = [findings[name] for name in requirement.fields if name in findings]
        if text is None:
            continue
        if wrong:
            yield Row(text, State.UNMET, " ".join(wrong))
        else:
            yield Row(text, State.MET if requirement.fields else State.AT_REQUEST)


def _of_registration(settings: Settings, client: Client, findings: dict[str, str]) -> Iterator[Row]:
    """Whether the same registration would be taken today."""
    try:
        validate(settings, client.metadata, policy=OPERATOR)
    except ProtocolError as error:
        if str(error.parameter) not in findings:
            yield Row("a registration that is in order", State.UNMET, str(error.description))
        return
    yield Row("a registration that is in order", State.MET)


def _of_deployment(settings: Settings, client: Client) -> Iterator[Row]:
    """An operator may register a client today for the mutual-TLS host of tomorrow; until then it cannot work."""
    missing = missing_settings(settings, client.metadata)
    if missing:
        yield Row("a deployment that takes its certificate", State.UNMET, f"Set {' and '.join(missing)}.")


def _openings(settings: Settings, client: Client) -> Iterator[Row]:
    profile = PROFILES.get(str(client.metadata.get("profile", DEFAULT)))
    counts = "counts here" if settings.openings_allowed else "does not count here: openings_allowed is off"
    if profile is None or not profile.allows_openings:
        counts = "does not count: the profile allows none"
    for name in client.openings:
        yield Row(f"no opening {name}", State.OPEN, f"{counts}; for tests only, remove it from the registration")


def _listed(names: frozenset[str] | tuple[str, ...]) -> str:
    return ", ".join(names if isinstance(names, tuple) else sorted(names))
