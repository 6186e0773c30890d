"""An import: everything in the file is judged first, then what differs is written, in one transaction or not at all.

What the file does not name stays. A second import of the same file changes nothing. What clients publish (pictures, the
lists of their sectors) is fetched between the two, with no transaction open; what was judged is then judged again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from idp.configuration import access_tokens, clients, people, settings, signing_keys
from idp.configuration.difference import Change
from idp.configuration.document import Document
from idp.configuration.step import Refused, Sector, Step
from idp.context import Context, Provider
from idp.outbound import OutboundBusy
from idp.protocol.client_documents import check_sector, fetch_logo
from idp.protocol.errors import ProtocolError
from idp.storage import signing_keys as stored_keys
from idp.storage.accounts import AccountExists
from idp.storage.client_logos import Logo


@dataclass(frozen=True)
class Plan:
    """What an import would change, in order; ``settings`` is what the running settings say otherwise."""

    steps: Sequence[Step]
    settings: Sequence[Change]

    @property
    def changes(self) -> list[Change]:
        return [change for step in self.steps for change in step.changes]

    @property
    def logo_uris(self) -> frozenset[str]:
        """The pictures needed to carry it out."""
        return frozenset(step.logo_uri for step in self.steps if step.logo_uri is not None)

    @property
    def sectors(self) -> frozenset[Sector]:
        """The lists to be looked at before it is carried out."""
        return frozenset(step.sector for step in self.steps if step.sector is not None)


def plan(
    context: Context, document: Document, settings_table: str = "idp", logos: Mapping[str, Logo | None] | None = None
) -> Plan:
    """Compare the file with the database; nothing is written or fetched. ``logos``: what was fetched before, by its
    address. Raises Refused with everything that is wrong."""
    problems: list[str] = []
    steps: list[Step] = []
    for judge in _judges(context, document, logos or {}):
        try:
            steps.append(judge())
        except Refused as refused:
            problems.extend(refused.problems)
    found: list[Change] = []
    try:
        if document.settings is not None:
            found = settings.compared(document.settings, context.settings, settings_table)
    except Refused as refused:
        problems.extend(refused.problems)
    if problems:
        raise Refused(problems)
    return Plan(steps, found)


def carry_out(context: Context, document: Document, settings_table: str = "idp") -> Plan:
    """Write what differs; gives what that was. Raises Refused, also where meanwhile somebody took what the file gives
    to another; the caller's transaction is then rolled back."""
    logos: dict[str, Logo | None] = {}
    checked: frozenset[Sector] = frozenset()
    wanted = plan(context, document, settings_table)
    while wanted.sectors - checked or wanted.logo_uris - logos.keys():
        context.db.rollback()  # on SQLite comparing takes the write lock, and a document may take five seconds
        _check_sectors(context.provider, wanted.sectors - checked)
        checked |= wanted.sectors
        logos |= {uri: _logo(context.provider, uri) for uri in sorted(wanted.logo_uris - logos.keys())}
        wanted = plan(context, document, settings_table, logos)
    try:
        for step in wanted.steps:
            if step.changes:
                step.carry_out()
    except AccountExists:
        raise Refused(["people: a username or number belongs to somebody else meanwhile"]) from None
    return wanted


def _check_sectors(provider: Provider, sectors: Iterable[Sector]) -> None:
    """Raises Refused with every list that cannot be had or does not name its client's addresses."""
    problems: list[str] = []
    for sector in sorted(sectors, key=lambda one: one.place):
        try:
            check_sector(provider, {"sector_identifier_uri": sector.uri, "redirect_uris": sector.redirect_uris})
        except ProtocolError as error:
            problems.append(f"{sector.place}.{error.parameter}: {error.description}")
        except OutboundBusy:
            problems.append(f"{sector.place}.sector_identifier_uri: could not be read: too many hosts do not answer")
    if problems:
        raise Refused(problems)


def _logo(provider: Provider, uri: str) -> Logo | None:
    """A picture is never what an import fails by."""
    try:
        return fetch_logo(provider, uri)
    except OutboundBusy:
        return None


def _judges(context: Context, document: Document, logos: Mapping[str, Logo | None]) -> Iterator[Callable[[], Step]]:
    if document.signing_keys:
        stored_keys.lock(context.db)
    known = {key.kid: key for key in stored_keys.list_all(context.db, context.vault)} if document.signing_keys else {}
    yield from (partial(signing_keys.plan, context, key, known.get(key.kid)) for key in document.signing_keys)
    yield from (partial(clients.plan, context, entry, logos) for entry in document.clients)
    meant: dict[str, str] = {}
    yield from (partial(people.plan, context, entry, meant) for entry in document.people)
    yield from (partial(access_tokens.plan, context, entry) for entry in document.initial_access_tokens)
