"""A browser of the simplest kind: cookies by host and port, redirects step by step."""

from __future__ import annotations

import ssl
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx


def follow(url: str) -> dict[str, str]:
    """Open `url`; give the parameters of the address it redirects to."""
    with httpx.Client(transport=PLAIN) as client:
        answer = client.get(url)
    assert answer.status_code == 303, answer.text
    return query(answer.headers["Location"])


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


class _Plain(httpx.HTTPTransport):
    """http only, kept open: loading the system's certificates for every client would take longer than the tests."""

    def __init__(self) -> None:
        super().__init__(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass


PLAIN = _Plain()


class Browser:
    """Follows redirects by hand, with a cookie jar for each origin, as services on ports of one host need it."""

    def __init__(self) -> None:
        self._jars: dict[str, httpx.Cookies] = {}
        self.visited: list[str] = []

    def get(self, url: str, **headers: str) -> httpx.Response:
        return self._request("GET", url, headers=headers)

    def post(self, url: str, form: dict[str, str]) -> httpx.Response:
        return self._request("POST", url, data=form)

    def open(self, url: str) -> httpx.Response:
        """`get`, and on through every redirect."""
        return self.on(self.get(url))

    def submit(self, url: str, form: dict[str, str]) -> httpx.Response:
        return self.on(self.post(url, form))

    def on(self, answer: httpx.Response) -> httpx.Response:
        for _ in range(12):
            if not answer.is_redirect:
                return answer
            answer = self.get(urljoin(str(answer.request.url), answer.headers["Location"]))
        raise AssertionError(f"redirected in circles: {self.visited[-6:]}")

    def cookies(self, url: str) -> httpx.Cookies:
        parts = urlsplit(url)
        return self._jars.setdefault(f"{parts.scheme}://{parts.netloc}", httpx.Cookies())

    def _request(self, method: str, url: str, **options: object) -> httpx.Response:
        self.visited.append(url)
        jar = self.cookies(url)
        with httpx.Client(transport=PLAIN, cookies=jar, timeout=30) as client:
            answer = client.request(method, url, **options)  # type: ignore[arg-type]
            jar.update(client.cookies)
        for name in [cookie.name for cookie in jar.jar if cookie.is_expired()]:
            jar.delete(name)
        # httpx merges but never forgets: an expired cookie in the answer removes ours.
        for header in answer.headers.get_list("set-cookie"):
            if "max-age=0" in header.lower():
                jar.delete(header.split("=", 1)[0]) if header.split("=", 1)[0] in jar else None
        return answer
