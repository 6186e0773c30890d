"""A visitor: a browser without JavaScript, for playing stories over HTTP. It follows redirects, keeps cookies per
service and submits forms as they stand on the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

_MOST_REDIRECTS = 20


class StoryBroken(Exception):
    """The page is not what the story expects; the text says what was seen instead."""


@dataclass
class Form:
    action: str
    method: str = "get"
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)  # id → (name, value)
    choices: dict[str, list[str]] = field(default_factory=dict)  # radio buttons: name → values


@dataclass
class Page:
    """What the visitor sees now: address, status, text, forms, links and element ids."""

    url: str
    status: int
    html: str
    forms: list[Form]
    links: list[str]
    named_links: dict[str, str]  # id → address
    ids: set[str]
    text: str

    def form_with(self, name: str) -> Form:
        """The form that has a field or button id of that name."""
        for form in self.forms:
            if name in form.fields or name in form.buttons:
                return form
        raise StoryBroken(f"no form with {name!r} at {self.url} ({self.status}): {self.text[:300]}")

    def radio_values(self, name: str) -> list[str]:
        return next((form.choices[name] for form in self.forms if name in form.choices), [])

    def link_to(self, part: str) -> str:
        for link in self.links:
            if part in link:
                return link
        raise StoryBroken(f"no link to {part!r} at {self.url}")

    def link_named(self, name: str) -> str:
        """The address of the link whose id is ``name``."""
        if name not in self.named_links:
            raise StoryBroken(f"no link #{name} at {self.url} ({self.status}): {self.text[:300]}")
        return self.named_links[name]


class _Reader(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__(convert_charrefs=True)
        self.base = base
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.named_links: dict[str, str] = {}
        self.ids: set[str] = set()
        self.text: list[str] = []
        self._form: Form | None = None
        self._select: str | None = None
        self._area: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if "id" in values:
            self.ids.add(values["id"])
        if tag == "a" and "href" in values:
            self.links.append(urljoin(self.base, values["href"]))
            if "id" in values:
                self.named_links[values["id"]] = self.links[-1]
        elif tag == "form":
            self._form = Form(urljoin(self.base, values.get("action", "")), values.get("method", "get").lower())
            self.forms.append(self._form)
        elif self._form is not None:
            self._field(self._form, tag, values, {name for name, _ in attrs})

    def _field(self, form: Form, tag: str, values: dict[str, str], names: set[str]) -> None:
        name, kind = values.get("name", ""), values.get("type", "text" if tag == "input" else "submit")
        if tag == "button" or (tag == "input" and kind == "submit"):
            form.buttons[values.get("id") or name] = (name, values.get("value", ""))
        elif tag == "input" and name:
            if kind == "radio":
                form.choices.setdefault(name, []).append(values.get("value", ""))
            if kind not in {"radio", "checkbox"} or "checked" in names:
                form.fields[name] = values.get("value", "on" if kind == "checkbox" else "")
            else:
                form.fields.setdefault(name, "")
        elif tag == "select" and name:
            self._select = name
        elif tag == "option" and self._select:
            if "selected" in names or self._select not in form.fields:
                form.fields[self._select] = values.get("value", "")
        elif tag == "textarea" and name:
            form.fields[name], self._area = "", name

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.text.append(data.strip())


class Visitor:
    """One person at one browser. Cookies of different services are kept apart by the services' own cookie names."""

    def __init__(self, language: str = "zh") -> None:
        self._http = httpx.Client(timeout=15, headers={"Accept-Language": language})
        self.visited: list[str] = []  # every address of the last step, redirects included

    def get(self, url: str) -> Page:
        return self._go("GET", url, None)

    def submit(self, page: Page, name: str, values: Mapping[str, str] | None = None, button: str | None = None) -> Page:
        """Submit the form that has the field or button ``name``, as it stands plus ``values``."""
        form = page.form_with(name)
        data = {key: value for key, value in form.fields.items() if value}
        data.update(values or {})
        pressed = button or (name if name in form.buttons else None)
        if pressed and form.buttons[pressed][0]:
            data[form.buttons[pressed][0]] = form.buttons[pressed][1]
        if form.method == "get":
            return self._go("GET", str(httpx.URL(form.action).copy_merge_params(data)), None)
        return self._go("POST", form.action, data, page.url)

    def close(self) -> None:
        self._http.close()

    def _go(self, method: str, url: str, data: Mapping[str, str] | None, origin: str | None = None) -> Page:
        self.visited = []
        for _ in range(_MOST_REDIRECTS):
            self.visited.append(url)
            headers = {"Origin": "{0.scheme}://{0.netloc}".format(urlsplit(origin))} if origin else {}
            answer = self._http.request(method, url, data=data, headers=headers)
            if not answer.is_redirect:
                return self._page(answer)
            url, method, data, origin = urljoin(url, answer.headers["Location"]), "GET", None, None
        raise StoryBroken(f"more than {_MOST_REDIRECTS} redirects, the last to {url}")

    def _page(self, answer: httpx.Response) -> Page:
        reader = _Reader(str(answer.url))
        if "html" in answer.headers.get("Content-Type", ""):
            reader.feed(answer.text)
        text = " ".join(reader.text)
        return Page(
            str(answer.url),
            answer.status_code,
            answer.text,
            reader.forms,
            reader.links,
            reader.named_links,
            reader.ids,
            text,
        )
