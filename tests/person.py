"""A person with a browser: pages, links and forms over real HTTP, cookies as browsers keep them (by host, not port)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from urllib.parse import urljoin, urlsplit

import httpx
from lxml import html


@dataclass
class Page:
    """What the browser shows: where it ended, with which status, and the document."""

    url: str
    status: int
    text: str
    headers: httpx.Headers = field(repr=False)

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def document(self) -> html.HtmlElement:
        return html.fromstring(self.text)

    def has(self, identifier: str) -> bool:
        return self.find(identifier) is not None

    def find(self, identifier: str) -> html.HtmlElement | None:
        found = self.document.xpath("//*[@id=$id]", id=identifier)
        return found[0] if found else None

    def get(self, identifier: str) -> html.HtmlElement:
        element = self.find(identifier)
        assert element is not None, f"no {identifier} on {self.status} {self.url}:\n{self.words}"
        return element

    def text_of(self, identifier: str) -> str:
        return " ".join(self.get(identifier).text_content().split())

    @property
    def words(self) -> str:
        """The text of the page's main part."""
        main = self.document.xpath("//main") or [self.document]
        return " ".join(main[0].text_content().split())


class Person:
    """One browser profile. `trail` holds every address visited, in order; `transport` is another way there than plain
    http on this machine."""

    def __init__(self, language: str = "zh", transport: httpx.BaseTransport | None = None) -> None:
        self.jar = CookieJar()
        self.trail: list[str] = []
        transport = transport or httpx.HTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        self._client = httpx.Client(
            transport=transport, cookies=self.jar, timeout=30, headers={"Accept-Language": language}
        )

    def close(self) -> None:
        self._client.close()

    def open(self, url: str, *, stop_before: str | None = None) -> Page:
        """Go there and through every redirect; `stop_before` ends at a redirect to an address that begins so."""
        return self._follow(self._send("GET", url), stop_before)

    def click(self, page: Page, identifier: str) -> Page:
        """Follow a link, or press a button without filling anything in."""
        element = page.get(identifier)
        if element.tag == "a":
            return self.open(urljoin(page.url, element.get("href")))
        return self.submit(page, identifier)

    def submit(self, page: Page, identifier: str, *, stop_before: str | None = None, **values: str) -> Page:
        """Fill in the form around the button and press it."""
        button = page.get(identifier)
        pressed = {button.get("name"): button.get("value", "")} if button.get("name") else {}
        return self.send(page, next(button.iterancestors("form")), stop_before=stop_before, **pressed | values)

    def send(self, page: Page, form: html.HtmlElement, *, stop_before: str | None = None, **values: str) -> Page:
        """Send a form as a script on its page would."""
        fields = {name: value for name, value in form.form_values() if name}
        target = urljoin(page.url, form.get("action") or page.url)
        return self._follow(self._send(form.get("method", "get").upper(), target, fields | values), stop_before)

    def sign_in(self, page: Page, username: str, password: str) -> Page:
        return self.submit(page, "login-submit", username=username, password=password)

    def cookie(self, name: str) -> str | None:
        return next((cookie.value for cookie in self.jar if cookie.name == name), None)

    def forget(self, name: str) -> None:
        """Lose one cookie."""
        for cookie in list(self.jar):
            if cookie.name == name:
                self.jar.clear(cookie.domain, cookie.path, cookie.name)

    def _send(self, method: str, url: str, fields: dict[str, str] | None = None) -> httpx.Response:
        self.trail.append(url)
        if method == "GET":
            return self._client.get(url, params=fields) if fields else self._client.get(url)
        return self._client.post(url, data=fields)

    def _follow(self, answer: httpx.Response, stop_before: str | None) -> Page:
        for _ in range(20):
            target = urljoin(str(answer.request.url), answer.headers.get("Location", ""))
            if not answer.is_redirect or (stop_before and target.startswith(stop_before)):
                url = target if answer.is_redirect else str(answer.request.url)
                return Page(url, answer.status_code, answer.text, answer.headers)
            answer = self._send("GET", target)
        raise AssertionError(f"redirected in circles: {self.trail[-8:]}")
