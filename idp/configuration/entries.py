"""One entry of each table of a configuration file, and the rules that need no database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from federation.identifiers import check_mobile, check_resident_id, normalise_mobile, normalise_resident_id
from idp.authn.identifiers import InvalidUsername, check_username
from idp.configuration.claims import Claims
from idp.configuration.fields import Entry, Hash, Level, RandomSecret, Secret, Text, Time, reading_of
from idp.crypto.random import hash_secret
from idp.domain.account import AccountStatus
from idp.domain.opening import Opening
from idp.domain.profile import DEFAULT, PROFILES
from idp.references import is_reference, resolve

# At most 1 GiB, ten rounds, ten lanes: what a login may cost is not the file's to decide.
_ARGON2 = r"^\$argon2id\$v=19\$m=[0-9]{1,6},t=([1-9]|10),p=([1-9]|10)\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$"
PasswordHash = Annotated[str, Field(pattern=_ARGON2, max_length=255)]

_LATEST = 253402300799  # the last second that a date of ours can be of, in the year 9999


class ClientEntry(Entry):
    """A client: its registration in the words of RFC 7591 §2, and what only the operator decides."""

    client_id: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,255}$")]
    client_secret: RandomSecret | None = Field(default=None, repr=False)
    client_secret_hash: Hash | None = Field(default=None, repr=False)
    registration_access_token_hash: Hash | None = Field(default=None, repr=False)
    client_id_issued_at: Annotated[int, Field(ge=0, le=_LATEST)] | None = None
    first_party: bool = False
    active: bool = True
    metadata: dict[str, Any]

    @model_validator(mode="before")
    @classmethod
    def gather_metadata(cls, value: Any) -> Any:
        """In the file the registration's members stand beside our own."""
        if not isinstance(value, Mapping):
            return value
        own = {name: item for name, item in value.items() if name in cls.model_fields and name != "metadata"}
        return own | {"metadata": {name: item for name, item in value.items() if name not in own}}

    @field_validator("metadata")
    @classmethod
    def follow_jwks(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        """The key set may lie in a file of its own."""
        if not is_reference(value.get("jwks")):
            return value
        try:
            return value | {"jwks": json.loads(resolve(value["jwks"], reading_of(info).folder))}
        except json.JSONDecodeError:
            raise ValueError("jwks refers to what is no JSON") from None

    @model_validator(mode="after")
    def check_secret(self) -> Self:
        if self.client_secret is not None and self.client_secret_hash is not None:
            raise ValueError("client_secret and client_secret_hash exclude one another")
        return self


class ProofEntry(Entry):
    """One verification of a person (:class:`idp.domain.assurance.Proof`)."""

    level: Level
    source: Text
    method: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
    verified_at: Time
    expires_at: Time | None = None
    source_level: Text | None = None


class PersonEntry(Entry):
    """A person. Found again by subject, else username, else phone, else id_number, whichever comes first."""

    username: str | None = None
    subject: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,64}$")] | None = None
    phone: str | None = Field(default=None, repr=False)
    id_number: str | None = Field(default=None, repr=False)
    status: AccountStatus | None = Field(default=None, strict=False)
    locale: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{2,16}$")] | None = None
    level: Level | None = None
    proofs: list[ProofEntry] | None = None
    password: Secret | None = Field(default=None, repr=False)
    password_hash: PasswordHash | None = Field(default=None, repr=False)
    peppered_password_hash: PasswordHash | None = Field(default=None, repr=False)
    terms_version: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,32}$")] | None = None
    claims: Claims | None = Field(default=None, repr=False)

    @property
    def label(self) -> str:
        """What to call the person without saying who it is."""
        return self.username or self.subject or f"…{(self.phone or self.id_number or '')[-4:]}"

    @field_validator("username")
    @classmethod
    def check_spelling(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                check_username(value)
            except InvalidUsername:
                raise ValueError("3-32 of a-z, 0-9, dot, underscore, hyphen; a letter first") from None
        return value

    @field_validator("phone")
    @classmethod
    def normal_phone(cls, value: str | None) -> str | None:
        return None if value is None else check_mobile(normalise_mobile(value)).value

    @field_validator("id_number")
    @classmethod
    def normal_id_number(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        return check_resident_id(normalise_resident_id(value), reading_of(info).now.date()).value

    @model_validator(mode="after")
    def check_whole(self) -> Self:
        if not (self.username or self.subject or self.phone or self.id_number):
            raise ValueError("a username, subject, phone or id_number is needed")
        if sum(item is not None for item in (self.password, self.password_hash, self.peppered_password_hash)) > 1:
            raise ValueError("password, password_hash and peppered_password_hash exclude one another")
        if self.level and self.proofs is not None and self.level > max((item.level for item in self.proofs), default=0):
            raise ValueError("no proof gives this level")
        return self


class TokenEntry(Entry):
    """A token to register clients with (RFC 7591 §3), and what clients registered with it get."""

    label: Text
    token: RandomSecret | None = Field(default=None, repr=False)
    token_hash: Hash | None = Field(default=None, repr=False)
    profile: Literal[tuple(PROFILES)] = DEFAULT  # type: ignore[valid-type]
    openings: list[Annotated[Opening, Field(strict=False)]] = Field(default_factory=list)
    scope: str = ""
    first_party: bool = False
    uses_left: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    expires_at: Time | None = None

    @model_validator(mode="after")
    def check_token(self) -> Self:
        if (self.token is None) is (self.token_hash is None):
            raise ValueError("token or token_hash is needed")
        return self

    @property
    def hash(self) -> str:
        return self.token_hash or hash_secret(self.token or "")


class SigningKeyEntry(Entry):
    """A signing key; the private half always lies elsewhere."""

    kid: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{1,64}$")]
    alg: str
    private_key: Secret | None = Field(default=None, repr=False)
    published_at: Time | None = None
    signs_from: Time | None = None
    signs_until: Time | None = None
    gone_at: Time | None = None
