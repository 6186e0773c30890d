"""Mandates (授权委托): a legal representative appoints people to act for the company; they accept, and it can end.

A mandate counts when it was accepted, is not revoked and has not run out; that is looked at on each use.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone

from federation.identifiers.person_name import normalise_person_name
from idp.accounts import identity
from idp.authn.identifiers import identify
from idp.context import Context
from idp.domain.account import Account, Mandate, Role
from idp.domain.session import SignedIn
from idp.storage import accounts, grants, organisations, sessions

CHINA = timezone(timedelta(hours=8))  # one time zone, no summer time: a mandate ends with a day there
WARN_BEFORE = timedelta(days=30)
LONGEST = timedelta(days=3 * 366)
SCOPE_LENGTH = 200
APPOINTMENTS_OF_PERSON = 20  # attempts in a day, since each tells whether a number and a name belong together
_DAY = timedelta(days=1)
_TRIES = "appointment_tries"
APPOINTABLE = (Role.HANDLER, Role.FINANCE)


class NotRepresentative(Exception):
    """Only the legal representative of the company may do this."""


class NobodyFound(Exception):
    """No person of that number and that name has an account at level 2 here; which of it is not told."""


class AlreadyAppointed(Exception):
    """The person holds this role already, or has been asked."""


class InvalidExpiry(ValueError):
    """Not a day between tomorrow and three years ahead."""


class TooManyAppointments(Exception):
    """Tried too often today."""


def today(now: datetime) -> date:
    return now.astimezone(CHINA).date()


def end_of(day: date) -> datetime:
    """The moment the day is over in China."""
    return datetime.combine(day + timedelta(days=1), time(), CHINA)


def last_day_of(mandate: Mandate) -> date | None:
    """The last day in China on which it counts; None without an end."""
    return (mandate.valid_until - timedelta(microseconds=1)).astimezone(CHINA).date() if mandate.valid_until else None


def is_running_out(mandate: Mandate, now: datetime) -> bool:
    """Whether to warn that it ends within thirty days."""
    return mandate.valid_until is not None and now < mandate.valid_until <= now + WARN_BEFORE


def get_representation(context: Context, account: Account, uscc: str) -> Mandate:
    """The person's own mandate as legal representative. Raises NotRepresentative."""
    for mandate in organisations.list_valid_mandates(context.db, account.id, context.now):
        if mandate.uscc == uscc and mandate.role is Role.LEGAL_REPRESENTATIVE:
            return mandate
    raise NotRepresentative


def appoint(
    context: Context, grantor: Account, uscc: str, *, number: str, name: str, role: Role, scope: str, last_day: date
) -> tuple[Account, Mandate]:
    """Offer a mandate to the person of that phone or ID number and that name; it counts once they accept.

    ``role`` is one of APPOINTABLE. Raises NotRepresentative, InvalidExpiry, NobodyFound, AlreadyAppointed,
    TooManyAppointments.
    """
    if role not in APPOINTABLE:
        raise ValueError(role)
    get_representation(context, grantor, uscc)
    if not today(context.now) <= last_day <= today(context.now + LONGEST):
        raise InvalidExpiry
    if context.ephemeral.increment(_TRIES, grantor.id, _DAY) > APPOINTMENTS_OF_PERSON:
        raise TooManyAppointments
    person = _find_person(context, number, name)
    organisations.lock(context.db, uscc)
    for one in organisations.list_mandates_of_organisation(context.db, uscc):
        if one.account_id == person.id and one.revoked_at is None and not _is_over(one, context.now):
            raise AlreadyAppointed
    mandate_id = organisations.add_mandate(
        context.db,
        uscc=uscc,
        account_id=person.id,
        role=role,
        now=context.now,
        valid_until=end_of(last_day),
        granted_by=grantor.id,
        accepted_at=None,
        scope=scope.strip()[:SCOPE_LENGTH],
    )
    return person, organisations.get_mandate(context.db, mandate_id)


def accept(context: Context, signed_in: SignedIn, mandate_id: str) -> bool:
    """Take a mandate that was offered; False when it is not there to take. Raises LevelTooLow."""
    identity.check_level(signed_in)
    return organisations.accept_mandate(context.db, mandate_id, signed_in.account.id, context.now)


def list_choices(context: Context, signed_in: SignedIn) -> list[Mandate]:
    """Those by which the person may act in this session now: none in a login below level 2."""
    if signed_in.session.level < identity.LEVEL:
        return []
    return organisations.list_valid_mandates(context.db, signed_in.account.id, context.now)


def revoke_given(context: Context, account: Account, uscc: str, mandate_id: str) -> Mandate | None:
    """End a mandate of the company whose legal representative the person is; the mandate, or None when the company
    has none such left to end. Raises NotRepresentative."""
    own = get_representation(context, account, uscc)
    mandate = organisations.find_mandate(context.db, mandate_id)
    if mandate is None or mandate.uscc != uscc or mandate.id == own.id:
        return None
    return mandate if end(context, mandate) else None


def resign(context: Context, account: Account, mandate_id: str) -> Mandate | None:
    """Decline a mandate, or give it back; None when there is none to give back. What makes somebody the legal
    representative is the register, so that is not given back here."""
    mandate = organisations.find_mandate(context.db, mandate_id)
    is_own = mandate is not None and mandate.account_id == account.id
    if mandate is None or not is_own or mandate.role is Role.LEGAL_REPRESENTATIVE:
        return None
    return mandate if end(context, mandate) else None


def end_representation(context: Context, mandate: Mandate) -> None:
    """The register names another representative: what the earlier one held and gave ends."""
    for one in organisations.list_mandates_of_organisation(context.db, mandate.uscc):
        if one.id == mandate.id or one.granted_by == mandate.account_id:
            end(context, one)


def end(context: Context, mandate: Mandate) -> bool:
    """Revoke: sessions that act by it fall back to the person, what was given while acting by it is revoked."""
    if not organisations.revoke_mandate(context.db, mandate.id, context.now):
        return False
    sessions.release_mandate(context.db, mandate.id)
    grants.revoke_of_mandate(context.db, mandate.account_id, mandate.id, "mandate_revoked", context.now)
    return True


def _is_over(mandate: Mandate, now: datetime) -> bool:
    return mandate.valid_until is not None and mandate.valid_until <= now


def _find_person(context: Context, number: str, name: str) -> Account:
    identifier = identify(number)
    found = None
    if identifier.kind in {"phone", "id_number"}:
        found = accounts.find_by_identifier(context.db, context.vault, identifier)
    is_named = found is not None and found.claims.get("name") == normalise_person_name(name)
    if found is None or not is_named or not found.is_active or found.level < identity.LEVEL:
        raise NobodyFound
    return found
