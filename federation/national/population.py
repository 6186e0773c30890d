"""The invented population and enterprises of the simulated authority: from one seed always the same ones.

Numbers follow GB 11643 and GB 32100-2015 with valid check characters; levels, states, proportions are our own choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from stdnum.cn import ric, uscc

from federation.identifiers import check_resident_id, check_uscc, regions_of_filing
from federation.identifiers.divisions import prefecture_of
from federation.identifiers.uscc import ALPHABET
from federation.national.names import invent_name, words

SEED = 650000
PERSONS = 240
ENTERPRISES = 48
ACTIVE, DECEASED, FROZEN, DISSOLVED = "active", "deceased", "frozen", "dissolved"
_FIRST_BIRTH, _BIRTH_DAYS = date(1952, 1, 1), 19_700  # until the end of 2005: everybody is of age
_PREFIXES = ("135", "138", "139", "150", "151", "158", "177", "180", "186", "189", "199")
_WORDS = words("顺达 鸿运 天山 昆仑 丝路 通远 安捷 博远 金驼 瑞丰 恒通 瀚海 雪峰 绿洲 长风 西域")
_TRADES = words("货运 物流 汽车运输 汽车维修 国际货运 道路运输 汽车服务 供应链管理")


@dataclass(frozen=True)
class Person:
    """A natural person as the authority knows them; ``level`` (2–4) says how well it proved them."""

    name: str
    id_number: str
    ethnicity: str
    division: str
    phone: str
    level: int
    status: str = ACTIVE


@dataclass(frozen=True)
class Enterprise:
    """A company; ``representative`` is the ID number of its legal representative, one of the persons."""

    uscc: str
    name: str
    division: str
    representative: str
    status: str = ACTIVE


def generate(
    seed: int = SEED, persons: int = PERSONS, enterprises: int = ENTERPRISES
) -> tuple[tuple[Person, ...], tuple[Enterprise, ...]]:
    """The whole registry; pure, and the same for the same arguments."""
    random = Random(seed)  # noqa: S311 - invented people must be the same everywhere; nothing here is a secret
    people = _people(random, persons)
    return people, _companies(random, enterprises, [person for person in people if person.status == ACTIVE])


def _people(random: Random, count: int) -> tuple[Person, ...]:
    people: dict[str, Person] = {}
    phones: set[str] = set()
    while len(people) < count:
        person = _person(random, len(people))
        if person.id_number not in people and person.phone not in phones:
            people[person.id_number] = person
            phones.add(person.phone)
    return tuple(people.values())


def _person(random: Random, position: int) -> Person:
    sex = random.choice(("male", "female"))
    name, ethnicity = invent_name(random, sex)
    division = random.choice(regions_of_filing()).code
    born = _FIRST_BIRTH + timedelta(days=random.randrange(_BIRTH_DAYS))
    sequence = f"{random.randrange(100):02d}{random.randrange(5) * 2 + (sex == 'male')}"
    number = f"{division}{born:%Y%m%d}{sequence}"
    number += ric.calc_check_digit(number + "0")
    check_resident_id(number, date(2025, 1, 1))
    return Person(
        name=name,
        id_number=number,
        ethnicity=ethnicity,
        division=division,
        phone=random.choice(_PREFIXES) + f"{random.randrange(10**8):08d}",
        level=random.choices((2, 3, 4), (50, 35, 15))[0],
        status=_status_of(position),
    )


def _status_of(position: int) -> str:
    """A few who must be refused, always at the same places."""
    if position % 40 == 39:
        return DECEASED
    return FROZEN if position % 60 == 29 else ACTIVE


def _companies(random: Random, count: int, representatives: list[Person]) -> tuple[Enterprise, ...]:
    companies: dict[str, Enterprise] = {}
    names: set[str] = set()
    while len(companies) < count:
        person = random.choice(representatives)
        status = DISSOLVED if len(companies) % 16 == 15 else ACTIVE
        company = Enterprise(
            _code(random, person.division), _company_name(random, person), person.division, person.id_number, status
        )
        if company.uscc not in companies and company.name not in names:
            companies[company.uscc] = company
            names.add(company.name)
    return tuple(companies.values())


def _company_name(random: Random, person: Person) -> str:
    place = prefecture_of(person.division)
    town = (place.name if place else "新疆").removesuffix("市").removesuffix("地区").removesuffix("自治州")
    for people in ("回族", "蒙古", "哈萨克", "柯尔克孜"):
        town = town.removesuffix(people)
    return f"{town}{random.choice(_WORDS)}{random.choice(_TRADES)}有限公司"


def _code(random: Random, division: str) -> str:
    body = f"91{division}MA7" + "".join(random.choice(ALPHABET) for _ in range(5))
    # The organisation code inside (GB 11714) has a check character of its own: take the one that gives no warning.
    for inner in "0123456789X":
        code = body + inner
        code += uscc.calc_check_digit(code + "0")
        if not check_uscc(code).warnings:
            return code
    raise AssertionError(f"no check character fits {body}")
