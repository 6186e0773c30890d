"""The ids, names and texts by which other programs find their way through the provider's pages."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from lxml import html

from tests.web_pages.areas import ROOT
from tests.web_pages.samples import SAMPLES


def page(pages: Flask, sample: str, language: str = "en") -> html.HtmlElement:
    response = pages.test_client().get(f"/{sample}?lang={language}")
    assert response.status_code == 200
    return html.fromstring(response.get_data(as_text=True))


def one(document: html.HtmlElement, identifier: str) -> html.HtmlElement:
    (element,) = document.xpath("//*[@id=$id]", id=identifier)
    return element


def test_the_login_page_has_both_fields_on_one_page_and_says_sign_in(pages: Flask) -> None:
    document = page(pages, "login")
    username, password = one(document, "username"), one(document, "password")
    assert (username.name, password.name, password.type) == ("username", "password", "password")
    assert username.get("autocomplete") == "username"
    assert password.get("autocomplete") == "current-password"
    submit = one(document, "login-submit")
    assert submit.text_content() == "Sign in"
    form = submit.xpath("ancestor::form")[0]
    assert form.method == "POST" and set(form.fields) == {"csrf_token", "interaction", "username", "password"}


def test_the_login_page_names_the_client_with_its_logo_and_links(pages: Flask) -> None:
    document = page(pages, "login")
    assert "道路运输驾驶员服务" in document.text_content()
    assert document.xpath("//img/@src") == ["/static/icon-region.svg"]
    assert {"https://client.example/policy", "https://client.example/terms"} <= set(document.xpath("//a/@href"))


def test_the_login_page_offers_the_other_platform_and_a_way_to_cancel(pages: Flask) -> None:
    document = page(pages, "login", "zh")
    national = one(document, "upstream-national")
    assert (national.get("href"), national.text_content()) == ("/upstream/national", "国家政务服务平台登录")
    assert one(document, "login-cancel").xpath("ancestor::form/@action") == ["/login/cancel"]


def test_a_refused_login_keeps_the_name_and_never_the_password(pages: Flask) -> None:
    document = page(pages, "login-refused")
    assert one(document, "username").value == "13800000000"
    assert not one(document, "password").value
    assert one(document, "login-error").get("role") == "alert"
    assert one(document, "password").get("aria-describedby") == "password-error"
    assert one(document, "password").get("aria-invalid") == "true"


@pytest.mark.parametrize(("identifier", "decision"), [("consent-allow", "allow"), ("consent-deny", "deny")])
def test_the_consent_page_has_a_button_to_allow_and_one_to_deny(pages: Flask, identifier: str, decision: str) -> None:
    button = one(page(pages, "consent"), identifier)
    assert (button.get("name"), button.get("value")) == ("decision", decision)
    assert button.xpath("ancestor::form//input[@name='interaction']/@value") == ["q8"]


def test_the_logout_page_asks_and_lets_one_stay(pages: Flask) -> None:
    document = page(pages, "logout")
    assert one(document, "logout-yes").tag == "button"
    assert one(document, "logout-stay").get("href") == "/account"


def test_the_signed_out_page_counts_what_was_reached(pages: Flask) -> None:
    document = page(pages, "signed-out-pending")
    assert one(document, "signed-out").tag == "div"
    assert one(document, "signed-out-summary").text_content() == "Signed out of 5 of 7 services."
    assert document.xpath("//noscript/meta/@http-equiv") == ["refresh"]


def test_nothing_refreshes_once_everything_was_reached(pages: Flask) -> None:
    document = page(pages, "signed-out-done")
    assert not document.xpath("//noscript") and not document.xpath("//script")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_error_page_shows_code_and_parameter_in_latin_letters_in_every_language(pages: Flask, language: str) -> None:
    document = page(pages, "error", language)
    assert one(document, "error-code").text_content() == "invalid_request"
    assert one(document, "error-parameter").text_content() == "redirect_uri"


def test_a_form_post_page_escapes_its_values_and_has_a_button(pages: Flask) -> None:
    text = pages.test_client().get("/form-post").get_data(as_text=True)
    assert "<script>alert" not in text
    form = html.fromstring(text).xpath("//form[@id='form-post']")[0]
    assert form.fields["state"] == '"><script>alert(1)</script>&amp;'
    assert set(form.fields) == {"code", "state", "submit"}
    assert form.xpath(".//button[@id='form-post-submit']")


@pytest.mark.parametrize(("language", "expected"), [("zh", "zh-CN"), ("en", "en")])
def test_a_page_says_which_language_it_is_in_and_offers_the_other(pages: Flask, language: str, expected: str) -> None:
    document = page(pages, "login", language)
    assert document.get("lang") == expected
    switch = document.xpath("//form[@action='/language']")[0]
    assert switch.method == "POST" and switch.fields["next"].startswith("/login")
    assert switch.xpath("button/@value") == ["zh", "en"]
    assert switch.xpath("button[@aria-current]/@value") == [language]


def test_a_page_without_the_optional_context_is_still_whole(pages: Flask) -> None:
    document = page(pages, "plain")
    assert document.xpath("//h1/text()") == ["Plain"]
    assert not document.xpath("//form") and not document.xpath("//nav")


def test_every_page_of_the_provider_and_every_error_page_is_drawn_here() -> None:
    pages = {
        str(path.relative_to(ROOT / "templates"))
        for folder in ("idp", "errors")
        for path in (ROOT / "templates" / folder).rglob("*.html")
        if not path.name.startswith("_")
    }
    assert pages - {sample.template for sample in SAMPLES} == set()


@pytest.mark.parametrize(("file", "name"), [("forms", "forms"), ("display", "ui")])
def test_the_page_about_pages_shows_every_macro_and_no_other(file: str, name: str) -> None:
    source = (ROOT / "templates" / "components" / f"{file}.html").read_text(encoding="utf-8")
    macros = {macro for macro in re.findall(r"{%-? macro (\w+)", source) if not macro.startswith("_")}
    shown = set(re.findall(rf"\b{name}\.(\w+)\(", (ROOT / "docs" / "pages.md").read_text(encoding="utf-8")))
    assert shown == macros - {"level_text"}  # a part of `level`
