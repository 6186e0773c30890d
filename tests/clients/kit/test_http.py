from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
from flask import Flask, Response, redirect, request
from hypothesis import given
from hypothesis import strategies as st

from clients.kit.errors import ProviderUnavailable, ServiceUnavailable
from clients.kit.http import MAX_RESPONSE, HttpClient, JsonInvalid, is_secure_url, json_object
from tests.clients.serving import serving


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A socket that speaks to its callers however `talk` does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65536)
                    talk(connection)
                except OSError:
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    thread.join(10)


def app() -> Flask:
    flask = Flask("answers")

    @flask.get("/size/<int:size>")
    def size(size: int) -> Response:
        return Response(b"x" * size)

    @flask.get("/moved")
    def moved() -> object:
        return redirect("/size/1")

    @flask.get("/compressed")
    def compressed() -> Response:
        return Response(b"\x1f\x8b", headers={"Content-Encoding": "gzip"})

    @flask.post("/echo")
    def echo() -> Response:
        return Response(request.get_data() + b"|" + request.headers["Content-Type"].encode())

    @flask.get("/headers")
    def headers() -> dict[str, str]:
        return dict(request.headers)

    return flask


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving(app()) as url:
        yield url


def test_answer_of_the_largest_size_is_received_and_one_byte_more_refused(http: HttpClient, server: str) -> None:
    assert len(http.get(f"{server}/size/{MAX_RESPONSE}").body) == MAX_RESPONSE
    with pytest.raises(ProviderUnavailable, match="more than"):
        http.get(f"{server}/size/{MAX_RESPONSE + 1}")


def test_redirects_are_not_followed(http: HttpClient, server: str) -> None:
    assert http.get(f"{server}/moved").status == 302


def test_compression_is_neither_asked_for_nor_accepted(http: HttpClient, server: str) -> None:
    assert http.get(f"{server}/headers").json_object()["Accept-Encoding"] == "identity"
    with pytest.raises(ProviderUnavailable, match="compressed"):
        http.get(f"{server}/compressed")


def test_forms_and_json_are_sent_as_such(http: HttpClient, server: str) -> None:
    assert http.post(f"{server}/echo", form={"a": "1 &"}).body == b"a=1+%26|application/x-www-form-urlencoded"
    assert http.send("POST", f"{server}/echo", body={"a": 1}).body == b'{"a":1}|application/json'


def test_connection_refused_is_unavailability_and_names_only_the_origin(http: HttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ProviderUnavailable) as unavailable:
        http.get(f"http://127.0.0.1:{port}/path?secret=1")
    assert "secret" not in str(unavailable.value) and str(port) in str(unavailable.value)


def test_server_that_sends_one_byte_after_another_is_cut_off_at_the_deadline(http: HttpClient) -> None:
    def drip(connection: socket.socket) -> None:
        for character in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000:
            connection.sendall(bytes([character]))
            time.sleep(0.05)

    http.timeout = timedelta(seconds=0.5)
    with raw_server(drip) as url:
        began = time.monotonic()
        with pytest.raises(ProviderUnavailable, match="in time"):
            http.get(url)
        assert time.monotonic() - began < 25, "it would drip for fifty seconds"


def test_body_that_drips_is_cut_off_at_the_deadline(http: HttpClient) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b"x")
            time.sleep(0.05)

    http.timeout = timedelta(seconds=0.5)
    with raw_server(drip) as url, pytest.raises(ProviderUnavailable, match="in time"):
        http.get(url)


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"])
def test_server_that_speaks_no_proper_http_is_unavailable(http: HttpClient, said: bytes) -> None:
    with raw_server(lambda connection: connection.sendall(said)) as url, pytest.raises(ProviderUnavailable):
        http.get(url)


def test_requests_inside_a_budget_share_it(http: HttpClient, server: str) -> None:
    with http.within(timedelta(seconds=0.05)):
        time.sleep(0.06)
        with pytest.raises(ProviderUnavailable, match="in time"):
            http.get(f"{server}/size/1")
    assert http.get(f"{server}/size/1").status == 200


def test_inner_budget_cannot_widen_the_outer_one(http: HttpClient, server: str) -> None:
    with http.within(timedelta(seconds=0)), http.within(timedelta(seconds=5)), pytest.raises(ProviderUnavailable):
        http.get(f"{server}/size/1")


def test_error_is_of_the_callers_kind(server: str) -> None:
    class Elsewhere(ServiceUnavailable):
        pass

    client = HttpClient(unavailable=Elsewhere)
    with pytest.raises(Elsewhere):
        client.get("http://example.test/")
    client.close()


@pytest.mark.parametrize(
    ("url", "is_secure"),
    [
        ("https://id.example/authorize", True),
        ("http://127.0.0.1:8000", True),
        ("http://localhost", True),
        ("http://[::1]:8000/", True),
        ("http://id.example", False),
        ("http://127.0.0.1.example", False),
        ("https://user:pass@id.example", False),
        ("https://", False),
        ("ftp://127.0.0.1", False),
        ("//127.0.0.1", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_only_https_and_this_very_machine_are_called(http: HttpClient, url: str, is_secure: bool) -> None:
    assert is_secure_url(url) is is_secure
    if not is_secure:
        with pytest.raises(ProviderUnavailable, match="insecure"):
            http.get(url)


@given(st.text())
def test_any_text_is_judged_as_an_address_without_failing(text: str) -> None:
    assert is_secure_url(text) in {True, False}


@given(st.binary())
def test_any_bytes_are_an_object_or_no_json(body: bytes) -> None:
    with suppress(JsonInvalid):
        assert isinstance(json_object(body), dict)


@pytest.mark.parametrize("body", [b"[]", b"1", b"", b'{"a":NaN}', b'{"a":Infinity}', b"{" * 100_000, b'{"a":' * 60_000])
def test_what_is_no_json_object_is_told_apart(body: bytes) -> None:
    with pytest.raises(JsonInvalid):
        json_object(body)
