"""The same story on either engine and with either ephemeral store."""

from __future__ import annotations

from collections.abc import Callable

from tests.conftest import AddPerson
from tests.journeys.federated import SOMEONE, add_registered, is_signed_in, open_hall, sign_in_nationally
from tests.members import Federation
from tests.person import Person


def test_in_by_the_national_platform_on_to_the_hall_and_out_everywhere(
    both_engines: str,
    ephemeral_store: str,
    members: Federation,
    add_person: AddPerson,
    new_person: Callable[..., Person],
) -> None:
    add_registered(add_person, members.national)
    person = new_person()
    assert sign_in_nationally(members, person).text_of("name") == SOMEONE.name
    assert open_hall(members, person).has("person-card")
    person.click(person.open(f"{members.portal.url}/"), "sign-out")
    members.deliver()
    assert not is_signed_in(members.portal.url, person)
    assert not is_signed_in(members.hall_url, person)
    callback = next(url for url in person.trail if "/upstream/national/callback" in url)
    assert person.open(callback).status == 400
