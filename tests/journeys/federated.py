"""Steps that the journeys across the federation share, and the people who make them."""

from __future__ import annotations

from typing import Any

from federation.national.population import Person as Registered
from idp.context import Context
from idp.domain.account import Account
from idp.storage import accounts
from idp.storage.accounts import Identifier
from tests.conftest import PASSWORD, AddPerson
from tests.members import PERSONS, Federation, Member
from tests.person import Page, Person

SOMEONE = next(person for person in PERSONS if person.level == 3 and "·" in person.name and person.status == "active")
ANOTHER = next(person for person in PERSONS if person.level == 2 and person.status == "active")


def add_registered(add_person: AddPerson, member: Member, person: Registered = SOMEONE, **more: Any) -> Account:
    """An account of a person of the registry; the username says where it is."""
    values = {
        "username": "national" if member.provider.settings.theme == "national" else "local",
        "name": person.name,
        "family_name": person.name[0],
        "given_name": person.name[1:],
        "id_number": person.id_number,
        "phone": person.phone,
        "level": person.level,
    } | more
    if values["phone"]:
        values.setdefault("phone_number", f"+86{values['phone']}")
    return add_person(provider=member.provider, **values)


def go_to_national_login(members: Federation, person: Person, **parameters: str) -> Page:
    """From the portal over the region's login page to the national platform's."""
    query = "".join(f"&{name}={value}" for name, value in parameters.items())
    login = person.open(f"{members.portal.url}/login?next=/{query}")
    assert login.url.startswith(f"{members.region.url}/login"), login.url
    return person.click(login, "upstream-national")


def allow(person: Person, page: Page) -> Page:
    return person.click(page, "consent-allow") if page.has("consent-allow") else page


def sign_in_nationally(members: Federation, person: Person, username: str = "national") -> Page:
    """Choose the national platform on the region's login page, sign in there, agree, and end wherever that leads."""
    page = go_to_national_login(members, person)
    assert page.url.startswith(f"{members.national.url}/login"), page.url
    return allow(person, person.sign_in(page, username, PASSWORD))


def sign_in_locally(members: Federation, person: Person, username: str = "local") -> Page:
    page = person.open(f"{members.portal.url}/login?next=/")
    assert page.url.startswith(f"{members.region.url}/login"), page.url
    return person.sign_in(page, username, PASSWORD)


def open_hall(members: Federation, person: Person) -> Page:
    """The link of a portal to the national hall."""
    return allow(person, person.open(f"{members.hall_url}/login?idp_hint=region&next=/hall/"))


def account_of(member: Member, id_number: str) -> Account | None:
    with member.work() as context:
        return accounts.find_by_identifier(context.db, context.vault, Identifier("id_number", id_number))


def reload(context: Context, account: Account) -> Account:
    found = accounts.find(context.db, context.vault, account.id)
    assert found is not None
    return found


def is_signed_in(url: str, person: Person) -> bool:
    """Whether the relying party at that address knows the person."""
    page = person.open(f"{url}/")
    return page.has("sign-out")
