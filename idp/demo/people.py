"""The people of the demonstration, all taken from the authority's registry so that their identities hold.

The same people at every start and on every machine; nobody here exists.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from federation.identifiers import birthdate_of, find_division, sex_of
from federation.national.population import ACTIVE, Enterprise, Person, generate

_UPDATED = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())


@dataclass(frozen=True)
class DemoPerson:
    """Someone to log in as: at which of the two providers, at which level, for which company."""

    username: str
    password: str
    person: Person
    level: int
    place: str  # region or national
    story: str
    company: Enterprise | None = None
    role: str | None = None

    def is_at(self, place: str) -> bool:
        return self.place == place

    @property
    def claims(self) -> dict[str, Any]:
        """Every standard claim (OpenID Connect Core §5.1)."""
        person, username = self.person, self.username
        division = find_division(person.division)
        given_name, family_name = _split(person.name)
        return {
            "name": person.name,
            "given_name": given_name,
            "family_name": family_name,
            "middle_name": "·",
            "nickname": username,
            "preferred_username": username,
            "profile": f"https://example.com/people/{username}",
            "picture": f"https://example.com/people/{username}.png",
            "website": f"https://example.com/~{username}",
            "gender": sex_of(person.id_number),
            "birthdate": birthdate_of(person.id_number).isoformat(),
            "zoneinfo": "Asia/Urumqi",
            "locale": "zh-CN",
            "updated_at": _UPDATED,
            "email": f"{username}@example.com",
            "email_verified": True,
            "phone_number": f"+86{person.phone}",
            "phone_number_verified": True,
            "address": {
                "formatted": f"新疆维吾尔自治区{division.name if division else ''}团结路1号",
                "street_address": "团结路1号",
                "locality": division.name if division else "",
                "region": "新疆维吾尔自治区",
                "postal_code": "830000",
                "country": "CN",
            },
        }


def demo_people() -> list[DemoPerson]:
    """Everybody who has an account when the demonstration starts."""
    people, companies = generate()
    company = next(company for company in companies if company.status == ACTIVE)
    owner = next(person for person in people if person.id_number == company.representative)
    rest = _others(people, owner)
    return [
        DemoPerson("driver", "Tianshan-rides-2026", next(rest), 3, "region", "驾驶员，可申请从业资格证 (level 3)"),
        DemoPerson(
            *("owner", "Kunlun-haulage-2026", owner, 3, "region", f"{company.name} 法定代表人 (level 3)"),
            company=company,
            role="legal_representative",
        ),
        DemoPerson(
            *("agent", "Hami-melon-seeds-26", next(rest), 2, "region", f"{company.name} 经办人 (level 2)"),
            company=company,
            role="handler",
        ),
        DemoPerson("visitor", "Turpan-grapes-2026", next(rest), 1, "region", "仅验证手机号，未实名 (level 1)"),
        DemoPerson("national", "Changan-avenue-2026", next(rest), 3, "national", "只在国家平台有账号 (level 3)"),
    ]


def unregistered_people() -> list[Person]:
    """People of the registry who have no account anywhere: those who register in the story."""
    people, companies = generate()
    taken = {someone.person.id_number for someone in demo_people()}
    taken |= {company.representative for company in companies}
    return [person for person in people if person.id_number not in taken and _is_usable(person)]


def _split(name: str) -> tuple[str, str]:
    """(given name, family name): 罗晓东 → 晓东, 罗; 热合曼·依明 → 热合曼, 依明 (the father's name)."""
    given_name, dot, family_name = name.partition("·")
    return (given_name, family_name) if dot else (name[1:], name[0])


def _others(people: tuple[Person, ...], owner: Person) -> Iterator[Person]:
    return (person for person in people if person is not owner and _is_usable(person) and person.level >= 3)


def _is_usable(person: Person) -> bool:
    is_of_age = (date(2026, 1, 1) - birthdate_of(person.id_number)).days > 21 * 365
    is_driving_age = (date(2026, 1, 1) - birthdate_of(person.id_number)).days < 55 * 365
    return person.status == ACTIVE and len(person.name) <= 4 and is_of_age and is_driving_age
