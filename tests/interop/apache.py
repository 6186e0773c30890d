"""Apache with mod_auth_openidc as Debian ships it: a virtual host (port) a relying party, out of a temporary folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.person import Person
from tests.services import ServiceMissing

MODULES = Path("/usr/lib/apache2/modules")
_NEEDED = ("mpm_event", "authn_core", "authz_core", "authz_user", "dir", "env", "mime", "auth_openidc")
_START_SECONDS = 30
_SERVER = """
ServerRoot {folder}
PidFile {folder}/pid
ErrorLog {folder}/error.log
LogLevel warn auth_openidc:info
ServerName 127.0.0.1
TypesConfig /dev/null
DefaultRuntimeDir {folder}
{user}
{modules}
OIDCCacheType file
OIDCCacheDir {folder}/cache
"""
_HOST = """
Listen 127.0.0.1:{port}
<VirtualHost 127.0.0.1:{port}>
  DocumentRoot {folder}/pages
  OIDCCryptoPassphrase {passphrase}
  OIDCCookie rp_{port}
  OIDCRedirectURI http://127.0.0.1:{port}/protected/callback
  OIDCInfoHook iat access_token id_token userinfo session
  OIDCDefaultLoggedOutURL http://127.0.0.1:{port}/goodbye.html
  {directives}
  <Location /protected>
    AuthType openid-connect
    Require valid-user
  </Location>
</VirtualHost>
"""


@dataclass(frozen=True)
class ApacheParty:
    """One relying party: its address and what a browser sees there."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def callback(self) -> str:
        return f"{self.url}/protected/callback"

    def told(self, person: Person) -> dict[str, Any] | None:
        """What the module knows of the person's session in this browser; None without one."""
        page = person.open(f"{self.callback}?info=json")
        found: dict[str, Any] | None = json.loads(page.text) if page.status == 200 else None
        return found


@contextmanager
def running_apache(parties: Mapping[int, Mapping[str, str]]) -> Iterator[Path]:
    """Serve every party (port → directives of mod_auth_openidc); gives the folder, where ``error.log`` is."""
    program = shutil.which("apache2") or shutil.which("apache2", path="/usr/sbin")
    if program is None or not (MODULES / "mod_auth_openidc.so").exists():
        raise ServiceMissing("mod_auth_openidc is not installed: apt install libapache2-mod-auth-openidc")
    with tempfile.TemporaryDirectory(prefix="tongxing-apache-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        _write(folder, parties)
        command = [program, "-f", str(folder / "apache.conf"), "-DFOREGROUND"]
        with subprocess.Popen(command, env={"PATH": os.environ["PATH"]}) as process:  # noqa: S603 -- our own arguments
            try:
                _await(process, folder, min(parties))
                yield folder
            finally:
                process.terminate()
                process.wait(timeout=_START_SECONDS)


def _write(folder: Path, parties: Mapping[int, Mapping[str, str]]) -> None:
    for name in ("pages/protected", "cache"):
        (folder / name).mkdir(parents=True)
    (folder / "cache").chmod(0o777)
    (folder / "pages" / "protected" / "index.html").write_text("<title>in</title><p id='in'>signed in</p>")
    (folder / "pages" / "goodbye.html").write_text("<title>out</title><p id='out'>signed out</p>")
    modules = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in _NEEDED)
    user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
    text = _SERVER.format(folder=folder, modules=modules, user=user)
    for port, directives in parties.items():
        lines = "\n  ".join(f"{name} '{value}'" for name, value in directives.items())
        text += _HOST.format(port=port, folder=folder, passphrase=os.urandom(16).hex(), directives=lines)
    (folder / "apache.conf").write_text(text)


def _await(process: subprocess.Popen[bytes], folder: Path, port: int) -> None:
    ends = time.monotonic() + _START_SECONDS
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/goodbye.html", timeout=5)
            return
        except httpx.TransportError:
            if process.poll() is not None or time.monotonic() > ends:
                log = folder / "error.log"
                raise RuntimeError(log.read_text() if log.exists() else "Apache does not start") from None
            time.sleep(0.02)
