"""The platform under test: a real provider on a socket, a real database, people and companies who file."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, jsonify, request
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from clients.kit.session_tables import open_engine
from clients.matters.app import create_app
from clients.matters.clerk import Clerk
from clients.matters.config import MattersSettings
from clients.matters.database import migrate
from tests.clients.op import TestProvider

MASTER_KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
URL = "http://127.0.0.1:8300"
PERSON = {
    "sub": "person-1",
    "name": "王小明",
    "id_type": "resident_id",
    "id_number": "650101199003077219",
    "phone_number": "+8613800138000",
    "phone_number_verified": True,
}
ACT_AS = {
    "uscc": "91650100MA7ABCDE9X",
    "name": "新疆天山货运有限公司",
    "role": "handler",
    "mandate_id": "mandate-1",
}
CERTIFICATE, REVIEW = "freight_practitioner_certificate", "freight_vehicle_annual_review"

CERTIFICATE_VALUES: dict[str, Any] = {
    "address": "乌鲁木齐市新市区北京南路1号",
    "vehicle_mass": "above_4500",
    "licence_number": "650101199003077219",
    "licence_class": "B2",
    "licence_first_issued": "2015-06-01",
    "licence_file_number": "650100123456",
    "training_school": "乌鲁木齐安达驾驶员培训学校",
    "training_certificate": "PX2026000123",
    "training_completed": "2026-02-10",
    "photo": "id_photo",
    "handling_region": "650104",
    "delivery": "e_licence",
    "truth_undertaking": True,
}
REVIEW_VALUES: dict[str, Any] = {
    "legal_representative": "李建国",
    "address": "乌鲁木齐市新市区北京南路2号",
    "plate": "新A·12345",
    "plate_colour": "2",
    "vin": "lzz1clwb8nw000001",
    "transport_certificate": "新交运管乌字650104 000321号",
    "vehicle_kind": "lorry",
    "total_mass_kg": "18000",
    "first_registered": "2022-03-01",
    "mileage_km": 210000,
    "report_number": "JC2026000777",
    "report_date": "2026-09-01",
    "report_agency": "乌鲁木齐车辆检测站",
    "insurance_until": "2027-05-01",
    "positioning": "online",
    "handling_region": "650104",
    "delivery": "self",
    "truth_undertaking": "on",
}


class Clock:
    """Starts on a Monday morning with no holiday near."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, days: int) -> None:
        self.now += timedelta(days=days)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty SQLite database, or PostgreSQL too where `both_engines` is asked for."""
    engine = request.getfixturevalue("both_engines") if "both_engines" in request.fixturenames else "sqlite"
    if engine == "sqlite":
        return f"sqlite:///{tmp_path}/matters.sqlite3"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    migrate(database_url)
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def settings(op: TestProvider, database_url: str, engine: Engine) -> MattersSettings:
    return MattersSettings(url=URL, issuer=op.issuer, database_url=database_url, master_key=MASTER_KEY)


@pytest.fixture
def app(settings: MattersSettings, clock: Clock) -> Iterator[Flask]:
    # Without the system's certificates, whose loading takes longer than most tests: everything here is http.
    app = create_app(settings, clock, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    yield app
    app.extensions["matters"].close()


@pytest.fixture
def clerk(app: Flask) -> Clerk:
    found: Clerk = app.extensions["matters"].clerk
    return found


@dataclass
class Person:
    """A person with an access token in hand, speaking JSON to the platform."""

    client: FlaskClient
    token: str
    language: str = "zh"

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, headers=self._headers(), **more)

    def post(self, path: str, body: Any = None, **more: Any) -> TestResponse:
        return self.client.post(path, headers=self._headers(), json={} if body is None else body, **more)

    def send(self, path: str, data: bytes, content_type: str = "application/json") -> TestResponse:
        return self.client.post(path, headers=self._headers(), data=data, content_type=content_type)

    def submit(self, matter: str, values: dict[str, Any], key: str = "key-00000001", **more: Any) -> TestResponse:
        return self.post(
            f"/api/matters/{matter}/cases", {"values": values, "idempotency_key": key, "channel": 1, **more}
        )

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Accept-Language": self.language}


NewPerson = Callable[..., Person]


@pytest.fixture
def people(op: TestProvider) -> dict[str, dict[str, Any]]:
    """Access token → userinfo claims, as the provider knows them."""
    known: dict[str, dict[str, Any]] = {}

    def userinfo() -> Any:
        claims = known.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        return (jsonify(error="invalid_token"), 401) if claims is None else jsonify(claims)

    op.instead["userinfo"] = userinfo
    return known


@pytest.fixture
def person(op: TestProvider, app: Flask, people: dict[str, dict[str, Any]]) -> NewPerson:
    """`person(level=3, act_as=…, scope=…, claims=…, **token_claims)` has logged in and may file."""

    def new(
        *,
        level: int = 3,
        act_as: Any = None,
        scope: str = "openid identity phone matters.read matters.submit",
        claims: dict[str, Any] | None = None,
        language: str = "zh",
        **token_claims: Any,
    ) -> Person:
        known = {**PERSON, **(claims or {})}
        about = {"sub": known["sub"], "acr": f"urn:tongxing:loa:{level}", "act_as": act_as, "scope": scope}
        token = op.access_token(**{**about, "person": None, **token_claims})
        people[token] = known
        return Person(app.test_client(), token, language)

    return new
