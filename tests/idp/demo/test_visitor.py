"""The visitor reads pages as a browser without JavaScript does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask, redirect, request, url_for
from werkzeug.wrappers import Response

from idp.demo.visitor import StoryBroken, Visitor

FORM = """
<h1 id="head">A page</h1><a href="/next?x=1&amp;y=2">next</a>
<form method="post" action="/take">
 <input type="hidden" name="token" value="a&quot;b"><input name="text" value="old">
 <input type="checkbox" name="terms" value="yes"><input type="checkbox" name="news" value="yes" checked>
 <select name="role"><option value="one">1</option><option value="two" selected>2</option></select>
 <textarea name="note"></textarea>
 <button id="allow" name="decision" value="allow">Allow</button>
 <button id="deny" name="decision" value="deny">Deny</button>
</form>
"""


@pytest.fixture
def site(serve: Callable[[Flask], str]) -> str:
    app = Flask("site")

    @app.get("/")
    def page() -> str:
        return FORM

    @app.post("/take")
    def take() -> Response:
        response = redirect(url_for("seen", **request.form.to_dict()), 303)
        response.set_cookie("kept", "1")
        return response

    @app.get("/seen")
    def seen() -> str:
        return (
            " ".join(f"{key}={value}" for key, value in sorted(request.args.items()))
            + f" cookies={len(request.cookies)}"
        )

    @app.get("/loop")
    def loop() -> Response:
        return redirect("/loop")

    return serve(app)


def test_a_form_is_submitted_as_it_stands_with_the_pressed_button(site: str) -> None:
    visitor = Visitor()
    page = visitor.submit(visitor.get(site + "/"), "deny", {"text": "new"})
    assert page.status == 200
    assert page.html == 'decision=deny news=yes role=two text=new token=a"b cookies=1'
    visitor.close()


def test_ids_links_and_redirects_are_seen(site: str) -> None:
    visitor = Visitor()
    page = visitor.get(site + "/")
    assert "head" in page.ids
    assert page.link_to("/next") == site + "/next?x=1&y=2"
    visitor.submit(page, "allow")
    assert [url.removeprefix(site).split("?")[0] for url in visitor.visited] == ["/take", "/seen"]
    visitor.close()


def test_what_the_story_expects_and_does_not_find_is_named(site: str) -> None:
    visitor = Visitor()
    page = visitor.get(site + "/")
    with pytest.raises(StoryBroken, match="no form with 'password'"):
        page.form_with("password")
    with pytest.raises(StoryBroken, match="redirects"):
        visitor.get(site + "/loop")
    visitor.close()
