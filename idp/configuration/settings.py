"""The settings a provider runs with, beside those of a configuration file: they are read at start, never imported.

Secrets are neither compared nor written. An upstream's private key is written as a reference to an environment variable
that the operator fills.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import timedelta
from typing import Any

from joserfc.jwk import ECKey

from idp.config import SECRETS, Settings, SettingsError, from_table
from idp.configuration.difference import Change, differences
from idp.configuration.step import Refused
from idp.references import is_reference

_STAND_IN = ECKey.generate_key("P-256").as_dict(private=True)  # for a private key that is elsewhere


def described(settings: Settings) -> dict[str, Any]:
    """Every setting that is no secret, as a file would say it."""
    names = [item.name for item in fields(Settings) if item.name not in SECRETS]
    found = {name: _plain(getattr(settings, name)) for name in names}
    found["upstreams"] = [_upstream(item) for item in found["upstreams"]]
    return found


def compared(table: Mapping[str, Any], running: Settings, name: str) -> list[Change]:
    """What this process, with its own settings, does otherwise than the file says. Raises Refused for a file that no
    process could start with; what it leaves out is judged as this process has it, whose environment may say it."""
    visible = {key: value for key, value in table.items() if key not in SECRETS}
    present = described(running)
    try:
        wanted = described(from_table(_without_references(present | visible)))
    except SettingsError as error:
        raise Refused([f"{name}: {error}"]) from error
    return differences(name, {key: present[key] for key in visible}, {key: wanted[key] for key in visible})


def _without_references(table: dict[str, Any]) -> dict[str, Any]:
    """The table with nothing to look for elsewhere; what is no list of tables is left to be refused."""
    upstreams = table["upstreams"]
    if not isinstance(upstreams, list):
        return table
    return table | {"upstreams": [_with_key(item) for item in upstreams]}


def _with_key(upstream: Any) -> Any:
    if not isinstance(upstream, Mapping) or not is_reference(upstream.get("private_jwk")):
        return upstream
    return {**upstream, "private_jwk": _STAND_IN}


def _upstream(table: dict[str, Any]) -> dict[str, Any]:
    variable = f"TONGXING_UPSTREAM_{str(table['name']).upper().replace('-', '_')}_KEY"
    return {**table, "private_jwk": {"env": variable}}


def _plain(value: Any) -> Any:
    """As TOML has it: times in seconds, tuples as lists, dataclasses as tables."""
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return int(seconds) if seconds.is_integer() else seconds
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return _plain(asdict(value)) if hasattr(value, "__dataclass_fields__") else value
