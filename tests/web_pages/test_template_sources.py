"""What a template's source must not contain: code and style of its own, and words outside the catalogues."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader, nodes
from lxml import html

from tests.web_pages.areas import ROOT

TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\u3000-\u303f\uff00-\uffef]")
WORD = re.compile(r"[A-Za-z]{2,}")
SENTENCE = re.compile(r"^[A-Z][a-z]+([ ,.:?!].*)?$", re.DOTALL)
SPOKEN_ATTRIBUTES = ("title", "alt", "aria-label", "placeholder", "label")
WORDLESS_ELEMENTS = ("code", "kbd", "samp", "script", "style")
SERVICES = ("accounts", "clients", "federation")  # their applications may register filters of their own
GETTEXT = ("_", "gettext", "ngettext", "pgettext", "npgettext")
LAYOUT = r"\{%-?\s*block layout\s*-?%\}\w+\{%-?\s*endblock\s*-?%\}"  # the name of a class, not a word
JINJA = re.compile(LAYOUT + r"|\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)


def markup(source: str) -> html.HtmlElement:
    """The HTML of a template with its Jinja taken out."""
    return html.fromstring("<div>" + JINJA.sub("", source) + "</div>")


def in_a_named_language(element: html.HtmlElement) -> bool:
    """Whether the element or one around it says which language it is in."""
    return any(around.get("lang") for around in (element, *element.iterancestors()))


def bare_words(source: str) -> Iterator[str]:
    """Letters that a reader would see or hear and that did not come from gettext or data."""
    for element in markup(source).iter(html.etree.Element):
        if in_a_named_language(element) or element.tag in WORDLESS_ELEMENTS:
            yield from _letters([element.tail])
            continue
        yield from _letters([element.text, element.tail, *(element.get(name) for name in SPOKEN_ATTRIBUTES)])


def _letters(texts: list[str | None]) -> Iterator[str]:
    yield from (text.strip() for text in texts if text and (WORD.search(text) or CJK.search(text)))


def sentences_in_expressions(source: str) -> Iterator[str]:
    """String literals that read like words for people and are not given to gettext."""
    tree = Environment(extensions=["jinja2.ext.i18n"], autoescape=True).parse(source)
    spoken = {
        id(literal)
        for call in tree.find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name in GETTEXT
        for literal in call.find_all(nodes.Const)
    }
    silent = [node.value for node in tree.find_all(nodes.Const) if id(node) not in spoken]
    yield from (text for text in silent if isinstance(text, str) and (SENTENCE.match(text) or CJK.search(text)))


def inline_code(source: str) -> Iterator[str]:
    """Style, scripts and handlers that the content security policy would block."""
    for element in markup(source).iter(html.etree.Element):
        if element.tag == "style" or (element.tag == "script" and "src" not in element.attrib):
            yield element.tag
        yield from (name for name in element.attrib if name == "style" or name.startswith("on"))
        yield from (
            value
            for name, value in element.attrib.items()
            if name in ("href", "src", "action") and value.startswith(("http", "//", "data:", "javascript:"))
        )


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
class TestTemplate:
    def test_has_no_style_script_or_handler_and_loads_nothing_from_elsewhere(self, path: Path) -> None:
        assert list(inline_code(path.read_text(encoding="utf-8"))) == []

    def test_has_no_words_outside_gettext(self, path: Path) -> None:
        source = path.read_text(encoding="utf-8")
        assert list(bare_words(source)) == []
        assert list(sentences_in_expressions(source)) == []

    def test_turns_off_no_escaping(self, path: Path) -> None:
        assert not re.search(r"\|\s*safe\b|autoescape\s+false", path.read_text(encoding="utf-8"))

    def test_gives_every_posted_form_an_anti_forgery_token(self, path: Path) -> None:
        source = path.read_text(encoding="utf-8")
        forms = re.findall(r"<form\b[^>]*method=\"post\".*?</form>", source, re.DOTALL)
        if path.name == "form_post.html":  # posts to the client's own address, where our token would only leak
            assert all("csrf" not in form for form in forms)
        else:
            assert [form for form in forms if "csrf" not in form] == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>Hello</p>",
        "<p>你好</p>",
        '<a title="More"></a>',
        '{{ button("Sign in") }}',
        '{{ button("登录") }}',
        "<p>{{ x }} items</p>",
    ],
)
def test_the_scan_finds_words_outside_gettext(source: str) -> None:
    assert [*bare_words(source), *sentences_in_expressions(source)]


@pytest.mark.parametrize(
    "source",
    [
        '<p style="x"></p>',
        "<style></style>",
        "<script>1</script>",
        '<a onclick="x"></a>',
        '<img src="https://x.example/a.png">',
    ],
)
def test_the_scan_finds_inline_code_and_foreign_sources(source: str) -> None:
    assert list(inline_code(source))


def test_the_shared_templates_compile_with_nothing_but_the_documented_filters() -> None:
    environment = Environment(
        loader=FileSystemLoader(ROOT / "templates"), extensions=["jinja2.ext.i18n"], autoescape=True
    )
    environment.filters |= dict.fromkeys(
        ("datetimeformat", "dateformat", "timeformat", "numberformat", "timedeltaformat"), str
    )
    for path in (path for path in TEMPLATES if path.relative_to(ROOT / "templates").parts[0] not in SERVICES):
        environment.get_template(str(path.relative_to(ROOT / "templates")))


def test_the_stylesheet_and_scripts_load_only_their_neighbours() -> None:
    for path in (ROOT / "static").iterdir():
        text = path.read_text(encoding="utf-8")
        for target in re.findall(r"url\(\"?([^\")]+)", text):
            assert (ROOT / "static" / target).is_file() or target.startswith("#"), f"{path.name}: {target}"
        assert "@import" not in text
        assert re.sub(r"http://www\.w3\.org/2000/svg", "", text).count("http") == 0
