"""Registration of a company by its legal representative, confirmed by the authority's register of enterprises."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import timedelta

from federation.identifiers import check_uscc, normalise_uscc
from idp.accounts import identity, mandates
from idp.context import Context
from idp.domain.account import Account, Mandate, Role
from idp.domain.session import SignedIn
from idp.storage import organisations

TRIES_OF_PERSON = 10  # in a day
_DAY = timedelta(days=1)
_TRIES = "enterprise_tries"


class InvalidCompanyName(ValueError):
    """Empty or longer than 200 characters."""


class CompanyNotConfirmed(Exception):
    """The register knows no active enterprise of that code and name that this person represents."""


class NoMoreTries(Exception):
    """Asked too often today."""


@dataclass(frozen=True)
class Company:
    uscc: str
    name: str


def read_company(name: str, uscc: str) -> Company:
    """What a person typed, in normal form. Raises InvalidCompanyName, InvalidIdentifier."""
    given = " ".join(unicodedata.normalize("NFKC", name).split())
    given = re.sub(r"\(", "（", re.sub(r"\)", "）", given))  # as the register writes names
    if not 2 <= len(given) <= 200:
        raise InvalidCompanyName
    return Company(check_uscc(normalise_uscc(uscc)).value, given)


def register(context: Context, signed_in: SignedIn, company: Company) -> Mandate:
    """Make the person the company's legal representative here; doing it twice gives the same mandate.

    A change of representative in the register ends what the earlier one held and gave. The authority is asked outside
    a transaction. Raises LevelTooLow, NoMoreTries, CompanyNotConfirmed, AuthorityUnavailable.
    """
    identity.check_level(signed_in)
    account = signed_in.account
    if context.ephemeral.increment(_TRIES, account.id, _DAY) > TRIES_OF_PERSON:
        raise NoMoreTries
    context.db.commit()
    name, id_number = str(account.claims["name"]), str(account.claims["id_number"])
    check = identity.authority(context).verify_enterprise(company.name, company.uscc, name, id_number)
    if not check.is_active:
        raise CompanyNotConfirmed
    organisations.put(context.db, company.uscc, company.name, identity.SOURCE, context.now)  # locks the company's row
    held = [one for one in organisations.list_mandates_of_organisation(context.db, company.uscc) if _is_head(one)]
    for one in held:
        if one.account_id == account.id:
            return one
    for one in held:
        mandates.end_representation(context, one)
    return _appoint(context, account, company)


def _is_head(mandate: Mandate) -> bool:
    return mandate.role is Role.LEGAL_REPRESENTATIVE and mandate.revoked_at is None


def _appoint(context: Context, account: Account, company: Company) -> Mandate:
    mandate_id = organisations.add_mandate(
        context.db,
        uscc=company.uscc,
        account_id=account.id,
        role=Role.LEGAL_REPRESENTATIVE,
        now=context.now,
        valid_until=None,
        granted_by=None,
        accepted_at=context.now,
    )
    return organisations.get_mandate(context.db, mandate_id)
