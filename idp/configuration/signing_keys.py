"""The provider's own keys in a configuration file: named with their times, the private half by reference.

A key the database has is never replaced; its times may change. A new one is given as a private JWK (RFC 7517) in a file
or an environment variable, as it is or sealed under the master key, which is how an export writes it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from idp.configuration.difference import differences
from idp.configuration.entries import SigningKeyEntry
from idp.configuration.sealing import opened
from idp.configuration.step import Refused, Step, place_of
from idp.context import Context
from idp.domain.signing_key import SigningKey
from idp.protocol import keys
from idp.storage import signing_keys


def plan(context: Context, entry: SigningKeyEntry, known: SigningKey | None) -> Step:
    """``known``: the key of that kid in the database. Raises Refused."""
    place = place_of("signing_keys", entry.kid)
    if known is None:
        wanted = _scheduled(context, entry, _new(context, entry, place))
        carry_out = partial(signing_keys.add, context.db, context.vault, wanted)
    else:
        if entry.alg != known.alg:
            raise Refused([f"{place}.alg: the key is one for {known.alg}"])
        wanted = _scheduled(context, entry, known)
        carry_out = partial(signing_keys.reschedule, context.db, wanted)
    if not wanted.published_at <= wanted.signs_from <= wanted.signs_until <= wanted.gone_at:
        raise Refused([f"{place}: is published, signs, signs no more and is gone in this order"])
    return Step(differences(place, described(known) if known else None, described(wanted)), carry_out)


def described(key: SigningKey) -> dict[str, Any]:
    """A key as a file would say it, without its private half."""
    names = ("kid", "alg", "published_at", "signs_from", "signs_until", "gone_at")
    return {name: getattr(key, name) for name in names}


def _new(context: Context, entry: SigningKeyEntry, place: str) -> SigningKey:
    if entry.private_key is None:
        raise Refused([f"{place}.private_key: is needed, the key is not in the database"])
    try:
        jwk = json.loads(opened(context, entry.private_key, entry.kid))
    except (json.JSONDecodeError, RecursionError):
        raise Refused([f"{place}.private_key: is no JSON"]) from None
    except ValueError as error:
        raise Refused([f"{place}.private_key: {error}"]) from error
    try:
        return keys.adopt(context, entry.kid, entry.alg, jwk)
    except ValueError as error:
        raise Refused([f"{place}.private_key: {error}"]) from error


def _scheduled(context: Context, entry: SigningKeyEntry, key: SigningKey) -> SigningKey:
    """The key with the times of the file; where it gives none, with those it has."""
    times: dict[str, datetime] = {
        name: value
        for name in ("published_at", "signs_from", "signs_until", "gone_at")
        if (value := getattr(entry, name)) is not None
    }
    return replace(key, **times)  # type: ignore[arg-type]
