"""Inbound: people whom the national platform knows, signing in to the region's portal."""

from __future__ import annotations

from collections.abc import Callable

from idp.domain.account import Account
from idp.storage import accounts, linked_identities
from idp.storage.accounts import Identifier
from tests.conftest import PASSWORD, AddPerson
from tests.members import PERSONS, Federation
from tests.person import Page, Person

SOMEONE = next(person for person in PERSONS if person.level == 3 and "·" in person.name)
ANOTHER = next(person for person in PERSONS if person.level == 2 and person.status == "active")


def national_account(members: Federation, add_person: AddPerson, person=SOMEONE, **more) -> Account:  # type: ignore[no-untyped-def]
    values = {
        "username": "national",
        "name": person.name,
        "id_number": person.id_number,
        "phone": person.phone,
        "level": person.level,
        "phone_number": f"+86{person.phone}",
    } | more
    return add_person(provider=members.national.provider, **values)


def sign_in_nationally(members: Federation, person: Person, username: str = "national") -> Page:
    """From the portal over the region's login page to the national platform, and back to wherever that leads."""
    login = person.open(f"{members.portal.url}/login?next=/")
    assert login.url.startswith(f"{members.region.url}/login")
    page = person.click(login, "upstream-national")
    assert page.url.startswith(f"{members.national.url}/login")
    page = person.sign_in(page, username, PASSWORD)
    return person.click(page, "consent-allow") if page.has("consent-allow") else page


def region_account(members: Federation, id_number: str) -> Account:
    with members.region.work() as context:
        found = accounts.find_by_identifier(context.db, context.vault, Identifier("id_number", id_number))
    assert found is not None
    return found


def test_a_person_new_here_gets_an_account_without_registering_and_lands_in_the_portal(
    members: Federation, add_person: AddPerson, new_person: Callable[..., Person]
) -> None:
    national_account(members, add_person)
    person = new_person()
    page = sign_in_nationally(members, person)
    assert page.url == f"{members.portal.url}/"
    assert page.text_of("name") == SOMEONE.name
    assert page.text_of("acr") == "urn:tongxing:loa:3"
    assert page.text_of("amr") == "pwd fed"
    account = region_account(members, SOMEONE.id_number)
    assert (account.level, account.claims["phone_number"]) == (3, f"+86{SOMEONE.phone}")
    with members.region.work() as context:
        (proof,) = accounts.list_proofs(context.db, account.id)
        (link,) = linked_identities.list_of(context.db, account.id)
    assert (proof.level, proof.source, proof.method) == (3, members.national.url, "upstream")
    assert (link.issuer, link.upstream) == (members.national.url, "national")
    assert not any(path in url for url in person.trail for path in ("/register", SOMEONE.id_number, SOMEONE.phone))
