"""Inbound: people whom the national platform knows, signing in to the region's portal."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from idp.domain.account import AccountStatus
from idp.storage import accounts, linked_identities
from tests.conftest import PASSWORD, AddPerson
from tests.journeys.federated import (
    ANOTHER,
    SOMEONE,
    account_of,
    add_registered,
    allow,
    go_to_national_login,
    is_signed_in,
    reload,
    sign_in_locally,
    sign_in_nationally,
)
from tests.members import Federation
from tests.person import Page, Person

NewPerson = Callable[..., Person]


def assert_in_portal(members: Federation, page: Page, name: str = SOMEONE.name) -> None:
    assert page.url == f"{members.portal.url}/", page.words
    assert page.text_of("name") == name


def test_a_person_new_here_gets_an_account_without_registering_and_lands_in_the_portal(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.national)
    person = new_person()
    page = sign_in_nationally(members, person)
    assert_in_portal(members, page)
    assert page.text_of("acr") == "urn:tongxing:loa:3"
    assert page.text_of("amr") == "pwd fed"
    account = account_of(members.region, SOMEONE.id_number)
    assert account is not None
    assert (account.level, account.claims["phone_number"]) == (3, f"+86{SOMEONE.phone}")
    with members.region.work() as context:
        (proof,) = accounts.list_proofs(context.db, account.id)
        (link,) = linked_identities.list_of(context.db, account.id)
    assert (proof.level, proof.source, proof.method) == (3, members.national.url, "upstream")
    assert (link.issuer, link.upstream) == (members.national.url, "national")


def test_no_address_on_the_way_holds_personal_data(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.national)
    person = new_person()
    sign_in_nationally(members, person)
    assert not [
        url for url in person.trail for value in (SOMEONE.id_number, SOMEONE.phone, "/register") if value in url
    ]


def test_a_level_above_the_cap_is_believed_up_to_the_cap_only(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.national, level=4)
    assert sign_in_nationally(members, new_person()).text_of("acr") == "urn:tongxing:loa:3"
    account = account_of(members.region, SOMEONE.id_number)
    assert account is not None and account.level == 3


def test_an_account_here_is_found_by_its_verified_number_and_name_and_by_nothing_else(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.national)
    local = add_registered(add_person, members.region, phone="13800000001", level=2)
    page = sign_in_nationally(members, new_person())
    assert_in_portal(members, page)
    with members.region.work() as context:
        now = reload(context, local)
        assert len(linked_identities.list_of(context.db, local.id)) == 1
    assert now.level == 2  # an automatic link vouches for its own logins only
    assert now.claims["phone_number"] == "+8613800000001"  # a phone is the person's own


def test_the_second_visit_asks_nothing_more_and_leads_to_the_same_account(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.national)
    person = new_person()
    subject = sign_in_nationally(members, person).text_of("subject")
    again = new_person()
    page = go_to_national_login(members, again)
    page = again.sign_in(page, "national", PASSWORD)  # no consent page
    assert_in_portal(members, page)
    assert page.text_of("subject") == subject
    account = account_of(members.region, SOMEONE.id_number)
    assert account is not None
    with members.region.work() as context:
        assert len(accounts.list_proofs(context.db, account.id)) == 1


def test_a_person_with_a_national_session_sees_no_login_form_at_all(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.national)
    person = new_person()
    hall = person.open(f"{members.hall_url}/login?next=/hall/")
    person.sign_in(hall, "national", PASSWORD)
    page = allow(person, person.open(f"{members.portal.url}/login?idp_hint=national&next=/"))
    assert_in_portal(members, page)
    assert not [url for url in person.trail if url.startswith(f"{members.region.url}/login")]


def test_a_phone_that_belongs_to_somebody_here_finds_nobody_and_is_left_to_them(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.national)
    other = add_registered(add_person, members.region, ANOTHER, phone=SOMEONE.phone)
    page = sign_in_nationally(members, new_person())
    assert_in_portal(members, page)
    created = account_of(members.region, SOMEONE.id_number)
    assert created is not None and created.id != other.id
    assert "phone_number" not in created.claims
    with members.region.work() as context:
        assert reload(context, other).claims["phone_number"] == f"+86{SOMEONE.phone}"
        assert linked_identities.list_of(context.db, other.id) == []


def test_one_number_under_two_names_is_bound_by_hand_after_proving_the_account_here(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.national)
    local = add_registered(add_person, members.region, name="古丽", phone="13800000002", level=2)
    person = new_person()
    page = sign_in_nationally(members, person)
    assert page.path == "/upstream/national/bind"
    assert SOMEONE.name in page.words and SOMEONE.id_number not in page.text
    page = person.submit(page, "bind-submit", username="local", password="not this one")
    assert page.status == 200 and page.has("bind-error")
    with members.region.work() as context:
        assert linked_identities.list_of(context.db, local.id) == []
    page = person.submit(page, "bind-submit", username="local", password=PASSWORD)
    assert page.path == "/upstream/national/bind/confirm"
    assert "古丽" in page.words
    page = person.click(page, "bind-confirm")
    assert_in_portal(members, page)  # the register's name counts from now on
    with members.region.work() as context:
        assert reload(context, local).claims["name"] == SOMEONE.name
        assert len(linked_identities.list_of(context.db, local.id)) == 1
    assert_in_portal(members, sign_in_nationally(members, new_person()))


def test_binding_can_be_left_and_nothing_has_changed(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.national)
    local = add_registered(add_person, members.region, name="古丽", phone=None)
    person = new_person()
    page = sign_in_nationally(members, person)
    binding = page.url
    page = person.click(page, "bind-cancel")
    assert page.url.startswith(f"{members.region.url}/login")
    with members.region.work() as context:
        assert linked_identities.list_of(context.db, local.id) == []
    assert person.open(binding).status == 400  # and cannot be taken up again
    assert_in_portal(members, person.sign_in(page, "local", PASSWORD), "古丽")


def test_an_account_with_another_number_cannot_be_bound(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.national)
    add_registered(add_person, members.region, name="古丽", phone=None)
    stranger = add_registered(add_person, members.region, ANOTHER, username="stranger")
    person = new_person()
    page = sign_in_nationally(members, person)
    page = person.submit(page, "bind-submit", username="stranger", password=PASSWORD)
    assert page.status == 409 and page.has("bind-error")
    with members.region.work() as context:
        assert linked_identities.list_of(context.db, stranger.id) == []


def test_a_second_national_account_of_the_same_person_replaces_the_first_only_by_hand(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    local = add_registered(add_person, members.region, phone=None)
    with members.region.work() as context:
        linked_identities.add(
            context.db,
            account_id=local.id,
            upstream="national",
            issuer=members.national.url,
            subject="an older national account",
            now=context.now,
        )
    add_registered(add_person, members.national)
    person = new_person()
    page = sign_in_nationally(members, person)
    assert page.path == "/upstream/national/bind"
    page = person.submit(page, "bind-submit", username="local", password=PASSWORD)
    assert page.status == 200 and page.document.xpath("//*[contains(@class,'notice-warning')]")
    assert_in_portal(members, person.click(page, "bind-confirm"))
    with members.region.work() as context:
        (link,) = linked_identities.list_of(context.db, local.id)
    assert link.subject != "an older national account"


def test_an_identity_that_was_not_checked_gets_a_page_that_says_what_is_missing(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_person(provider=members.national.provider, username="national", name="新用户", level=1)
    person = new_person()
    page = sign_in_nationally(members, person)
    assert page.status == 403 and page.has("insufficient-bind")
    assert "2" in page.words
    local = add_registered(add_person, members.region, phone=None, level=2)
    page = person.click(page, "insufficient-bind")
    page = person.submit(page, "bind-submit", username="local", password=PASSWORD)
    page = person.click(page, "bind-confirm")
    assert_in_portal(members, page)
    assert page.text_of("acr") == "urn:tongxing:loa:1"  # as good as that login was
    with members.region.work() as context:
        assert reload(context, local).level == 2  # and no proof of anything


@pytest.mark.parametrize("status", [AccountStatus.FROZEN, AccountStatus.CLOSED])
def test_who_is_locked_here_does_not_come_in_by_another_door(
    members: Federation, add_person: AddPerson, new_person: NewPerson, status: AccountStatus
) -> None:
    add_registered(add_person, members.national)
    local = add_registered(add_person, members.region, phone=None)
    with members.region.work() as context:
        accounts.set_status(context.db, local.id, status, context.now)
    person = new_person()
    page = sign_in_nationally(members, person)
    assert page.status == 403 and page.text_of("error-code") == "access_denied"
    assert not is_signed_in(members.portal.url, person)


def test_an_identity_whose_number_changed_is_stopped(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    there = add_registered(add_person, members.national)
    sign_in_nationally(members, new_person())
    with members.national.work() as context:
        claims = there.claims | {"id_number": ANOTHER.id_number}
        accounts.update_claims(context.db, context.vault, there.id, claims, context.now, id_number=ANOTHER.id_number)
    page = sign_in_nationally(members, new_person())
    assert page.status == 403 and page.has("error-code")
    assert account_of(members.region, ANOTHER.id_number) is None


def test_a_name_that_changed_in_the_register_changes_here(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    there = add_registered(add_person, members.national)
    sign_in_nationally(members, new_person())
    with members.national.work() as context:
        later = context.now.replace(year=context.now.year + 1)
        accounts.update_claims(context.db, context.vault, there.id, there.claims | {"name": "新名"}, later)
    page = sign_in_nationally(members, new_person())
    assert_in_portal(members, page, "新名")


def test_who_cancels_there_is_back_at_the_login_page_with_a_word(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.national)
    add_registered(add_person, members.region, username="local", phone=None)
    person = new_person()
    page = person.sign_in(go_to_national_login(members, person), "national", PASSWORD)
    page = person.click(page, "consent-deny")
    assert page.url.startswith(f"{members.region.url}/login")
    assert page.document.xpath("//*[contains(@class,'notice-warning')]")
    assert_in_portal(members, person.sign_in(page, "local", PASSWORD))


def test_an_answer_nobody_asked_for_is_a_page_and_signs_nobody_in(members: Federation, new_person: NewPerson) -> None:
    person = new_person()
    for query in ("", "?code=x", "?code=x&state=y", "?error=access_denied&state=y", "?state=a&state=b"):
        page = person.open(f"{members.region.url}/upstream/national/callback{query}")
        assert page.status == 400 and page.text_of("error-code") == "invalid_request"
    assert person.open(f"{members.region.url}/upstream/nobody/callback?code=x&state=y").status == 404
    assert person.cookie("tx_region_session") is None


def test_an_answer_counts_once_and_only_in_the_browser_that_asked(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.national)
    person, thief = new_person(), new_person()
    page = person.sign_in(go_to_national_login(members, person), "national", PASSWORD)
    callback = f"{members.region.url}/upstream/national/callback"
    page = person.submit(page, "consent-allow", stop_before=callback)
    assert page.url.startswith(callback)
    assert thief.open(page.url).status == 400
    assert thief.cookie("tx_region_session") is None
    # The thief's try has used the answer up: the owner starts again, and nobody was signed in by it.
    assert person.open(page.url).status == 400
    assert_in_portal(members, sign_in_nationally(members, new_person()))


def test_an_answer_cannot_be_used_a_second_time(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.national)
    person = new_person()
    sign_in_nationally(members, person)
    callback = next(url for url in person.trail if "/upstream/national/callback" in url)
    assert person.open(callback).status == 400


def test_another_person_who_is_signed_in_here_is_not_replaced_without_a_word(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.national)
    add_registered(add_person, members.region, ANOTHER)
    person = new_person()
    assert_in_portal(members, sign_in_locally(members, person), ANOTHER.name)
    page = person.open(f"{members.region.url}/upstream/national/start")
    page = allow(person, person.sign_in(page, "national", PASSWORD))
    assert page.path == "/upstream/national/switch"
    assert SOMEONE.name in page.words and ANOTHER.name in page.words
    assert account_of(members.region, SOMEONE.id_number) is None  # nothing is made before they say so
    question = page
    person.click(question, "switch-no")
    assert_in_portal(members, person.open(f"{members.portal.url}/"), ANOTHER.name)
    page = person.open(f"{members.region.url}/upstream/national/start")
    assert page.path == "/upstream/national/switch"
    person.click(page, "switch-yes")
    members.deliver()
    assert not is_signed_in(members.portal.url, person)  # the other person's session ended everywhere
    assert_in_portal(members, person.open(f"{members.portal.url}/login?next=/"))


def test_a_wish_for_a_higher_level_goes_along_and_a_lower_answer_does_not_go_round_in_circles(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.national, level=2)
    person = new_person()
    page = person.open(f"{members.portal.url}/login?next=/&idp_hint=national&acr_values=urn:tongxing:loa:3")
    assert page.url.startswith(f"{members.national.url}/login")
    asked = next(url for url in person.trail if url.startswith(f"{members.national.url}/authorize"))
    assert re.search(r"acr_values=urn%3Atongxing%3Aloa%3A3", asked)
    page = allow(person, person.sign_in(page, "national", PASSWORD))
    starts = [url for url in person.trail if "/upstream/national/start" in url]
    assert len(starts) == 1
    assert page.has("name") or page.url.startswith(f"{members.region.url}/login")


def test_a_fresh_login_asked_for_here_is_asked_for_there(
    members: Federation, add_person: AddPerson, new_person: NewPerson
) -> None:
    add_registered(add_person, members.national)
    person = new_person()
    sign_in_nationally(members, person)
    page = person.open(f"{members.portal.url}/login?next=/&prompt=login&idp_hint=national")
    assert page.url.startswith(f"{members.national.url}/login")  # although there is a session there
    assert_in_portal(members, person.sign_in(page, "national", PASSWORD))
