"""Whether an account may be used: frozen, closed, active again. A stopped account's sessions end everywhere."""

from __future__ import annotations

from idp.context import Context
from idp.domain.account import Account, AccountStatus
from idp.protocol.logout import end_session
from idp.storage import accounts, grants, sessions


def set_status(context: Context, account: Account, status: AccountStatus) -> None:
    """Store the status; what a stopped account has given out is revoked, offline access included."""
    accounts.set_status(context.db, account.id, status, context.now)
    if status is AccountStatus.ACTIVE:
        return
    for session in sessions.list_alive(context.db, account.id, context.now):
        end_session(context, session, reason=status.value)
    grants.revoke_of_account(context.db, account.id, status.value, context.now)
