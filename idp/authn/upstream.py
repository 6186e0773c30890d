"""Which account here is the person another provider vouches for: found, linked, created, or to be bound by hand.

OpenID Connect Core §5.7: an identity is (issuer, subject). A first login finds its account by verified number and
exact name and by nothing else; whatever does not fit exactly is bound by the person, after proving the account here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from idp.authn.upstream_identity import UpstreamIdentity
from idp.context import Context
from idp.domain.account import Account
from idp.storage import accounts, linked_identities
from idp.storage.accounts import AccountExists, Identifier
from idp.storage.linked_identities import AlreadyLinked, LinkedIdentity

_TRIES = 3
"""How often a match is made anew when another request changed what it rests on."""
VERSION = "identity_version"
"""The claim that keeps how new the authoritative attributes are; never released to anybody."""


class Match(StrEnum):
    LINKED = "linked"  # this identity is known: its account
    FOUND = "found"  # an account with the same verified number and name: link it
    NEW = "new"  # nobody here yet: create the account
    CLASH = "clash"  # must be bound by hand; the reason says why
    INSUFFICIENT = "insufficient"  # not proved well enough to be matched
    REFUSED = "refused"  # must not sign in; the reason says why


@dataclass(frozen=True)
class Verdict:
    """``reason``: name_differs, already_linked, unproved (clash); account_inactive, number_changed (refused)."""

    match: Match
    account: Account | None = None
    reason: str = ""


def judge(
    identity: UpstreamIdentity, linked: Account | None, same_number: Account | None, is_other_linked: bool
) -> Verdict:
    """The rule, pure. ``linked``: the account of (issuer, subject); ``same_number``: the one with the identity's
    number; ``is_other_linked``: whether the latter is linked to another identity of that issuer."""
    if linked is not None:
        return _judge_linked(identity, linked)
    if identity.missing:
        return Verdict(Match.INSUFFICIENT)
    if same_number is None:
        return Verdict(Match.NEW)
    if not same_number.is_active:
        return Verdict(Match.REFUSED, same_number, "account_inactive")
    clashes = {
        "name_differs": not identity.is_named(same_number) or not identity.is_numbered(same_number),
        "already_linked": is_other_linked,
        "unproved": same_number.level < 2,
    }
    reason = next((name for name, is_so in clashes.items() if is_so), "")
    return Verdict(Match.CLASH if reason else Match.FOUND, same_number, reason)


def _judge_linked(identity: UpstreamIdentity, linked: Account) -> Verdict:
    if not linked.is_active:
        return Verdict(Match.REFUSED, linked, "account_inactive")
    if identity.id_number and linked.claims.get("id_number") and not identity.is_numbered(linked):
        # The subject was given to somebody else, or the register was corrected: a person must look at it.
        return Verdict(Match.REFUSED, linked, "number_changed")
    return Verdict(Match.LINKED, linked)


def find_verdict(context: Context, identity: UpstreamIdentity) -> Verdict:
    """Look up what the rule needs."""
    link = linked_identities.find(context.db, identity.issuer, identity.subject)
    if link is not None:
        return judge(identity, accounts.find(context.db, context.vault, link.account_id), None, False)
    same_number = _find_by_number(context, identity)
    is_other = same_number is not None and _link_of(context, same_number, identity) is not None
    return judge(identity, None, same_number, is_other)


def resolve(context: Context, identity: UpstreamIdentity) -> Verdict:
    """Match, and link or create where the match says so: LINKED then comes with the account as it now is.

    Other verdicts change nothing.
    """
    for _ in range(_TRIES):
        verdict = find_verdict(context, identity)
        try:
            if verdict.match is Match.NEW:
                return Verdict(Match.LINKED, _create(context, identity))
            if verdict.match is Match.FOUND and verdict.account is not None:
                # Whoever registered the number here may not be its owner: the identity's proof does not count for them.
                _link(context, identity, verdict.account, is_proved_here=False)
                return Verdict(Match.LINKED, _refresh(context, identity, verdict.account))
            if verdict.match is Match.LINKED and verdict.account is not None:
                _note_login(context, identity)
                return Verdict(Match.LINKED, _refresh(context, identity, verdict.account))
        except (AccountExists, AlreadyLinked):
            continue  # somebody else was quicker: look again
        return verdict
    raise AccountExists


class BindingRefused(Exception):
    """The identity cannot belong to that account; ``reason``: other_person, account_inactive."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check_binding(context: Context, identity: UpstreamIdentity, account: Account) -> bool:
    """Whether binding by hand would replace another identity of that issuer. Raises BindingRefused."""
    if not account.is_active:
        raise BindingRefused("account_inactive")
    holder = _find_by_number(context, identity)
    is_foreign = holder is not None and holder.id != account.id
    has_other_number = bool(account.claims.get("id_number")) and not identity.is_numbered(account)
    if identity.id_number and (is_foreign or has_other_number):
        raise BindingRefused("other_person")
    link = linked_identities.find(context.db, identity.issuer, identity.subject)
    if link is not None and link.account_id != account.id:
        raise BindingRefused("other_person")
    existing = _link_of(context, account, identity)
    return existing is not None and existing.subject != identity.subject


def bind(context: Context, identity: UpstreamIdentity, account: Account) -> Account:
    """Link after the person proved the account here and confirmed. Raises BindingRefused."""
    check_binding(context, identity, account)
    existing = _link_of(context, account, identity)
    if existing is not None:
        linked_identities.remove(context.db, account.id, existing.id)
    try:
        _link(context, identity, account, is_proved_here=True)
    except AlreadyLinked as error:
        raise BindingRefused("other_person") from error
    return _refresh(context, identity, account)


def _find_by_number(context: Context, identity: UpstreamIdentity) -> Account | None:
    if not identity.id_number:
        return None
    return accounts.find_by_identifier(context.db, context.vault, Identifier("id_number", identity.id_number))


def _link_of(context: Context, account: Account, identity: UpstreamIdentity) -> LinkedIdentity | None:
    """The identity of that issuer which the account has."""
    links = linked_identities.list_of(context.db, account.id)
    return next((link for link in links if link.issuer == identity.issuer), None)


def _link(context: Context, identity: UpstreamIdentity, account: Account, *, is_proved_here: bool) -> None:
    linked_identities.add(
        context.db,
        account_id=account.id,
        upstream=identity.upstream,
        issuer=identity.issuer,
        subject=identity.subject,
        is_proved_here=is_proved_here,
        now=context.now,
    )


def _note_login(context: Context, identity: UpstreamIdentity) -> None:
    link = linked_identities.find(context.db, identity.issuer, identity.subject)
    if link is not None:
        linked_identities.note_login(context.db, link.id, context.now)


def _create(context: Context, identity: UpstreamIdentity) -> Account:
    phone = identity.phone
    if phone and accounts.find_by_identifier(context.db, context.vault, Identifier("phone", phone)):
        phone = ""  # somebody else's here: an account without it, never their account
    claims = _authoritative(identity)
    if phone:
        claims |= {"phone_number": f"+86{phone}", "phone_number_verified": True}
    with context.db.begin_nested():
        account = accounts.add(
            context.db,
            context.vault,
            claims=claims,
            now=context.now,
            phone=phone or None,
            id_number=identity.id_number,
            evidence=[identity.proof(context.now)],
        )
        _link(context, identity, account, is_proved_here=True)
    return account


def _authoritative(identity: UpstreamIdentity) -> dict[str, Any]:
    """The attributes for which the other provider's word counts, not the person's own."""
    return {
        **identity.attributes,
        "name": identity.name,
        "id_type": identity.id_type,
        "id_number": identity.id_number,
        VERSION: identity.version,
    }


def _refresh(context: Context, identity: UpstreamIdentity, account: Account) -> Account:
    """Take over newer authoritative attributes and the proof; an identity below level 2 changes nothing."""
    if not identity.is_verified:
        return account
    has_changed = _refresh_claims(context, identity, account)
    proof = identity.proof(context.now)
    known = {(item.source, item.level, item.source_level) for item in accounts.list_proofs(context.db, account.id)}
    if (proof.source, proof.level, proof.source_level) not in known:
        accounts.add_proof(context.db, account.id, proof, context.now, raises_level=False)
        has_changed = True
    link = linked_identities.find(context.db, identity.issuer, identity.subject)
    if link is not None and link.is_proved_here and account.level < proof.level:
        accounts.raise_level(context.db, account.id, proof.level, context.now)
        has_changed = True
    refreshed = accounts.find(context.db, context.vault, account.id) if has_changed else None
    return refreshed or account


def _refresh_claims(context: Context, identity: UpstreamIdentity, account: Account) -> bool:
    newer = _authoritative(identity)
    is_same = all(account.claims.get(name) == value for name, value in newer.items() if name != VERSION)
    if is_same or identity.version <= float(account.claims.get(VERSION, -1.0)):
        return False
    # Parts of an old name must not outlive it.
    parts = set() if identity.is_named(account) else {"family_name", "given_name"}
    kept = {name: value for name, value in account.claims.items() if name not in parts}
    accounts.update_claims(
        context.db, context.vault, account.id, kept | newer, context.now, id_number=identity.id_number
    )
    return True
