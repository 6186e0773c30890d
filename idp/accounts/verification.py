"""Verifying the identity of somebody who has an account: by name and ID number, as in a registration.

For people who came through another platform, or whose account was made without it: what others vouch for counts in
logins through them only.
"""

from __future__ import annotations

from datetime import timedelta

from idp.accounts import identity
from idp.accounts.identity import Identity
from idp.context import Context
from idp.domain.account import Account
from idp.domain.assurance import Proof
from idp.storage import accounts
from idp.storage.accounts import AccountExists, Identifier

TRIES_OF_PERSON = 5  # in a day
_DAY = timedelta(days=1)
_TRIES = "verification_tries"


class IdentityDiffers(Exception):
    """The account belongs to another name or number than the one given."""


class IdentityTaken(Exception):
    """Another account has this identity."""


class NoMoreTries(Exception):
    """Tried too often today."""


def known_identity(account: Account) -> Identity | None:
    """The identity that the account is of already."""
    name, id_number = account.claims.get("name"), account.claims.get("id_number")
    is_known = bool(name and id_number) and account.claims.get("id_type") == identity.ID_TYPE
    return Identity(str(name), str(id_number)) if is_known else None


def verify(context: Context, account: Account, given: Identity) -> int:
    """Have the authority confirm the identity and store the proof; the level it is worth. The authority is asked
    outside a transaction.

    Raises IdentityDiffers, IdentityTaken, NoMoreTries, NotConfirmed, AuthorityUnavailable.
    """
    known = known_identity(account)
    if known is not None and known != given:
        raise IdentityDiffers
    if context.ephemeral.increment(_TRIES, account.id, _DAY) > TRIES_OF_PERSON:
        raise NoMoreTries
    context.db.commit()
    level = identity.confirm(context, given)
    taken = accounts.find_by_identifier(context.db, context.vault, Identifier("id_number", given.id_number))
    if taken is not None and taken.id != account.id:
        raise IdentityTaken
    _store(context, account, given)
    proof = Proof(level, identity.SOURCE, identity.METHOD, context.now)
    accounts.add_proof(context.db, account.id, proof, context.now)
    return level


def _store(context: Context, account: Account, given: Identity) -> None:
    claims = {**account.claims, **given.claims()}
    try:
        accounts.update_claims(context.db, context.vault, account.id, claims, context.now, id_number=given.id_number)
    except AccountExists:
        raise IdentityTaken from None
