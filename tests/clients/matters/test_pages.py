"""The one page of the service, its language switch, its health."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import Engine

from clients.matters.database import migrate_back


def test_index_says_what_this_is_and_what_can_be_applied_for(app: Flask) -> None:
    answer = app.test_client().get("/")
    assert answer.status_code == 200
    assert "普货从业资格证网上申请" in answer.text and "事项" in answer.text
    assert "style=" not in answer.text and "onclick" not in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_language_is_switched_and_kept(app: Flask) -> None:
    client = app.test_client()
    answer = client.post("/language", data={"locale": "en", "next": "/"})
    assert answer.status_code == 303 and answer.headers["Location"] == "/"
    page = client.get("/").text
    assert "The platform is working." in page and '<html lang="en"' in page


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/\t/evil.example"]
)
def test_language_switch_leads_nowhere_else(app: Flask, target: str) -> None:
    answer = app.test_client().post("/language", data={"locale": "en", "next": target})
    assert answer.headers["Location"] == "/"


def test_unknown_language_changes_nothing(app: Flask) -> None:
    assert "Set-Cookie" not in app.test_client().post("/language", data={"locale": "tlh"}).headers


def test_healthy_service_says_so(app: Flask) -> None:
    answer = app.test_client().get("/healthz")
    assert answer.status_code == 200 and answer.json == {"status": "ok", "database": True}


def test_service_without_its_tables_is_not_healthy(app: Flask, engine: Engine, database_url: str) -> None:
    migrate_back(database_url)
    answer = app.test_client().get("/healthz")
    assert answer.status_code == 503 and answer.json["status"] == "unavailable"


def test_unknown_page_is_a_page(app: Flask) -> None:
    answer = app.test_client().get("/nothing")
    assert answer.status_code == 404 and "404" in answer.text and answer.mimetype == "text/html"
