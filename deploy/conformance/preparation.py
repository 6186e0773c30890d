"""Fills ``provider.toml.in`` and writes the suite's configurations, for one provider and one suite."""

from __future__ import annotations

import argparse
import json
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from material import Material, write_private
from pages import Pages
from plans import Plans

HERE = Path(__file__).resolve().parent
USERNAME = "conformance"
_DEFAULT_PORTS = {"https": 443, "http": 80}


def main() -> None:
    options = _options()
    folder: Path = options.out.resolve()
    material = Material(folder)
    material.make()
    authority = _keep_authority(folder, options.suite_ca)
    words = _words(options, folder, authority)
    template = (HERE / "provider.toml.in").read_text()
    write_private(folder / "provider.toml", re.sub(r"@([A-Z_]+)@", lambda found: words[found[1]], template))
    pages = Pages(options.issuer, words["SUITE"], USERNAME, material.secret("password"))
    plans = list(Plans(options.issuer, options.mtls, options.alias, pages, material).all())
    (folder / "suite").mkdir(mode=0o700, exist_ok=True)
    for plan in plans:
        write_private(folder / f"suite/{plan.name}.json", json.dumps(plan.body, indent=1) + "\n")
    write_private(folder / "suite/plans.txt", "".join(f"{plan.name}.json\t{plan.plan}\n" for plan in plans))
    print(f"{folder}/provider.toml: for TONGXING_CONFIG and `tongxing import`")
    print(f"{folder}/suite/: {len(plans)} configurations; plans.txt says for which plan")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--issuer", type=_base, required=True, help="the provider's public base URL")
    parser.add_argument("--mtls", type=_base, required=True, help="base URL of its host for client certificates")
    parser.add_argument("--suite", type=_base, default="https://localhost.emobix.co.uk:8443", help="%(default)s")
    parser.add_argument("--suite-ca", type=Path, help="PEM file of the suite's certificate authority, if a private one")
    parser.add_argument("--alias", default="tongxing", help="part of the suite's callback addresses: %(default)s")
    parser.add_argument("--database", help="SQLAlchemy URL; a SQLite file in the folder if not given")
    parser.add_argument("--redis", default="", help="Redis URL; none: ephemeral values in the database")
    parser.add_argument("--out", type=Path, default=Path("var/conformance"), help="folder to write to: %(default)s")
    return parser.parse_args()


def _base(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError("a base URL is needed, like https://login.example")
    return text.rstrip("/")


def _keep_authority(folder: Path, given: Path | None) -> str:
    """The suite's authority beside the rest, so that the folder can be moved to the provider's machine as a whole."""
    if given is None:
        return ""
    kept = folder / "keys/suite-ca.pem"
    shutil.copyfile(given, kept)
    return str(kept)


def _words(options: argparse.Namespace, folder: Path, authority: str) -> dict[str, str]:
    suite = urlsplit(options.suite)
    return {
        "ISSUER": options.issuer,
        "MTLS": options.mtls,
        "FOLDER": str(folder),
        "DATABASE": options.database or f"sqlite:///{folder}/provider.sqlite3",
        "REDIS": options.redis,
        "SUITE": f"{options.suite}/test/a/{options.alias}",
        "SUITE_HOST": f"{suite.hostname}:{suite.port or _DEFAULT_PORTS[suite.scheme]}",
        "SUITE_CA": authority,
    }
