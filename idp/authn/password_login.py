"""Proving who one is by a password: the one place where passwords are checked, throttled and rehashed.

Known and unknown people cost the same: the same statements, always one hash, the same failures counted.
"""

from __future__ import annotations

from dataclasses import dataclass

from idp.authn.identifiers import identify
from idp.authn.throttle import MEMORY, Throttle
from idp.context import Context
from idp.crypto.passwords import PasswordsBusy
from idp.crypto.random import hash_secret
from idp.domain.account import Account, AccountStatus, Credentials
from idp.storage import accounts
from idp.storage.accounts import Identifier
from idp.storage.db import begin_reading

AMR = ("pwd",)  # RFC 8176 §2
MAX_BYTES = 4096  # of a password; more is refused before anything is computed


class WrongPassword(Exception):
    """No such person, no password or another password: the answer does not say which."""


class AccountNotActive(Exception):
    """The password was right, the account is frozen or closed."""

    def __init__(self, status: AccountStatus) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True)
class Place:
    """Where an attempt comes from; ``known_accounts`` signed in with this browser before."""

    address: str
    user_agent: str = ""
    device: str | None = None
    known_accounts: frozenset[str] = frozenset()

    def device_of(self, account: Account | None) -> str | None:
        """The browser's id if this person has signed in with it before."""
        return self.device if account is not None and account.id in self.known_accounts else None


def prove(context: Context, text: str, password: str, place: Place) -> Credentials:
    """Whose account it is, when ``text`` names it and the password is right.

    Ends the transaction before hashing, so that nothing is locked meanwhile. Raises TooManyFailures, WrongPassword,
    AccountNotActive, PasswordsBusy.
    """
    begin_reading(context.db)
    identifier = identify(text)
    credentials = accounts.find_credentials(context.db, context.vault, identifier, context.now)
    account = credentials.account if credentials else None
    stored = credentials.password_hash if credentials else None
    _check(context, _person(identifier, account, text), account, stored, password, place)
    if credentials is None:
        raise WrongPassword  # cannot be reached: nobody's password is never right
    if not credentials.account.is_active:
        raise AccountNotActive(credentials.account.status)
    return credentials


def prove_person(context: Context, account: Account, password: str, place: Place) -> None:
    """The same for a person who is known already and confirms it; the same counters count.

    Raises TooManyFailures, WrongPassword, PasswordsBusy.
    """
    stored = accounts.find_password_hash(context.db, account.id)
    _check(context, account.id, account, stored, password, place)


def _check(
    context: Context, person: str, account: Account | None, stored: str | None, password: str, place: Place
) -> None:
    throttle = Throttle(context, person=person, address=place.address, device=place.device_of(account))
    throttle.check_wait()
    context.db.commit()
    if not context.provider.passwords.verify(stored, password) or account is None or stored is None:
        throttle.record_failure()
        accounts.record_failure(context.db, account.id if account else "", context.now, MEMORY)
        raise WrongPassword
    _rehash(context, account.id, stored, password)
    throttle.record_success()


def _person(identifier: Identifier, account: Account | None, text: str) -> str:
    """One name for one person; where there is no account what was typed, hashed: it may be somebody's number."""
    return account.id if account else hash_secret(f"{identifier.kind}\n{identifier.value or text}")


def _rehash(context: Context, account_id: str, stored: str, password: str) -> None:
    """Store the password under today's parameters; when the pool is full the next login does it."""
    passwords = context.provider.passwords
    if not passwords.needs_rehash(stored):
        return
    try:
        accounts.rehash_password(context.db, account_id, stored, passwords.hash(password))
    except PasswordsBusy:
        return
