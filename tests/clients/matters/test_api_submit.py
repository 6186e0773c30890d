"""Filing a case over HTTP: who may, what is filled in by whom, what is refused, what happens twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from clients.matters.case_numbers import is_case_number
from clients.matters.database import migrate_back
from clients.matters.tables import case_events, case_serials, cases
from tests.clients.matters.conftest import (
    ACT_AS,
    CERTIFICATE,
    CERTIFICATE_VALUES,
    PERSON,
    REVIEW,
    REVIEW_VALUES,
    NewPerson,
)
from tests.clients.op import TestProvider


def stored(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(cases)).scalar_one())


def test_driver_files_and_sees_an_accepted_case(person: NewPerson, engine: Engine, both_engines: str) -> None:
    answer = person().submit(CERTIFICATE, CERTIFICATE_VALUES)
    assert answer.status_code == 201, answer.text
    case = answer.json
    assert is_case_number(case["number"]) and case["number"].startswith("65010420261123101")
    assert case["status"] == "accepted" and case["status_label"] == "已受理"
    assert answer.headers["Location"] == f"/api/cases/{case['number']}"
    assert [step["event"] for step in case["history"]] == ["submit", "pre_check", "accept"]
    assert case["due_dates"] == {
        "acceptance": None,
        "correction": None,
        "promised": "2026-11-30",
        "statutory": "2026-12-21",
        "delivery": None,
    }
    assert case["authority"] == {"code": "650100", "name": "乌鲁木齐市"}
    assert stored(engine) == 1


def test_company_agent_files_for_the_company(person: NewPerson, both_engines: str) -> None:
    answer = person(level=2, act_as=ACT_AS).submit(REVIEW, REVIEW_VALUES)
    assert answer.status_code == 201, answer.text
    case = answer.json
    assert case["status"] == "accepted"
    assert case["values"]["plate"] == "新A12345" and case["values"]["vin"] == "LZZ1CLWB8NW000001"
    assert case["values"]["organisation_name"] == ACT_AS["name"] and case["values"]["uscc"] == ACT_AS["uscc"]
    assert case["values"]["agent_name"] == "王小明" and case["values"]["authorisation"] == "mandate-1"
    assert case["values"]["total_mass_kg"] == 18000 and case["values"]["truth_undertaking"] is True
    assert case["authority"]["code"] == "650104"


def test_legal_representative_needs_no_agent_fields(person: NewPerson) -> None:
    values = {name: value for name, value in REVIEW_VALUES.items() if name != "legal_representative"}
    answer = person(act_as={**ACT_AS, "role": "legal_representative"}).submit(REVIEW, values)
    assert answer.status_code == 201, answer.text
    assert answer.json["values"]["legal_representative"] == "王小明"
    assert "agent_name" not in answer.json["values"]


def test_what_a_portal_says_about_identity_is_ignored(person: NewPerson) -> None:
    forged = {
        "applicant_name": "李四",
        "applicant_id_number": "11010519491231002X",
        "applicant_id_type": "414",
        "mobile": "19900000000",
    }
    case = person().submit(CERTIFICATE, {**CERTIFICATE_VALUES, **forged}).json
    assert case["values"]["applicant_name"] == PERSON["name"]
    assert case["values"]["applicant_id_number"] == "650101**********19"
    assert case["values"]["mobile"] == "13800138000"


def test_unverified_phone_number_is_asked_for(person: NewPerson) -> None:
    someone = person(claims={"phone_number_verified": False})
    refused = someone.submit(CERTIFICATE, CERTIFICATE_VALUES)
    assert refused.status_code == 422 and set(refused.json["errors"]) == {"mobile"}
    case = someone.submit(CERTIFICATE, {**CERTIFICATE_VALUES, "mobile": "+86 199 1234 5678"}).json
    assert case["values"]["mobile"] == "19912345678"


@pytest.mark.parametrize("missing", ["name", "id_number"])
def test_identity_without_what_the_form_locks_cannot_file(person: NewPerson, engine: Engine, missing: str) -> None:
    answer = person(claims={missing: None}).submit(CERTIFICATE, CERTIFICATE_VALUES)
    assert answer.status_code == 403 and answer.json["error"] == "identity_incomplete"
    assert stored(engine) == 0


def test_nothing_personal_is_stored_in_the_clear(person: NewPerson, engine: Engine) -> None:
    person().submit(CERTIFICATE, CERTIFICATE_VALUES)
    with engine.connect() as connection:
        rows = [row for table in (cases, case_events) for row in connection.execute(select(table))]
    text = repr(rows)
    for secret in (PERSON["name"], PERSON["id_number"], "13800138000", "PX2026000123", PERSON["sub"], "北京南路"):
        assert str(secret) not in text
        assert str(secret).encode() not in b"".join(value for row in rows for value in row if isinstance(value, bytes))


# --- who may --------------------------------------------------------------------------------------------------------


def test_without_token_the_challenge_names_no_error(person: NewPerson) -> None:
    someone = person()
    answer = someone.client.post(f"/api/matters/{CERTIFICATE}/cases", json={})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="tongxing"'


def test_level_below_the_matters_is_asked_to_step_up(person: NewPerson, engine: Engine) -> None:
    answer = person(level=2).submit(CERTIFICATE, CERTIFICATE_VALUES)
    assert answer.status_code == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    assert 'acr_values="urn:tongxing:loa:3"' in challenge
    assert stored(engine) == 0


@pytest.mark.parametrize("acr", [None, "urn:mace:incommon:iap:silver", "urn:tongxing:loa:9", ""])
def test_unknown_assurance_satisfies_nothing(person: NewPerson, acr: str | None) -> None:
    answer = person(acr=acr).submit(CERTIFICATE, CERTIFICATE_VALUES)
    assert answer.status_code == 401 and answer.json["error"] == "insufficient_user_authentication"


def test_scope_to_read_does_not_allow_to_submit(person: NewPerson) -> None:
    answer = person(scope="openid identity matters.read").submit(CERTIFICATE, CERTIFICATE_VALUES)
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert 'scope="matters.submit"' in answer.headers["WWW-Authenticate"]


def test_token_without_identity_scope_is_refused(person: NewPerson) -> None:
    answer = person(scope="openid matters.read matters.submit").submit(CERTIFICATE, CERTIFICATE_VALUES)
    assert answer.status_code == 403 and 'scope="openid identity"' in answer.headers["WWW-Authenticate"]


def test_client_acting_for_itself_cannot_file(person: NewPerson, engine: Engine) -> None:
    answer = person(client_id="person-1").submit(CERTIFICATE, CERTIFICATE_VALUES)
    assert answer.status_code == 403 and stored(engine) == 0


@pytest.mark.parametrize(
    "bent",
    [
        {"aud": "http://127.0.0.1:8301"},
        {"iss": "http://127.0.0.1:1"},
        {"exp": 1},
        {"sub": None},
        {"jti": None},
        {"cnf": {"jkt": "x"}},
    ],
    ids=lambda bent: next(iter(bent)),
)
def test_token_that_is_not_for_us_is_refused(
    person: NewPerson, op: TestProvider, engine: Engine, bent: dict[str, Any]
) -> None:
    op.bend["access_token"] = lambda claims: claims.update(bent)
    answer = person().submit(CERTIFICATE, CERTIFICATE_VALUES)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert stored(engine) == 0


def test_matter_for_companies_is_closed_to_a_person_in_their_own_name(person: NewPerson) -> None:
    answer = person().submit(REVIEW, REVIEW_VALUES)
    assert answer.status_code == 403 and answer.json["error"] == "applicant_not_allowed"


def test_matter_for_persons_is_closed_to_a_company(person: NewPerson) -> None:
    answer = person(act_as=ACT_AS).submit(CERTIFICATE, CERTIFICATE_VALUES)
    assert answer.status_code == 403 and answer.json["error"] == "applicant_not_allowed"


@pytest.mark.parametrize("act_as", ["91650100MA7ABCDE9X", {}, {"uscc": "91650100MA7ABCDE9Y"}, {"uscc": 7}, []])
def test_unreadable_company_makes_the_token_invalid(person: NewPerson, act_as: Any) -> None:
    answer = person(act_as=act_as).submit(REVIEW, REVIEW_VALUES)
    assert answer.status_code == 401 and answer.json["error"] == "invalid_token"


def test_userinfo_about_somebody_else_is_not_believed(person: NewPerson, people: dict[str, Any]) -> None:
    someone = person()
    people[someone.token] = {**PERSON, "sub": "person-2"}
    answer = someone.submit(CERTIFICATE, CERTIFICATE_VALUES)
    assert answer.status_code == 401


def test_token_that_the_provider_has_revoked_is_not_good_for_filing(person: NewPerson, people: dict[str, Any]) -> None:
    someone = person()
    people.clear()
    answer = someone.submit(CERTIFICATE, CERTIFICATE_VALUES)
    assert answer.status_code == 401 and answer.json["error"] == "invalid_token"


def test_identity_number_that_cannot_be_right_does_not_get_in(person: NewPerson, engine: Engine) -> None:
    answer = person(claims={"id_number": "650101199003077218"}).submit(CERTIFICATE, CERTIFICATE_VALUES)
    assert answer.status_code == 403 and answer.json["error"] == "identity_incomplete"
    assert stored(engine) == 0


def test_database_that_is_away_is_503_and_says_nothing_more(person: NewPerson, database_url: str) -> None:
    someone = person()
    migrate_back(database_url)
    answer = someone.submit(CERTIFICATE, CERTIFICATE_VALUES)
    assert answer.status_code == 503 and answer.headers["Retry-After"]
    assert "cases" not in answer.text and "王小明" not in answer.text


def test_userinfo_is_asked_once_a_token(person: NewPerson, op: TestProvider) -> None:
    someone = person()
    someone.get(f"/api/matters/{CERTIFICATE}")
    someone.submit(CERTIFICATE, CERTIFICATE_VALUES)
    assert op.calls["userinfo"] == 1


@pytest.mark.parametrize("broken", [("", 500), ("<html>", 200), ("[]", 200)])
def test_provider_that_cannot_say_who_it_is_gives_503(
    person: NewPerson, op: TestProvider, engine: Engine, broken: tuple[str, int]
) -> None:
    someone = person()
    op.instead["userinfo"] = lambda: broken
    answer = someone.submit(CERTIFICATE, CERTIFICATE_VALUES)
    assert answer.status_code == 503 and answer.headers["Retry-After"]
    assert stored(engine) == 0


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("licence_class", "Z9"),
        ("licence_class", ""),
        ("licence_file_number", "65010012345"),
        ("licence_file_number", "６５０１００１２３４５６７"),
        ("licence_first_issued", "2026-02-30"),
        ("licence_first_issued", "2026-2-3"),
        ("licence_first_issued", "2027-01-01"),
        ("licence_first_issued", 20150601),
        ("training_school", ["a"]),
        ("training_school", {"a": 1}),
        ("training_school", "x" * 81),
        ("training_school", "a\u202eb"),
        ("training_school", "a\x07b"),
        ("training_school", None),
        ("training_school", "   "),
        ("photo", "selfie"),
        ("photo", True),
        ("handling_region", "110105"),
        ("handling_region", "650100"),
        ("handling_region", "659000"),
        ("truth_undertaking", False),
        ("truth_undertaking", "off"),
        ("truth_undertaking", "maybe"),
        ("truth_undertaking", 1.5),
        ("licence_number", "650101199003077218"),
        ("nonsense", "x"),
        ("__class__", "x"),
    ],
)
def test_bad_answer_is_named_and_nothing_is_stored(person: NewPerson, engine: Engine, name: str, value: Any) -> None:
    answer = person().submit(CERTIFICATE, {**CERTIFICATE_VALUES, name: value})
    assert answer.status_code == 422, answer.text
    assert set(answer.json["errors"]) == {name}
    assert answer.json["errors"][name]
    assert stored(engine) == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("plate", "新AI1234"),
        ("plate_colour", "7"),
        ("vin", "LSVAU2187I2186666"),
        ("transport_certificate", "新交运管许可乌字650104000123号"),
        ("total_mass_kg", "many"),
        ("total_mass_kg", 499),
        ("total_mass_kg", 100_001),
        ("total_mass_kg", True),
        ("total_mass_kg", 18000.5),
        ("total_mass_kg", "9" * 5000),
        ("mileage_km", -1),
        ("report_date", "2026-11-24"),
    ],
)
def test_bad_vehicle_answer_is_named(person: NewPerson, name: str, value: Any) -> None:
    answer = person(act_as=ACT_AS).submit(REVIEW, {**REVIEW_VALUES, name: value})
    assert answer.status_code == 422, answer.text
    assert set(answer.json["errors"]) == {name}


def test_all_errors_come_at_once(person: NewPerson) -> None:
    answer = person().submit(CERTIFICATE, {})
    assert len(answer.json["errors"]) == len(CERTIFICATE_VALUES)


def test_sentences_follow_the_language_of_the_request(person: NewPerson) -> None:
    in_english = person(language="en").submit(CERTIFICATE, {})
    assert in_english.json["errors"]["training_school"] == "This must be filled in."


DEEP = b'{"values":' + b"[" * 100 + b"]" * 100 + b',"idempotency_key":"key-00000001"}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"\xff\xfe",
        b'{"values":{"address":"\xc3\x28"},"idempotency_key":"key-00000001"}',
        b'{"values":{"address":"\\u0000"},"idempotency_key":"key-00000001"}',
        b'{"values":{"address":"\\ud800"},"idempotency_key":"key-00000001"}',
        b'{"values":{"a\\u0000b":"1"},"idempotency_key":"key-00000001"}',
        b'{"values":{},"values":{},"idempotency_key":"key-00000001"}',
        b'{"values":{"a":1,"a":2},"idempotency_key":"key-00000001"}',
        b'{"values":{"a":NaN},"idempotency_key":"key-00000001"}',
        b'{"values":{"a":Infinity},"idempotency_key":"key-00000001"}',
        b'{"values":[],"idempotency_key":"key-00000001"}',
        b'{"values":{},"idempotency_key":7}',
        b'{"values":{},"idempotency_key":"short"}',
        b'{"values":{},"idempotency_key":"' + b"k" * 201 + b'"}',
        b'{"values":{}}',
        b'{"idempotency_key":"key-00000001"}',
        b'{"values":{},"idempotency_key":"key-00000001","channel":0}',
        b'{"values":{},"idempotency_key":"key-00000001","channel":true}',
        b'{"values":{},"idempotency_key":"key-00000001","channel":"1"}',
        b'{"values":{"a":' + b"9" * 5000 + b'},"idempotency_key":"key-00000001"}',
        DEEP,
        b"[" * 60_000,
        b'{"a":' * 10_000,
    ],
    ids=lambda body: ascii(body[:40]),
)
def test_hostile_body_is_400_and_nothing_is_stored(person: NewPerson, engine: Engine, body: bytes) -> None:
    answer = person().send(f"/api/matters/{CERTIFICATE}/cases", body)
    assert answer.status_code == 400, answer.text
    assert answer.json["error"] == "invalid_request"
    assert stored(engine) == 0


def test_too_large_body_is_413(person: NewPerson, engine: Engine) -> None:
    answer = person().send(f"/api/matters/{CERTIFICATE}/cases", b'{"values":"' + b"x" * 65_536 + b'"}')
    assert answer.status_code == 413 and answer.json["error"] == "too_large"
    assert stored(engine) == 0


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_other_media_types_are_415(person: NewPerson, kind: str) -> None:
    assert person().send(f"/api/matters/{CERTIFICATE}/cases", b"{}", kind).status_code == 415


def test_too_many_answers_are_refused(person: NewPerson) -> None:
    answer = person().submit(CERTIFICATE, {f"field_{n}": "x" for n in range(201)})
    assert answer.status_code == 422


@pytest.mark.parametrize("matter", ["unknown", "..", "%00", "freight_practitioner_certificate%00", "通行", "a" * 3000])
def test_unknown_matter_is_404(person: NewPerson, matter: str) -> None:
    answer = person().submit(matter, CERTIFICATE_VALUES)
    assert answer.status_code == 404 and answer.json["error"] == "not_found"


# --- what happens twice ---------------------------------------------------------------------------------------------


def test_repeated_submission_gives_the_same_case(person: NewPerson, engine: Engine, both_engines: str) -> None:
    someone = person()
    first, second = (someone.submit(CERTIFICATE, CERTIFICATE_VALUES) for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.json == second.json
    assert stored(engine) == 1


def test_same_key_with_other_values_is_a_conflict_that_names_the_case(person: NewPerson, engine: Engine) -> None:
    someone = person()
    number = someone.submit(CERTIFICATE, CERTIFICATE_VALUES).json["number"]
    answer = someone.submit(CERTIFICATE, {**CERTIFICATE_VALUES, "licence_class": "A2"})
    assert answer.status_code == 409
    assert answer.json["error"] == "already_submitted" and answer.json["number"] == number
    assert stored(engine) == 1


def test_same_key_of_another_person_is_another_case(person: NewPerson, engine: Engine) -> None:
    person().submit(CERTIFICATE, CERTIFICATE_VALUES)
    other = person(claims={"sub": "person-2", "id_number": "652801200002290013", "name": "张三"})
    assert other.submit(CERTIFICATE, CERTIFICATE_VALUES).status_code == 201
    assert stored(engine) == 2


def test_eight_clicks_at_once_make_one_case(person: NewPerson, engine: Engine, both_engines: str) -> None:
    someone = person()
    someone.get("/api/cases")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: person_again(someone).submit(CERTIFICATE, CERTIFICATE_VALUES), range(8)))
    assert [answer.status_code for answer in answers] == [201] * 8
    assert len({answer.json["number"] for answer in answers}) == 1
    assert stored(engine) == 1
    with engine.connect() as connection:
        assert connection.execute(select(case_serials.c.last_serial)).scalars().all() == [1]


def test_serials_are_never_given_twice(person: NewPerson, engine: Engine, both_engines: str) -> None:
    someone = person()
    someone.get("/api/cases")
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda n: person_again(someone).submit(CERTIFICATE, CERTIFICATE_VALUES, f"key-{n:08}"), range(24))
        )
    assert [answer.status_code for answer in answers] == [201] * 24
    assert sorted(int(answer.json["number"][17:23]) for answer in answers) == list(range(1, 25))


def person_again(someone: Any) -> Any:
    """The same person in another thread: test clients are not made to be shared."""
    return type(someone)(someone.client.application.test_client(), someone.token, someone.language)
