"""Registration of a natural person, step by step: number, code, identity, password and terms.

Every step is stored before it is answered, so that an interruption anywhere loses nothing; the account is made at the
end, in one transaction, once. People and the authority are asked outside any transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from federation.identifiers import check_mobile, normalise_mobile
from idp.accounts import identity
from idp.accounts.authority import AuthorityUnavailable
from idp.accounts.identity import Identity, NotConfirmed
from idp.accounts.messages import MessageNotSent
from idp.authn import one_time_codes, password_policy
from idp.authn.one_time_codes import TooManyMessages, Verdict
from idp.context import Context
from idp.domain.account import Account
from idp.domain.assurance import Proof
from idp.storage import accounts, registrations
from idp.storage.accounts import Identifier
from idp.storage.registrations import Registration

TERMS_VERSION = "2026-01"
IDENTITY_TRIES = 5  # wrong ones in one registration
TRIES_OF_PHONE = 20  # of any outcome in a day, however often the person begins anew
_DAY = timedelta(days=1)
_PURPOSE, _TRIES = "registration", "identity_tries"


class Step(StrEnum):
    """What the person must do next; the order is the meaning."""

    PHONE = "phone"
    CODE = "code"
    IDENTITY = "identity"
    PASSWORD = "password"  # noqa: S105
    DONE = "done"


class RegistrationMoved(Exception):
    """Another request has moved it on, or it is over: read again and show where it stands."""


class IdentityTaken(Exception):
    """The identity is proven and an account has it already: sign in instead."""


class PhoneTaken(Exception):
    """Meanwhile another account took the number."""


class NoMoreTries(Exception):
    """The identity was wrong too often."""


@dataclass(frozen=True)
class Progress:
    """What the person has given and proved so far; times in ISO 8601."""

    phone: str = ""
    phone_verified_at: str = ""
    name: str = ""
    id_number: str = ""
    identity_level: int = 0
    identity_verified_at: str = ""
    identity_tries: int = 0
    interaction: str = ""

    @property
    def tries_left(self) -> int:
        return max(0, IDENTITY_TRIES - self.identity_tries)


@dataclass(frozen=True)
class Texts:
    """The words of the messages, in the page's language."""

    code: Callable[[str], str]
    phone_known: str


def progress_of(registration: Registration | None) -> Progress:
    state = registration.state if registration else {}
    return Progress(**{name: value for name, value in state.items() if name in Progress.__dataclass_fields__})


def step_of(registration: Registration | None) -> Step:
    if registration is not None and registration.account_id is not None:
        return Step.DONE
    progress = progress_of(registration)
    if not progress.phone:
        return Step.PHONE
    if not progress.phone_verified_at:
        return Step.CODE
    return Step.PASSWORD if progress.identity_verified_at else Step.IDENTITY


def follow(context: Context, registration: Registration, interaction: str) -> None:
    """The person came from a service again: that is where they go on to in the end. Raises RegistrationMoved."""
    _store(context, registration, replace(progress_of(registration), interaction=interaction))


def begin(context: Context, interaction: str) -> tuple[Registration, str]:
    """A registration and the browser's secret by which it is taken up again."""
    expires_at = context.now + context.settings.registration_lifetime
    state = asdict(Progress(interaction=interaction))
    return registrations.add(context.db, context.vault, state, context.now, expires_at)


def read_phone(text: str) -> str:
    """The mobile number a person typed, in normal form. Raises InvalidIdentifier."""
    return check_mobile(normalise_mobile(text)).value


def give_phone(context: Context, registration: Registration, phone: str, *, address: str, texts: Texts) -> Registration:
    """Send a code to the number; to one that has an account, word of that. Either way the answer is the same.

    Raises TooManyMessages, MessageNotSent, RegistrationMoved.
    """
    is_known = accounts.find_by_identifier(context.db, context.vault, Identifier("phone", phone)) is not None
    before = progress_of(registration)
    progress = Progress(phone=phone, identity_tries=before.identity_tries, interaction=before.interaction)
    stored = _store(context, registration, progress)  # first: of two clicks one goes on and sends
    sending = {"holder": registration.id, "phone": phone, "address": address}
    try:
        one_time_codes.count_message(context, **sending)
    except TooManyMessages:
        context.db.rollback()
        raise
    code = one_time_codes.issue(context, _PURPOSE, holder=registration.id, phone=phone, is_decoy=is_known)
    context.db.commit()
    try:
        context.provider.parts["messages"].send(phone, texts.phone_known if is_known else texts.code(code))
    except MessageNotSent:
        one_time_codes.discount_message(context, **sending)
        context.db.commit()  # the answer will be a 5xx, which commits nothing
        raise
    return stored


def give_code(context: Context, registration: Registration, code: str) -> Verdict:
    """Judge the code; a right one proves the number. Raises RegistrationMoved."""
    progress = progress_of(registration)
    verdict = one_time_codes.judge(context, _PURPOSE, holder=registration.id, phone=progress.phone, code=code.strip())
    if verdict is Verdict.RIGHT:
        _store(context, registration, replace(progress, phone_verified_at=context.now.isoformat()))
    return verdict


def give_identity(context: Context, registration: Registration, given: Identity) -> None:
    """Have the authority confirm the identity. A try counts before the authority is asked, so parallel tries all
    count; when it cannot be asked the try is given back.

    Raises NoMoreTries, NotConfirmed, AuthorityUnavailable, IdentityTaken, RegistrationMoved.
    """
    progress = progress_of(registration)
    key = context.vault.blind_index("phone", progress.phone)
    if progress.tries_left == 0 or context.ephemeral.increment(_TRIES, key, _DAY) > TRIES_OF_PHONE:
        raise NoMoreTries
    trying = _store(context, registration, replace(progress, identity_tries=progress.identity_tries + 1))
    context.db.commit()
    try:
        level = identity.confirm(context, given)
    except AuthorityUnavailable:
        _store(context, trying, progress)
        context.db.commit()
        raise
    except NotConfirmed:
        if progress.tries_left == 1:
            raise NoMoreTries from None
        raise
    taken = accounts.find_by_identifier(context.db, context.vault, Identifier("id_number", given.id_number))
    if taken is not None:
        _store(context, trying, progress)
        raise IdentityTaken
    confirmed = replace(
        progress,
        name=given.name,
        id_number=given.id_number,
        identity_level=level,
        identity_verified_at=context.now.isoformat(),
    )
    _store(context, trying, confirmed)


def finish(context: Context, registration: Registration, password: str, *, locale: str) -> Account:
    """Make the account, once. The caller commits and signs the person in.

    Raises WeakPassword, PasswordsBusy, RegistrationMoved, PhoneTaken, IdentityTaken.
    """
    progress = progress_of(registration)
    password_policy.check_password(password, [progress.name, progress.phone, progress.id_number])
    context.db.commit()
    password_hash = context.provider.passwords.hash(password)
    try:
        account = _add_account(context, progress, password_hash, locale)
    except accounts.AccountExists:
        raise _taken(context, registration, progress) from None
    kept = Progress(interaction=progress.interaction)
    if not registrations.complete(context.db, context.vault, registration, account.id, asdict(kept)):
        context.db.rollback()
        raise RegistrationMoved
    return account


def _add_account(context: Context, progress: Progress, password_hash: str, locale: str) -> Account:
    proven = Identity(progress.name, progress.id_number)
    phone = {"phone_number": f"+86{progress.phone}", "phone_number_verified": True}
    return accounts.add(
        context.db,
        context.vault,
        claims={**proven.claims(), **phone, "locale": locale, "zoneinfo": "Asia/Shanghai"},
        now=context.now,
        phone=progress.phone,
        id_number=progress.id_number,
        password_hash=password_hash,
        locale=locale,
        terms_version=TERMS_VERSION,
        evidence=_evidence(progress),
    )


def _evidence(progress: Progress) -> list[Proof]:
    at_phone, at_identity = map(datetime.fromisoformat, (progress.phone_verified_at, progress.identity_verified_at))
    return [
        Proof(1, "local", "phone_code", at_phone),
        Proof(progress.identity_level, identity.SOURCE, identity.METHOD, at_identity),
    ]


def _taken(context: Context, registration: Registration, progress: Progress) -> Exception:
    """Why the account could not be made: this very registration made it, or somebody else has the number."""
    now_stored = registrations.find_by_id(context.db, context.vault, registration.id)
    if now_stored is None or now_stored.account_id is not None:
        return RegistrationMoved()
    taken = accounts.find_by_identifier(context.db, context.vault, Identifier("phone", progress.phone))
    return PhoneTaken() if taken else IdentityTaken()


def _store(context: Context, registration: Registration, progress: Progress) -> Registration:
    state = asdict(progress)
    if not registrations.save(context.db, context.vault, registration, state):
        raise RegistrationMoved
    return replace(registration, state=state, version=registration.version + 1)
