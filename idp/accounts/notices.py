"""Notices: telling a person of what happened to their account, durably, by the outbox.

Written in the transaction of their cause, sealed at rest, sent by :mod:`idp.accounts.messages`.
"""

from __future__ import annotations

from idp.accounts.messages import MessageNotSent
from idp.context import Context, Provider
from idp.domain.account import Account
from idp.outbox import DeliveryFailed
from idp.storage import outbox
from idp.storage.outbox import Delivery

KIND = "notice"


def notify(context: Context, account: Account, text: str, *, subject: str) -> None:
    """Tell the person by their verified phone, else by mail; without either there is nobody to tell."""
    recipient = _recipient(account)
    if recipient is None:
        return
    sealed = context.vault.seal_text(KIND, {"recipient": recipient, "text": text, "subject": subject})
    payload = {"sealed": sealed}
    outbox.add(context.db, kind=KIND, batch=account.id, recipient=account.id, payload=payload, now=context.now)


def deliver(provider: Provider, delivery: Delivery) -> None:
    """The outbox's handler of the kind "notice". Raises DeliveryFailed."""
    notice = provider.vault.open_text(KIND, delivery.payload["sealed"])
    try:
        provider.parts["messages"].send(notice["recipient"], notice["text"], subject=notice["subject"])
    except MessageNotSent as error:
        raise DeliveryFailed(str(error)) from error


def _recipient(account: Account) -> str | None:
    phone, mail = account.claims.get("phone_number"), account.claims.get("email")
    if phone and account.claims.get("phone_number_verified"):
        return str(phone).removeprefix("+86")
    return str(mail) if mail and account.claims.get("email_verified") else None
