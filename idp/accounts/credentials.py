"""Changes of a person's own credentials: password and username."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.authn import password_login, password_policy
from idp.authn.identifiers import check_username, normalise_username
from idp.authn.password_login import Place
from idp.context import Context
from idp.domain.account import Account
from idp.domain.session import Session
from idp.storage import accounts, grants


def personal_words(username: str | None, claims: Mapping[str, Any]) -> list[str]:
    """What must not make up the password of the person with this username and these claims."""
    phone = str(claims.get("phone_number") or "").removeprefix("+86")
    words = [username, claims.get("name"), claims.get("id_number"), claims.get("email"), phone]
    return [str(word) for word in words if word]


def change_password(
    context: Context, account: Account, session: Session, *, present: str, new: str, place: Place
) -> None:
    """Set a new password, after proving the present one where there is one. What other sessions gave out is revoked,
    offline access included; ending those sessions themselves is the person's choice.

    Raises WrongPassword, TooManyFailures, WeakPassword, PasswordsBusy.
    """
    password_policy.check_password(new, personal_words(account.username, account.claims))
    if accounts.find_password_hash(context.db, account.id) is not None:
        password_login.prove_person(context, account, present, place)
    context.db.commit()
    password_hash = context.provider.passwords.hash(new)
    accounts.set_password(context.db, account.id, password_hash, context.now)
    grants.revoke_of_other_sessions(context.db, account.id, session.id, "password_changed", context.now)


def change_username(context: Context, account: Account, text: str) -> str:
    """Raises InvalidUsername, AccountExists when it is taken."""
    username = normalise_username(text)
    check_username(username)
    if username != account.username:
        accounts.set_username(context.db, account.id, username, context.now)
    return username
