"""Outbound: people whom the region knows, opening the national hall from a portal."""

from __future__ import annotations

from collections.abc import Callable

from idp.storage import consents
from tests.conftest import PASSWORD, AddPerson
from tests.journeys.federated import (
    ANOTHER,
    SOMEONE,
    account_of,
    add_registered,
    is_signed_in,
    open_hall,
    sign_in_locally,
)
from tests.members import Federation
from tests.person import Person

NewPerson = Callable[..., Person]


def test_a_person_signed_in_here_is_signed_in_at_the_hall_without_seeing_a_login_form(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.region, level=3)
    person = new_person()
    sign_in_locally(members, person)
    person.trail.clear()
    page = person.open(f"{members.hall_url}/login?idp_hint=region&next=/hall/")
    assert page.url.startswith(f"{members.region.url}/consent")  # the national platform is no part of us
    page = person.click(page, "consent-allow")
    assert page.url == f"{members.hall_url}/"
    assert page.has("person-card") and SOMEONE.name in page.text_of("person-card")
    assert "新疆交通运输认证" in page.text_of("person-card")
    assert not [url for url in person.trail if "/login?" in url and "/hall/login" not in url]
    assert not [url for url in person.trail if SOMEONE.id_number in url]


def test_the_hall_tells_the_level_and_who_vouched_for_it(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.region, level=4)
    person = new_person()
    sign_in_locally(members, person)
    open_hall(members, person)
    page = person.open(f"{members.hall_url}/identity")
    assert "新疆交通运输认证" in page.text_of("vouched-card")
    assert "新疆交通运输认证" in page.text_of("session-card")
    assert "3" in page.text_of("identity-card")  # the national platform believes us up to 3
    assert SOMEONE.id_number not in page.text and SOMEONE.id_number[:6] in page.text
    account = account_of(members.national, SOMEONE.id_number)
    assert account is not None and account.level == 3


def test_consent_is_asked_once(members: Federation, add_person: AddPerson, new_person: NewPerson) -> None:
    add_registered(add_person, members.region)
    person = new_person()
    sign_in_locally(members, person)
    open_hall(members, person)
    again = new_person()
    sign_in_locally(members, again)
    page = again.open(f"{members.hall_url}/login?idp_hint=region&next=/hall/")
    assert page.url == f"{members.hall_url}/" and page.has("person-card")


def test_the_national_account_is_found_by_the_verified_identity(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    there = add_registered(add_person, members.national, phone=None, level=2)
    add_registered(add_person, members.region, level=3)
    person = new_person()
    sign_in_locally(members, person)
    open_hall(members, person)
    found = account_of(members.national, SOMEONE.id_number)
    assert found is not None and found.id == there.id


def test_who_does_not_agree_is_not_passed_on_and_can_sign_in_there_themselves(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.region)
    add_registered(add_person, members.national)
    person = new_person()
    sign_in_locally(members, person)
    page = person.open(f"{members.hall_url}/login?idp_hint=region&next=/hall/")
    page = person.click(page, "consent-deny")
    assert page.url.startswith(f"{members.national.url}/login")
    with members.region.work() as context:
        account = account_of(members.region, SOMEONE.id_number)
        assert account is not None
        assert consents.list_of(context.db, account.id) == []
    page = person.sign_in(page, "national", PASSWORD)
    assert page.url == f"{members.hall_url}/"


def test_who_is_signed_in_nowhere_signs_in_at_the_region_once(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.region)
    person = new_person()
    page = person.open(f"{members.hall_url}/login?idp_hint=region&next=/hall/")
    assert page.url.startswith(f"{members.region.url}/login")
    # The national platform asked who it is: it is not offered as the one to ask.
    assert not page.has("upstream-national")
    page = person.click(person.sign_in(page, "local", PASSWORD), "consent-allow")
    assert page.url == f"{members.hall_url}/" and page.has("person-card")
    assert is_signed_in(members.hall_url, person)


def test_the_two_platforms_never_send_a_person_to_and_fro(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    person = new_person()
    page = person.open(f"{members.hall_url}/login?idp_hint=region&next=/hall/")
    handle = page.url.split("interaction=")[1]
    page = person.open(f"{members.region.url}/upstream/national/start?interaction={handle}")
    assert page.url.startswith(f"{members.region.url}/login")
    assert page.document.xpath("//*[contains(@class,'notice-info')]")


def test_an_unproved_person_is_told_what_is_missing(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_person(provider=members.region.provider, username="local", name="新用户", level=1)
    person = new_person()
    sign_in_locally(members, person)
    page = open_hall(members, person)
    assert page.status == 403 and page.has("insufficient-login")
    assert page.url.startswith(f"{members.national.url}/upstream/region/")
    assert account_of(members.national, ANOTHER.id_number) is None
