"""A registration survives the process: killed without warning at any moment, nothing confirmed is lost, nothing half
made remains, and what was under way goes on.
"""

from __future__ import annotations

import http.cookiejar
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine

from idp.crypto.vault import Vault
from idp.storage import accounts
from idp.storage.accounts import Identifier
from idp.storage.db import Db
from tests.idp.people import NEW_PASSWORD, id_number
from tests.schema import MASTER_KEY

ROOT = Path(__file__).resolve().parents[3]
SERVER = """
import sys
from pathlib import Path
from werkzeug.serving import make_server
from idp.app import create_app
from idp.config import Settings
from tests import schema
from tests.idp.people import Register, id_number

class Messages:
    def send(self, recipient, text, *, subject=""):
        with open(sys.argv[3], "a", encoding="utf-8") as file:
            file.write(f"{recipient} {text}\\n")

people = {id_number(serial): "王强" for serial in range(200)}
settings = Settings(
    issuer=f"http://127.0.0.1:{sys.argv[2]}", database_url=sys.argv[1], master_key=sys.argv[4],
    argon2_memory_kib=1024, worker="none",
)
app = create_app(settings, parts={"authority": Register(people=people), "messages": Messages()})
schema.load_keys(app.extensions["tongxing"])
server = make_server("127.0.0.1", int(sys.argv[2]), app, threaded=True)
print("ready", flush=True)
server.serve_forever()
"""


class Service:
    """The provider in a process of its own, which can be killed and started again."""

    def __init__(self, database_url: str, port: int, messages: Path) -> None:
        self._arguments = [sys.executable, "-c", SERVER, database_url, str(port), str(messages), MASTER_KEY]
        self.base_url, self._messages = f"http://127.0.0.1:{port}", messages
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and text
            self._arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def code_of(self, phone: str) -> str:
        sent = [line for line in self._messages.read_text(encoding="utf-8").splitlines() if line.startswith(phone)]
        found = re.search(r" (\d{6})\b", sent[-1])
        assert found is not None
        return found.group(1)


@pytest.fixture
def service(engine_url: str, free_port: Callable[[], int], tmp_path: Path) -> Iterator[Service]:
    running = Service(engine_url, free_port(), tmp_path / "messages.txt")
    yield running
    running.kill()


class Person:
    """A browser that registers one person, and that outlives the service."""

    def __init__(self, service: Service, serial: int) -> None:
        self.service, self.phone, self.id_number = service, f"138{serial:08}", id_number(serial)
        self.http = httpx.Client(base_url=service.base_url, cookies=http.cookiejar.CookieJar(), timeout=20)

    def post(self, step: str, **data: str) -> int:
        page = self.http.get("/login").text
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert found is not None
        answer = self.http.post(f"/register/{step}", data={"csrf_token": found.group(1), **data})
        return answer.status_code if answer.headers.get("Location") != "/register" else 0

    def step(self) -> str:
        page = self.http.get("/register").text
        for step in ("code", "identity", "password"):
            if f'action="/register/{step}"' in page:
                return step
        return "done" if 'id="register-continue"' in page else "phone"

    def go_on(self, until: str = "done") -> None:
        """Take whatever step is next, until `until` is."""
        data = {
            "phone": lambda: {"phone": self.phone},
            "code": lambda: {"code": self.service.code_of(self.phone)},
            "identity": lambda: {"name": "王强", "id_number": self.id_number},
            "password": lambda: {"password": NEW_PASSWORD, "repeated": NEW_PASSWORD, "terms": "y"},
        }
        for _ in range(8):
            step = self.step()
            if step == until or self.is_signed_in():
                return
            self.post(step, **data[step]())
        raise AssertionError(f"stuck at {self.step()}")

    def is_signed_in(self) -> bool:
        return self.http.get("/account").status_code == 200


def is_account(database_url: str, number: str) -> bool:
    engine = create_engine(database_url)
    with Db(engine) as db:
        found = accounts.find_by_identifier(db, Vault(MASTER_KEY), Identifier("id_number", number))
        is_whole = found is not None and len(accounts.list_proofs(db, found.id)) == 2
    engine.dispose()
    assert found is None or is_whole, "an account without its proofs"
    return found is not None


def test_a_confirmed_registration_survives_kill_nine(service: Service, engine_url: str) -> None:
    person = Person(service, 1)
    person.go_on("password")
    assert person.post("password", password=NEW_PASSWORD, repeated=NEW_PASSWORD, terms="y") == 303
    service.kill()
    assert is_account(engine_url, person.id_number)
    service.start()
    assert person.is_signed_in()


def test_a_registration_under_way_goes_on_after_kill_nine(service: Service, engine_url: str) -> None:
    person = Person(service, 2)
    for step in ("code", "identity", "password"):
        person.go_on(step)
        service.kill()
        assert not is_account(engine_url, person.id_number)
        service.start()
        assert person.step() == step
    person.go_on()
    assert is_account(engine_url, person.id_number)


def test_killed_in_the_middle_of_many_registrations_none_is_lost_or_half_made(
    service: Service, engine_url: str
) -> None:
    people = [Person(service, serial) for serial in range(10, 16)]
    for person in people:
        person.go_on("password")
    confirmed: set[str] = set()

    def finish(person: Person) -> None:
        try:
            if person.post("password", password=NEW_PASSWORD, repeated=NEW_PASSWORD, terms="y") == 303:
                confirmed.add(person.id_number)
        except httpx.HTTPError:
            return  # killed before it answered: the outcome is unknown to the person

    threads = [threading.Thread(target=finish, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    while not confirmed and time.monotonic() < deadline:
        time.sleep(0.005)  # the kill shall come while the others are under way
    service.kill()
    for thread in threads:
        thread.join()
    assert confirmed
    for person in people:
        is_there = is_account(engine_url, person.id_number)
        assert is_there or person.id_number not in confirmed
    service.start()
    for person in people:
        person.go_on()
        assert is_account(engine_url, person.id_number)
