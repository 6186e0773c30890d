"""A person's claims in a configuration file: those of OpenID Connect Core §5.1 with their types, and our own."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from idp.configuration.fields import Entry

_Text = Annotated[str, Field(min_length=1, max_length=1024)]
_Number = Annotated[int | float, Field(ge=0)]


class Address(Entry):
    """OpenID Connect Core §5.1.1."""

    formatted: _Text | None = None
    street_address: _Text | None = None
    locality: _Text | None = None
    region: _Text | None = None
    postal_code: _Text | None = None
    country: _Text | None = None


class Claims(Entry):
    name: _Text | None = None
    given_name: _Text | None = None
    family_name: _Text | None = None
    middle_name: _Text | None = None
    nickname: _Text | None = None
    preferred_username: _Text | None = None
    profile: _Text | None = None
    picture: _Text | None = None
    website: _Text | None = None
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)] | None = None
    email_verified: bool | None = None
    gender: _Text | None = None
    birthdate: Annotated[str, Field(pattern=r"^([0-9]{4}|[0-9]{4}-[0-9]{2}-[0-9]{2})$")] | None = None
    zoneinfo: _Text | None = None
    locale: _Text | None = None
    phone_number: _Text | None = None
    phone_number_verified: bool | None = None
    address: Address | None = None
    updated_at: _Number | None = None
    id_type: _Text | None = None
    id_number: _Text | None = None
    identity_version: Annotated[float, Field(strict=False)] | None = None  # of what another provider said last

    def as_dict(self) -> dict[str, object]:
        return self.model_dump(exclude_none=True)
