"""People of a configuration file: who is meant, what the database has of them, what the file wants, how to get there.

What an entry does not give stays as it is; claims are given as a whole. A proof is something that happened: an import
adds those that are missing and removes none, and lowers nobody's level.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from idp.accounts.credentials import personal_words
from idp.accounts.identity import ID_TYPE
from idp.accounts.standing import set_status
from idp.authn.password_policy import WeakPassword, check_password
from idp.configuration.difference import differences
from idp.configuration.entries import PersonEntry, ProofEntry
from idp.configuration.step import Refused, Step, place_of
from idp.context import Context
from idp.crypto.passwords import as_made, foreign, is_foreign
from idp.domain.account import Account, AccountStatus
from idp.domain.assurance import OWN_SOURCES, Proof, strongest
from idp.storage import accounts, people
from idp.storage.accounts import Identifier
from idp.storage.people import Record

METHOD = "import"
"""How a level was proved that the file states and no proof of it gives."""
_HIDDEN = ("claims", "phone", "id_number", "password")


@dataclass(frozen=True)
class _Wanted:
    """What a person is to be, in the words of the database; ``password`` is still to be hashed."""

    record: Record
    phone: str | None
    id_number: str | None
    password: str | None = None


def plan(context: Context, entry: PersonEntry, meant: dict[str, str]) -> Step:
    """``meant``: whom the entries before this one meant (account, place of the entry); two that mean one person would
    each undo the other. Raises Refused."""
    place = place_of("people", entry.label)
    known = _find(context, entry)
    if known is not None:
        if known.account.id in meant:
            raise Refused([f"{place}: is the same person as {meant[known.account.id]}"])
        meant[known.account.id] = place
    problems = [f"{place}.{text}" for text in _problems(context, entry, known)]
    if problems:
        raise Refused(problems)
    wanted = _wanted(context, entry, known)
    before = None if known is None else _compared(known)
    after = _compared(wanted.record) | ({"password": None} if wanted.password is not None else {})
    carry_out = partial(_add, context, wanted) if known is None else partial(_update, context, wanted, known)
    return Step(differences(place, before, after, hidden=_HIDDEN), carry_out)


def described(record: Record, now: datetime, *, with_passwords: bool) -> dict[str, Any]:
    """A person as a file would say it."""
    account, found = record.account, _compared(record)
    password = found.pop("password", None)
    if password is not None and with_passwords:
        found["password_hash" if is_foreign(password) else "peppered_password_hash"] = as_made(password)
    if account.level == _own_level(record.proofs, now):
        del found["level"]
    return found


def _compared(record: Record) -> dict[str, Any]:
    account = record.account
    found = {
        "username": account.username,
        "subject": account.subject,
        "phone": str(account.claims["phone_number"]).removeprefix("+86") if record.has_phone_index else None,
        "id_number": account.claims["id_number"] if record.has_id_number_index else None,
        "status": str(account.status),
        "locale": account.locale,
        "level": account.level,
        "password": record.password_hash,
        "terms_version": record.terms_version,
        "proofs": [_proof_table(proof) for proof in record.proofs],
        "claims": {name: value for name, value in account.claims.items() if value is not None},
    }
    return {name: value for name, value in found.items() if value not in (None, "")}


def _proof_table(proof: Proof) -> dict[str, Any]:
    return {name: value for name, value in vars(proof).items() if value is not None}


def _find(context: Context, entry: PersonEntry) -> Record | None:
    if entry.subject:
        found = people.find_by_subject(context.db, context.vault, entry.subject)
        if found is not None:
            return found
    for identifier in _identifiers(entry):
        account = accounts.find_by_identifier(context.db, context.vault, identifier)
        if account is not None:
            return people.find_by_id(context.db, context.vault, account.id)
    return None


def _identifiers(entry: PersonEntry) -> Iterator[Identifier]:
    for kind in ("username", "phone", "id_number"):
        value = getattr(entry, kind)
        if value is not None:
            yield Identifier(kind, value)


def _problems(context: Context, entry: PersonEntry, known: Record | None) -> Iterator[str]:
    """What only the database can tell to be wrong."""
    if known is not None and entry.subject not in (None, known.account.subject):
        yield "subject: the person has another one"
    for identifier in _identifiers(entry):
        owner = accounts.find_by_identifier(context.db, context.vault, identifier)
        if owner is not None and known is not None and owner.id != known.account.id:
            yield f"{identifier.kind}: belongs to another person"
    claims = _claims(entry, known)
    for name, claim, has_index in (
        ("phone", "phone_number", known and known.has_phone_index),
        ("id_number", "id_number", known and known.has_id_number_index),
    ):
        given = getattr(entry, name)
        stated = str(claims.get(claim) or "").removeprefix("+86")
        if given is not None and stated != given:
            yield f"claims.{claim}: is not the person's {name}"
        if given is None and has_index and known and claims.get(claim) != known.account.claims.get(claim):
            yield f"{name}: must be given where claims.{claim} changes"
    if entry.password is not None:
        try:
            check_password(entry.password, personal_words(entry.username, claims))
        except WeakPassword as error:
            yield f"password: {error.weakness.value}"


def _claims(entry: PersonEntry, known: Record | None) -> dict[str, Any]:
    """The claims as they are to be; the numbers to sign in with are claims too."""
    stored = known.account.claims if known else {}
    claims: dict[str, Any] = dict(stored) if entry.claims is None else entry.claims.as_dict()
    if entry.phone is not None and "phone_number" not in claims:
        claims |= {"phone_number": f"+86{entry.phone}", "phone_number_verified": True}
    if entry.id_number is not None and "id_number" not in claims:
        claims |= {"id_type": ID_TYPE, "id_number": entry.id_number}
    return claims


def _wanted(context: Context, entry: PersonEntry, known: Record | None) -> _Wanted:
    before = known or _nobody(context.now)
    account = before.account
    proofs = _proofs(context, entry, before)
    level = max(account.level, _own_level(proofs, context.now), entry.level or 0)
    stored, password = _password(context, entry, before)
    record = Record(
        account=replace(
            account,
            subject=entry.subject or account.subject,
            status=entry.status or account.status,
            level=level,
            username=entry.username or account.username,
            locale=entry.locale or account.locale,
            claims=_claims(entry, known),
        ),
        proofs=proofs,
        password_hash=stored,
        terms_version=entry.terms_version or before.terms_version,
        has_phone_index=entry.phone is not None or before.has_phone_index,
        has_id_number_index=entry.id_number is not None or before.has_id_number_index,
    )
    return _Wanted(record, entry.phone, entry.id_number, password)


def _nobody(now: datetime) -> Record:
    return Record(Account("", "", AccountStatus.ACTIVE, 0, now, now), (), None, None, False, False)


def _password(context: Context, entry: PersonEntry, before: Record) -> tuple[str | None, str | None]:
    """The stored hash as it is to be, and a password of which it is still to be made."""
    if entry.password is not None:
        is_right = context.provider.passwords.verify(before.password_hash, entry.password)
        return before.password_hash, None if is_right else entry.password
    if entry.password_hash is not None:
        return foreign(entry.password_hash), None
    return entry.peppered_password_hash or before.password_hash, None


def _proofs(context: Context, entry: PersonEntry, before: Record) -> tuple[Proof, ...]:
    given = [_proof(item) for item in entry.proofs or ()]
    found = [*before.proofs, *(proof for proof in given if proof not in before.proofs)]
    is_stated = entry.proofs is None and entry.level is not None
    if is_stated and (entry.level or 0) > _own_level(found, context.now):
        found.append(Proof(entry.level or 0, OWN_SOURCES[0], METHOD, context.now))
    return tuple(found)


def _proof(entry: ProofEntry) -> Proof:
    return Proof(**dict(entry))


def _own_level(proofs: Iterable[Proof], now: datetime) -> int:
    best = strongest((proof for proof in proofs if proof.source in OWN_SOURCES), now)
    return best.level if best else 0


def _add(context: Context, wanted: _Wanted) -> None:
    record, account = wanted.record, wanted.record.account
    hashed = context.provider.passwords.hash(wanted.password) if wanted.password is not None else record.password_hash
    made = accounts.add(
        context.db,
        context.vault,
        claims=account.claims,
        now=context.now,
        username=account.username,
        phone=wanted.phone,
        id_number=wanted.id_number,
        password_hash=hashed,
        locale=account.locale,
        terms_version=record.terms_version,
        subject=account.subject or None,
    )
    _add_proofs(context, made.id, record.proofs, account.level)
    if account.status is not AccountStatus.ACTIVE:
        set_status(context, made, account.status)


def _update(context: Context, wanted: _Wanted, known: Record) -> None:
    record, account, old = wanted.record, wanted.record.account, known.account
    db, now = context.db, context.now
    numbers = {"phone": wanted.phone, "id_number": wanted.id_number, "locale": account.locale}
    accounts.update_claims(db, context.vault, old.id, account.claims, now, **numbers)
    if account.username is not None and account.username != old.username:
        accounts.set_username(db, old.id, account.username, now)
    if wanted.password is not None:
        accounts.set_password(db, old.id, context.provider.passwords.hash(wanted.password), now)
    elif record.password_hash is not None and record.password_hash != known.password_hash:
        accounts.set_password(db, old.id, record.password_hash, now)
    if record.terms_version is not None and record.terms_version != known.terms_version:
        people.set_terms(db, old.id, record.terms_version, now)
    _add_proofs(context, old.id, [proof for proof in record.proofs if proof not in known.proofs], account.level)
    if account.status is not old.status:
        set_status(context, old, account.status)


def _add_proofs(context: Context, account_id: str, proofs: Iterable[Proof], level: int) -> None:
    for proof in proofs:
        accounts.add_proof(context.db, account_id, proof, context.now, raises_level=False)
    accounts.raise_level(context.db, account_id, level, context.now)
