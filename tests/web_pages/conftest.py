"""A Flask application that has nothing but the templates, and how a browser loads pages from it without a socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, render_template, request
from flask_babel import Babel, get_locale
from flask_wtf import CSRFProtect
from jinja2 import ChoiceLoader, FileSystemLoader
from playwright.sync_api import Route

from tests.web_pages.samples import SAMPLES

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = "http://tongxing.test"
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def compiled_catalogues(target: Path) -> list[Path]:
    """Compile every area's catalogue into `target`; the project's own .mo files are not touched."""
    folders = []
    for source in sorted((ROOT / "translations").glob("*/*/LC_MESSAGES/messages.po")):
        folder = target / source.relative_to(ROOT / "translations").parts[0]
        compiled = folder / source.parts[-3] / "LC_MESSAGES" / "messages.mo"
        compiled.parent.mkdir(parents=True)
        with source.open("rb") as text, compiled.open("wb") as binary:
            write_mo(binary, read_po(text, locale=source.parts[-3]))
        folders.append(folder)
    return folders


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """Draws sample N at /N?lang=zh|en."""
    app = Flask("pages", root_path=str(ROOT), template_folder="templates", static_folder="static")
    app.secret_key = "only for tests"
    folders = compiled_catalogues(tmp_path_factory.mktemp("translations"))
    Babel(
        app,
        default_locale="zh",
        default_timezone="Asia/Shanghai",
        locale_selector=lambda: request.args.get("lang", "zh"),
        default_translation_directories=";".join(map(str, folders)),
        default_domain=";".join("messages" for _ in folders),
    )
    CSRFProtect(app)
    app.jinja_loader = ChoiceLoader(
        [FileSystemLoader(ROOT / "templates"), FileSystemLoader(Path(__file__).parent / "templates")]
    )

    @app.get("/<sample_name>")
    def draw(sample_name: str) -> str:
        sample = next(sample for sample in SAMPLES if sample.name == sample_name)
        frame: dict[str, Any] = {
            "brand": {
                "name": "新疆道路运输统一身份认证" if sample.theme != "national" else "国家政务服务平台（模拟）",
                "subtitle": "Tongxing · one sign-on for road transport",
                "operator": "新疆维吾尔自治区道路运输管理机构（演示）",
                "contact": "12328",
            },
            "theme": sample.theme,
            "locale": str(get_locale()),
            "language_url": "/language",
            "footer_links": [
                {"label": "隐私说明", "url": "/privacy"},
                {"label": "无障碍声明", "url": "/accessibility"},
            ],
        }
        return render_template(sample.template, **(frame | dict(sample.frame) | dict(sample.context())))

    @app.after_request
    def restrict(response: Any) -> Any:
        response.headers["Content-Security-Policy"] = POLICY
        return response

    return app


def answer_from(app: Flask) -> Any:
    """A Playwright route handler that answers from the application's test client."""
    client = app.test_client()

    def answer(route: Route) -> None:
        parts = urlsplit(route.request.url)
        with client.open(f"{parts.path}?{parts.query}", method=route.request.method) as response:
            route.fulfill(status=response.status_code, headers=dict(response.headers), body=response.get_data())

    return answer
