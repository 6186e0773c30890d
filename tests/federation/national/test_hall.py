"""The hall as a relying party under the national platform's address: pages, cookies, languages, bad input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from flask import request

from federation.national import hall
from federation.national.config import AuthoritySettings, HallSettings, SettingsError, load
from tests.conftest import PASSWORD, AddPerson
from tests.members import KEY, PERSONS, Federation, client_key
from tests.person import Person

NewPerson = Callable[..., Person]
SOMEONE = PERSONS[0]


@pytest.fixture
def person(members: Federation, add_person: AddPerson, new_person: NewPerson) -> Person:
    """Somebody signed in to the hall with a national account."""
    add_person(
        provider=members.national.provider,
        username="national",
        name=SOMEONE.name,
        id_number=SOMEONE.id_number,
        level=4,
    )
    someone = new_person()
    page = someone.sign_in(someone.open(f"{members.hall_url}/login"), "national", PASSWORD)
    assert page.url == f"{members.hall_url}/" and page.has("person-card")
    return someone


def get(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, trust_env=False)


def test_the_start_page_needs_no_login_and_offers_national_and_provincial_services(
    members: Federation, new_person: NewPerson
) -> None:
    page = new_person().open(f"{members.hall_url}/")
    assert page.status == 200 and page.has("sign-in") and page.has("sign-in-region")
    assert "普通货运从业资格证申请" in page.words
    links = page.document.xpath("//a/@href")
    assert f"{members.portal.url}/login?idp_hint=national" in links


def test_a_page_for_people_sends_strangers_to_the_login_and_back(members: Federation, person: Person) -> None:
    person.forget("tx_hall")
    page = person.open(f"{members.hall_url}/identity")  # the national session still stands
    assert page.url == f"{members.hall_url}/identity" and page.has("identity-card")


def test_a_service_of_the_region_opens_signed_in(members: Federation, person: Person) -> None:
    page = person.open(f"{members.hall_url}/")
    link = next(url for url in page.document.xpath("//a/@href") if url.startswith(members.portal.url))
    person.trail.clear()
    page = person.open(link)
    page = person.click(page, "consent-allow")
    assert page.url == f"{members.portal.url}/" and page.text_of("name") == SOMEONE.name
    assert not [
        url for url in person.trail if url.startswith((f"{members.region.url}/login", f"{members.national.url}/login"))
    ]


def test_the_hall_has_cookies_of_its_own_that_scripts_cannot_read(members: Federation, person: Person) -> None:
    own = [cookie for cookie in person.jar if cookie.name.startswith("tx_hall")]
    assert "tx_hall" in {cookie.name for cookie in own}
    assert all(cookie.has_nonstandard_attr("HttpOnly") for cookie in own)


def test_the_number_is_shown_masked_and_nothing_is_cached(members: Federation, person: Person) -> None:
    page = person.open(f"{members.hall_url}/identity")
    assert SOMEONE.id_number not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "'unsafe" not in page.headers["Content-Security-Policy"]


def test_the_language_is_switched_and_kept(members: Federation, person: Person) -> None:
    page = person.open(f"{members.hall_url}/identity")
    form = {
        "locale": "en",
        "next": "/identity",
        "csrf_token": page.document.xpath("//input[@name='csrf_token']/@value")[0],
    }
    answer = person._client.post(f"{members.hall_url}/language", data=form)
    assert answer.status_code == 303 and answer.headers["Location"] == "/hall/identity"
    assert "Who vouches for it" in person.open(f"{members.hall_url}/identity").words


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:1"])
def test_neither_language_nor_login_leads_to_another_site(members: Federation, person: Person, target: str) -> None:
    token = person.open(f"{members.hall_url}/").document.xpath("//input[@name='csrf_token']/@value")[0]
    form = {"locale": "en", "next": target, "csrf_token": token}
    answer = person._client.post(f"{members.hall_url}/language", data=form)
    assert answer.headers["Location"] in {"/hall/", "/"}
    page = person.open(f"{members.hall_url}/login?next={target}")
    assert page.url.startswith(members.national.url)


def test_signing_out_needs_the_form_of_the_page(members: Federation, person: Person) -> None:
    answer = person._client.post(f"{members.hall_url}/logout")
    assert answer.status_code == 400
    assert person.open(f"{members.hall_url}/").has("person-card")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/?a=1&a=2", 400),
        ("/?a=%00", 400),
        ("/?a=%ff", 400),
        ("/callback?code=x&state=y", 400),
        ("/callback", 400),
        ("/backchannel-logout", 405),
        ("/logout", 405),
    ],
)
def test_bad_input_is_a_page_and_never_our_fault(members: Federation, path: str, status: int) -> None:
    answer = get(f"{members.hall_url}{path}")
    assert answer.status_code == status
    assert "<h1>" in answer.text and "Traceback" not in answer.text


def test_a_form_that_is_too_large_is_refused(members: Federation) -> None:
    answer = httpx.post(f"{members.hall_url}/language", content=b"a=" + b"x" * 70_000, trust_env=False)
    assert answer.status_code in {400, 413}


def test_another_hosts_name_opens_nothing_but_the_health(members: Federation) -> None:
    assert get(f"{members.hall_url}/", Host="evil.example").status_code == 400
    assert get(f"{members.hall_url}/healthz", Host="evil.example").json() == {"status": "ok"}


def test_a_cancelled_login_is_a_page_with_the_protocols_code(members: Federation, new_person: NewPerson) -> None:
    someone = new_person()
    page = someone.open(f"{members.hall_url}/login")
    page = someone.click(page, "login-cancel")
    assert page.status == 403 and page.text_of("error-code") == "access_denied"
    assert someone.click(page, "problem-action").url.startswith(f"{members.national.url}/login")


def test_settings_that_are_wrong_are_named_and_not_shown(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "c.toml"
    path.write_text('[authority]\nissuer = "http://127.0.0.1:1"\nmaster_key = "s3cret"\nsurprise = 1\n')
    with pytest.raises(SettingsError) as error:
        load(AuthoritySettings, "authority", {"TONGXING_CONFIG": str(path)})
    assert "surprise" in str(error.value) and "database_url" in str(error.value) and "s3cret" not in str(error.value)


def test_the_environment_overrides_the_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "c.toml"
    path.write_text('[authority]\nissuer = "http://127.0.0.1:1"\nmaster_key = "k"\ndatabase_url = "sqlite://"\n')
    environ = {"TONGXING_CONFIG": str(path), "TONGXING_AUTHORITY_REQUESTS_PER_MINUTE": "7"}
    settings = load(AuthoritySettings, "authority", environ)
    assert (settings.requests_per_minute, settings.audience) == (7, "http://127.0.0.1:1/authority")
    assert "k" not in repr(settings.master_key)


def test_no_secret_shows_in_a_repr() -> None:
    url = "postgresql+psycopg://user:db-password@host/db"
    values = hall_values() | {"database_url": url}
    both = HallSettings(**values), AuthoritySettings(issuer=values["issuer"], database_url=url, master_key=KEY)
    for secret in ("db-password", KEY, values["private_jwk"]["d"]):
        assert secret not in repr(both)


def hall_values() -> dict[str, Any]:
    values = {"issuer": "http://127.0.0.1:1", "url": "http://127.0.0.1:1/hall", "private_jwk": client_key("k")}
    return values | {"database_url": "sqlite://", "master_key": KEY}


def test_a_service_outside_https_is_refused() -> None:
    service = {"title": {"zh": "x"}, "url": "http://portal.example/"}
    with pytest.raises(ValueError, match="https"):
        HallSettings(**hall_values(), provincial_services=[service])


def test_forwarded_headers_are_believed_of_nobody() -> None:
    app, seen = hall.create_app(HallSettings(**hall_values())), []
    app.before_request_funcs[None].insert(0, lambda: seen.append((request.remote_addr, request.scheme, request.host)))
    names = ("For", "Proto", "Host", "Port", "Prefix")
    headers = {f"X-Forwarded-{name}": "https" for name in names} | {"X-Forwarded-For": "203.0.113.9"}
    app.test_client().get("/", headers=headers, environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert seen == [("192.0.2.1", "http", "localhost")]
    with pytest.raises(ValueError, match="trusted_proxies"):
        HallSettings(**hall_values(), trusted_proxies=1)
