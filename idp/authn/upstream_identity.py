"""A person as another provider describes them, in our words: who, how well proved, by which login, how fresh.

OpenID Connect Core §5.7: the person is (issuer, subject) and nothing else; name and number serve to find an account
here, phone and mail never do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from clients.kit.jwt import SKEW
from clients.kit.login import Login
from federation.identifiers import InvalidIdentifier, check_mobile, normalise_mobile, normalise_resident_id
from federation.identifiers.person_name import normalise_person_name
from idp.config import Upstream
from idp.domain.account import Account
from idp.domain.assurance import Proof, acr_of

VERIFIED = 2
"""The least level at which name and number of another provider are believed."""
METHOD = "upstream"
_COPIED = ("family_name", "given_name", "gender", "birthdate")
_METHOD_REFERENCE = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_MOST_METHODS = 6


@dataclass(frozen=True)
class UpstreamIdentity:
    """``login_level`` is worth of this login, ``identity_level`` of the proof behind it, both capped; ``version`` grows
    with every change of the attributes (seconds since 1970, 0 when unknown)."""

    upstream: str
    issuer: str
    subject: str
    login_level: int
    identity_level: int
    auth_time: datetime
    amr: tuple[str, ...] = ()
    acr: str | None = None
    sid: str | None = None
    name: str = field(default="", repr=False)
    id_type: str = ""
    id_number: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    verified_at: datetime | None = None
    version: float = 0.0
    id_token: str = field(default="", repr=False)

    @property
    def missing(self) -> tuple[str, ...]:
        """What keeps this identity from being matched by itself: of ``level``, ``name``, ``id_number``."""
        lacks = {
            "level": min(self.login_level, self.identity_level) < VERIFIED,
            "name": not self.name,
            "id_number": not self.id_number,
        }
        return tuple(name for name, is_missing in lacks.items() if is_missing)

    @property
    def is_verified(self) -> bool:
        return not self.missing

    def is_named(self, account: Account) -> bool:
        """Whether the account bears exactly this name."""
        return normalise_person_name(str(account.claims.get("name", ""))) == self.name

    def is_numbered(self, account: Account) -> bool:
        """Whether the account holds exactly this number of this type."""
        return (account.claims.get("id_type"), account.claims.get("id_number")) == (self.id_type, self.id_number)

    def proof(self, now: datetime) -> Proof:
        return Proof(
            level=self.identity_level,
            source=self.issuer,
            method=METHOD,
            verified_at=min(now, self.verified_at or self.auth_time),
            source_level=self.acr,
        )

    def seen_within(self, started_at: datetime, now: datetime) -> UpstreamIdentity:
        """With the time of this login as our clock has it.

        ``auth_time`` is whole seconds of a foreign clock: a login made while the person was there (after
        ``started_at``) must not look older than the request that asked for it, nor lie in the future.
        """
        is_from_this_visit = self.auth_time >= started_at.replace(microsecond=0) - SKEW
        auth_time = max(self.auth_time, started_at) if is_from_this_visit else self.auth_time
        return replace(self, auth_time=min(auth_time, now))

    def as_dict(self) -> dict[str, Any]:
        values = asdict(self) | {"auth_time": self.auth_time.isoformat(), "amr": list(self.amr)}
        values["verified_at"] = self.verified_at.isoformat() if self.verified_at else None
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> UpstreamIdentity:
        verified_at = values["verified_at"]
        times = {
            "auth_time": datetime.fromisoformat(values["auth_time"]),
            "verified_at": datetime.fromisoformat(verified_at) if verified_at else None,
        }
        return cls(**{**values, **times, "amr": tuple(values["amr"])})


def identity_of(upstream: Upstream, login: Login) -> UpstreamIdentity:
    """Read a finished login. Values that are malformed or of another kind count as missing."""
    claims = {**login.userinfo, **login.id_token}
    given = claims.get("loa")
    loa: dict[str, Any] = given if isinstance(given, dict) else {}
    login_level = upstream.assurance.level_of(login.acr)
    number = _text(claims, "id_number")
    verified_at = _time(loa.get("verified_at"))
    return UpstreamIdentity(
        upstream=upstream.name,
        issuer=login.issuer,
        subject=login.subject,
        sid=login.sid,
        login_level=login_level,
        identity_level=_identity_level(upstream, loa["level"]) if "level" in loa else login_level,
        auth_time=login.authenticated_at,
        amr=_methods(login.id_token.get("amr")),
        acr=login.acr,
        name=normalise_person_name(_text(claims, "name")),
        id_type=_text(claims, "id_type") if number else "",
        id_number=normalise_resident_id(number) if number else "",
        phone=_phone(claims),
        attributes={name: value for name in _COPIED if (value := _text(claims, name))},
        verified_at=verified_at,
        version=max(_seconds(claims.get("updated_at")), verified_at.timestamp() if verified_at else 0.0),
        id_token=login.id_token_raw,
    )


def _identity_level(upstream: Upstream, level: object) -> int:
    """What a proof's level is worth here: the other provider numbers its proofs as it numbers its logins."""
    if isinstance(level, bool) or not isinstance(level, int):
        return 0
    return upstream.assurance.level_of(acr_of(level))


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) and len(value) <= 255 and value.isprintable() else ""


def _phone(claims: Mapping[str, Any]) -> str:
    """The eleven digits of a mobile number the other provider vouches for, or nothing."""
    number = normalise_mobile(_text(claims, "phone_number"))
    try:
        check_mobile(number)
    except InvalidIdentifier:
        return ""
    return number if claims.get("phone_number_verified") is True else ""


def _methods(amr: object) -> tuple[str, ...]:
    given = amr if isinstance(amr, list) else []
    methods = [item for item in given if isinstance(item, str) and _METHOD_REFERENCE.fullmatch(item) and item != "fed"]
    return (*methods[:_MOST_METHODS], "fed")


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _time(value: object) -> datetime | None:
    """A time as an ISO 8601 text or as seconds; None for anything else."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else None
        return datetime.fromtimestamp(_seconds(value), UTC) if _seconds(value) > 0 else None
    except (ValueError, OverflowError, OSError):
        return None
