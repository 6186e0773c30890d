"""The guarded way out, against real servers on this machine."""

from __future__ import annotations

import datetime
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask, Response, request
from hypothesis import given
from hypothesis import strategies as st

from idp import outbound
from idp.config import Settings
from idp.name_lookups import Resolve
from idp.outbound import (
    MAX_BODY,
    MOST_AT_ONCE,
    MOST_FOR_ONE,
    MOST_LOOKUPS,
    OutboundBusy,
    OutboundClient,
    OutboundFailed,
    OutboundRefused,
    is_public,
)


def client(*allowed: str, resolve: Resolve | None = None, ca_bundle: str = "") -> OutboundClient:
    return OutboundClient(Settings(outbound_allow=allowed, outbound_ca_bundle=ca_bundle), resolve)


def netloc(url: str) -> str:
    return urlsplit(url).netloc


@pytest.fixture
def site(serve: Callable[..., str]) -> str:
    app = Flask("site")

    @app.route("/echo", methods=["GET", "POST"])
    def echo() -> Response:
        text = (
            f"{request.method} {request.host} {request.form.get('logout_token', '')} {request.headers.get('X-Y', '')}"
        )
        return Response(text, headers={"X-Seen": "yes"})

    @app.get("/redirect")
    def redirect() -> Response:
        return Response("", 302, headers={"Location": "/echo"})

    @app.get("/bytes/<int:size>")
    def large(size: int) -> Response:
        return Response(b"x" * size)

    @app.get("/zipped/<int:size>")
    def zipped(size: int) -> Response:
        return Response(gzip.compress(b"x" * size), headers={"Content-Encoding": "gzip"})

    @app.get("/nothing")
    def nothing() -> Response:
        blocks = b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"\0\0\0\xff\xff" * MAX_BODY + b"\1\0\0\xff\xff" + bytes(8)
        return Response(blocks, headers={"Content-Encoding": "gzip"})

    @app.get("/asked")
    def asked() -> Response:
        return Response(request.headers["Accept-Encoding"])

    @app.get("/coded/<coding>")
    def coded(coding: str) -> Response:
        return Response(b"whatever", headers={"Content-Encoding": coding})

    return serve(app)


@pytest.fixture
def drip() -> Iterator[str]:
    """A server that sends one byte every tenth of a second, for ever."""
    stopping = threading.Event()

    def talk(connection: socket.socket) -> None:
        with closing(connection):
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while not stopping.wait(0.1):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: talk(server.accept()[0]))
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        stopping.set()
        thread.join()


def test_a_form_is_posted_and_the_whole_answer_comes_back(site: str) -> None:
    answer = client(netloc(site)).post_form(f"{site}/echo?a=b", {"logout_token": "a&b"}, {"X-Y": "z"})
    assert (answer.status, answer.is_success, answer.headers["x-seen"]) == (200, True, "yes")
    assert answer.body.decode() == f"POST {netloc(site)} a&b z"


def test_a_document_is_fetched(site: str) -> None:
    assert client(netloc(site)).get(f"{site}/echo").body.startswith(b"GET ")


def test_a_redirect_is_not_followed(site: str) -> None:
    answer = client(netloc(site)).get(f"{site}/redirect")
    assert (answer.status, answer.is_success) == (302, False)


def test_plain_http_is_refused_unless_its_host_and_port_are_allowed(site: str) -> None:
    for allowed in ((), ("127.0.0.1:1",), ("localhost:" + netloc(site).split(":")[1],)):
        with pytest.raises(OutboundRefused):
            client(*allowed).get(f"{site}/echo")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://rp.example/",
        "file:///etc/passwd",
        "//rp.example/",
        "https://",
        "https:///path",
        "https://user@rp.example/",
        "https://user:secret@rp.example/",
        "https://rp.example:0/",
        "https://rp.example:70000/",
        "https://rp.example:port/",
        "https://rp\n.example/",
        "not a url",
        "",
        "https://[::1",
        "https://xn--a/",
        "https://xn--999999999999999999.example/",
    ],
)
def test_what_is_no_plain_https_url_is_refused(url: str) -> None:
    with pytest.raises(OutboundRefused):
        client().get(url)


@given(st.text(max_size=40))
def test_any_text_as_url_is_refused_or_fails_and_never_breaks(text: str) -> None:
    no_address = client(resolve=lambda _host, _port: ["127.0.0.1"])
    for url in (text, f"https://{text}", f"https://rp.example/{text}"):
        with pytest.raises(outbound.OutboundError):
            no_address.get(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - as an address to refuse
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "240.0.0.1",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::7f00:1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "2002:7f00:1::",
        "2002:0a00:0001::1",
        "64:ff9b::7f00:1",
        "2001:0:7f00:1::",
    ],
)
def test_an_address_that_is_not_public_is_refused_however_it_is_written(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(OutboundRefused):
        client(resolve=lambda _host, _port: [address]).get("https://rp.example/")


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]
)
def test_a_public_address_is_one(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "localhost"])
def test_a_private_address_in_the_url_itself_is_refused(host: str) -> None:
    with pytest.raises(OutboundRefused):
        client().get(f"https://{host}/")


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(OutboundRefused):
        client(resolve=lambda _host, _port: ["93.184.216.34", "10.0.0.1"]).get("https://rp.example/")


def test_a_name_is_resolved_once_and_the_checked_address_is_called(site: str) -> None:
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    port = netloc(site).split(":")[1]
    answer = client(f"rp.example:{port}", resolve=resolve).get(f"http://RP.example:{port}/echo")
    assert answer.body.decode().strip() == f"GET rp.example:{port}"
    assert asked == ["rp.example"]


def test_the_next_address_is_tried_when_one_does_not_answer(site: str) -> None:
    port = netloc(site).split(":")[1]
    two = client(f"rp.example:{port}", resolve=lambda _host, _port: ["::1", "127.0.0.1"])
    assert two.get(f"http://rp.example:{port}/echo").status == 200


def test_a_name_without_address_fails() -> None:
    def resolve(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with pytest.raises(OutboundFailed):
        client(resolve=resolve).get("https://rp.example/")


def test_a_closed_port_fails(free_port: Callable[[], int]) -> None:
    port = free_port()
    with pytest.raises(OutboundFailed):
        client(f"127.0.0.1:{port}").get(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("size", [0, 1, MAX_BODY])
def test_a_body_up_to_the_limit_is_taken(site: str, size: int) -> None:
    assert len(client(netloc(site)).get(f"{site}/bytes/{size}").body) == size


@pytest.mark.parametrize("path", ["bytes/65537", "bytes/5000000"])
def test_a_larger_body_is_refused_before_it_is_held(site: str, path: str) -> None:
    with pytest.raises(OutboundFailed) as caught:
        client(netloc(site)).get(f"{site}/{path}")
    assert "large" in caught.value.detail


@pytest.mark.parametrize("path", ["coded/br", "coded/deflate", "coded/gzip, gzip", "coded/gzip", "zipped/1"])
def test_an_encoding_that_was_not_asked_for_fails(site: str, path: str) -> None:
    with pytest.raises(OutboundFailed) as caught:
        client(netloc(site)).get(f"{site}/{path}")
    assert "encoding" in caught.value.detail


def test_no_compressed_answer_is_asked_for_and_none_is_unpacked(site: str) -> None:
    """What unpacks to nothing is no body that could be counted, however long it goes on: empty stored blocks."""
    assert client(netloc(site)).get(f"{site}/asked").body == b"identity"
    with pytest.raises(OutboundFailed) as caught:
        client(netloc(site)).get(f"{site}/nothing")
    assert "encoding" in caught.value.detail


def test_a_server_that_drips_is_cut_off_when_the_whole_time_is_over(drip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "TOTAL_SECONDS", 0.5)
    began = time.monotonic()
    with pytest.raises(OutboundFailed):
        client(netloc(drip)).get(drip)
    assert time.monotonic() - began < 60, "it drips for ever"


def test_a_slow_name_server_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "TOTAL_SECONDS", 0.3)
    released = threading.Event()

    def resolve(_host: str, _port: int) -> list[str]:
        released.wait(120)
        return ["93.184.216.34"]

    began = time.monotonic()
    with pytest.raises(OutboundFailed):
        client(resolve=resolve).get("https://rp.example/")
    assert time.monotonic() - began < 60
    released.set()


def test_the_error_text_tells_nothing_apart(site: str, free_port: Callable[[], int]) -> None:
    texts = set()
    for url in (f"{site}/echo", "https://10.0.0.1/", f"http://127.0.0.1:{free_port()}/", f"{site}/bytes/70000"):
        with pytest.raises(outbound.OutboundError) as caught:
            client(netloc(site) if url.endswith("70000") else "").get(url)
        texts.add(str(caught.value))
    assert texts == {"the address could not be called"}


def test_operators_are_told_what_failed_and_where_but_not_the_whole_address(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(outbound.OutboundError):
        client(resolve=lambda _host, _port: ["10.0.0.1"]).get("https://rp.example/keys?secret=x")
    assert [record.getMessage() for record in caplog.records] == [
        "GET 'https://rp.example:default': 'an address that is not public'"
    ]


# --- TLS ------------------------------------------------------------------------------------------------------------


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate for a host name, with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


@pytest.fixture
def tls_site(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A TLS server named rp.example that answers every connection; its port and certificate."""
    path = certificate(tmp_path, "rp.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer_all, args=(server, context))
        thread.start()
        yield server.getsockname()[1], path
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _answer_all(server: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with closing(connection):
            try:
                with context.wrap_socket(connection, server_side=True) as stream:
                    stream.recv(65536)
                    stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            except OSError:  # the caller did not trust us: that is its test
                continue


def test_a_private_authority_is_believed_only_from_the_ca_bundle(tls_site: tuple[int, Path]) -> None:
    port, bundle = tls_site
    allowed, url = f"rp.example:{port}", f"https://rp.example:{port}/"
    with pytest.raises(OutboundFailed):
        client(allowed, resolve=lambda _host, _port: ["127.0.0.1"]).get(url)
    trusting = client(allowed, resolve=lambda _host, _port: ["127.0.0.1"], ca_bundle=str(bundle))
    assert trusting.get(url).body == b"ok"


def test_a_certificate_for_another_name_is_refused(tls_site: tuple[int, Path]) -> None:
    port, bundle = tls_site
    other = client(f"other.example:{port}", resolve=lambda _host, _port: ["127.0.0.1"], ca_bundle=str(bundle))
    with pytest.raises(OutboundFailed):
        other.get(f"https://other.example:{port}/")


def test_https_to_a_private_address_is_refused_though_its_certificate_is_good(tls_site: tuple[int, Path]) -> None:
    port, bundle = tls_site
    with pytest.raises(OutboundRefused):
        client(resolve=lambda _host, _port: ["127.0.0.1"], ca_bundle=str(bundle)).get(f"https://rp.example:{port}/")


# --- many at once ---------------------------------------------------------------------------------------------------


class SlowNames:
    """A name server that answers when it is told to."""

    def __init__(self) -> None:
        self._asked = threading.Semaphore(0)
        self.may_answer = threading.Event()

    def __call__(self, _host: str, _port: int) -> list[str]:
        self._asked.release()
        self.may_answer.wait(30)
        return ["127.0.0.1"]

    def await_asked(self, times: int) -> None:
        assert all(self._asked.acquire(timeout=30) for _ in range(times))


def test_few_documents_are_waited_for_at_a_time_and_notices_are_not_counted(
    site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "TOTAL_SECONDS", 60.0)
    slow = SlowNames()
    hosts = [f"slow-{number}.example" for number in range(MOST_AT_ONCE)]
    caller = client(netloc(site), *(f"{host}:80" for host in hosts), resolve=slow)
    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        under_way = [pool.submit(caller.get, f"http://{host}/") for host in hosts]
        slow.await_asked(len(under_way))
        with pytest.raises(OutboundBusy):
            caller.get(f"{site}/echo")
        assert caller.post_form(f"{site}/echo", {"logout_token": "a"}).is_success
        slow.may_answer.set()
        assert all(isinstance(one.exception(30), OutboundFailed) for one in under_way)
    assert caller.get(f"{site}/echo").is_success  # every place is free again


def test_one_slow_host_never_has_every_place(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever registers one slow address must not stop the documents of all others by asking for it three times."""
    monkeypatch.setattr(outbound, "TOTAL_SECONDS", 60.0)
    slow = SlowNames()
    caller = client(netloc(site), "slow.example:80", "slow.example:8080", resolve=slow)
    with ThreadPoolExecutor(MOST_FOR_ONE) as pool:
        under_way = [pool.submit(caller.get, "http://slow.example/") for _ in range(MOST_FOR_ONE)]
        slow.await_asked(len(under_way))
        for again in ("", "other", "?x", "#x"):
            for host in ("slow.example", "SLOW.example", "slow.example.", "slow.example:8080"):
                with pytest.raises(OutboundBusy):
                    caller.get(f"http://{host}/{again}")
        for _ in range(2 * MOST_AT_ONCE):
            assert caller.get(f"{site}/echo").is_success
        slow.may_answer.set()
        assert all(isinstance(one.exception(30), OutboundFailed) for one in under_way)


def test_who_finds_too_many_names_being_looked_up_is_told_so_in_the_words_of_its_kind() -> None:
    slow = SlowNames()
    caller = client(resolve=slow)
    call = {"GET": caller.get, "POST": lambda url: caller.post_form(url, {})}
    for method, refusal in {"GET": OutboundBusy, "POST": OutboundFailed}.items():
        for number in range(MOST_LOOKUPS):
            with pytest.raises(httpcore.ConnectTimeout):
                caller._names[method].find(f"{number}.example", 443, 0)
        with pytest.raises(refusal):
            call[method]("https://other.example/")
    slow.may_answer.set()
