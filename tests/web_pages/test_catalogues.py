"""Every text that a page or the code shows goes through a catalogue, and every catalogue has it in Chinese."""

from __future__ import annotations

import re

import pytest

from tests.web_pages.areas import AREAS, ROOT, Message, area_messages, area_sources, catalogue

PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")


def is_translated(message: Message, area: str) -> bool:
    entries = [catalogue(name).get(message) for name in (area, "shared")]
    for entry in entries:
        if entry is not None and not entry.fuzzy:
            texts = entry.string if isinstance(entry.string, tuple | list) else (entry.string,)
            if texts and all(texts):
                return True
    return False


@pytest.mark.parametrize("area", AREAS)
def test_every_text_of_an_area_is_translated_in_its_catalogue_or_the_shared_one(area: str) -> None:
    missing = {message: where for message, where in area_messages(area).items() if not is_translated(message, area)}
    assert not missing


@pytest.mark.parametrize("area", AREAS)
def test_a_translation_has_the_variables_of_its_text(area: str) -> None:
    for entry in catalogue(area):
        if not entry.id:
            continue
        sources = entry.id if isinstance(entry.id, tuple | list) else (entry.id,)
        targets = entry.string if isinstance(entry.string, tuple | list) else (entry.string,)
        wanted = {name for source in sources for name in PLACEHOLDER.findall(source)}
        for target in targets:
            assert set(PLACEHOLDER.findall(target)) <= wanted, entry.id
            if len(sources) == 1:
                assert set(PLACEHOLDER.findall(target)) == wanted, entry.id


@pytest.mark.parametrize("area", AREAS)
def test_a_catalogue_has_no_text_twice_and_none_that_is_fuzzy_or_obsolete(area: str) -> None:
    path = ROOT / "translations" / area / "zh" / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        assert not area_messages(area), f"{area} has texts but no catalogue"
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith(("#~", "#, fuzzy"))] == []
    blocks = re.findall(r'^msgid ((?:"[^\n]*"\n)+)', "\n".join(lines) + "\n", re.MULTILINE)
    assert len(blocks) == len(set(blocks)), sorted(block for block in blocks if blocks.count(block) > 1)


def test_every_template_belongs_to_an_area() -> None:
    claimed = {path for area in AREAS for path in area_sources(area)}
    assert [path for path in sorted((ROOT / "templates").rglob("*.html")) if path not in claimed] == []


def test_the_scan_sees_texts_in_templates_and_in_code() -> None:
    assert "Sign in" in area_messages("shared")
    assert (
        "Signed out of %(done)s of %(num)s service.",
        "Signed out of %(done)s of %(num)s services.",
    ) in area_messages("idp")
    assert not is_translated("A text nobody has translated", "idp")
