"""A request object's members as authorization parameters: JSON values become the texts the checks expect.

OpenID Connect Core §6.1 (numbers and objects stand in the object as JSON, everything else as a string), RFC 8707 §2
(``resource`` may be an array), RFC 9101 §4 (extension parameters are allowed; those not known here are ignored).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from idp.protocol.messages import Pairs

TEXTS = frozenset(
    {"response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "response_mode"}
    | {"code_challenge", "code_challenge_method", "dpop_jkt", "prompt", "display", "login_hint", "id_token_hint"}
    | {"ui_locales", "claims_locales", "acr_values", "idp_hint"}
)
NUMBERS = frozenset({"max_age"})
OBJECTS = frozenset({"claims", "registration"})
LISTS = frozenset({"resource"})
KNOWN = TEXTS | NUMBERS | OBJECTS | LISTS
ABOUT_THE_OBJECT = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "sub"})


class WrongType(ValueError):
    """The text names the member."""


def parameters_of(claims: Mapping[str, Any]) -> Pairs:
    """Raises WrongType for a known parameter that is neither of its JSON type nor a string."""
    return tuple(pair for name, value in claims.items() if name not in ABOUT_THE_OBJECT for pair in _pairs(name, value))


def _pairs(name: str, value: Any) -> Iterator[tuple[str, str]]:
    for item in value if name in LISTS and isinstance(value, list) else (value,):
        text = _text(name, item)
        if text is not None and _is_text(text) and _is_text(name):
            yield name, text
        elif name in KNOWN:
            raise WrongType(name)


def _text(name: str, value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if name in NUMBERS and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if name in OBJECTS and isinstance(value, dict):
        return _written(value)
    return None


def _written(value: dict[str, Any]) -> str | None:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:  # what could just be read may be too deep to be written
        return None


def _is_text(text: str) -> bool:
    """Whether it can be written at all: JSON can name half a character (RFC 8259 §8.2)."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
