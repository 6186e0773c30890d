"""What happens to a case, step by step: submitted and checked, corrected, withdrawn, moved on by the passing of time.

The decision on the merits is an officer's and not made here.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import date, datetime

from clients.matters.applicant import Applicant
from clients.matters.case import Case, CaseOwner, Content, DueDates, as_json
from clients.matters.case_numbers import prefix_of
from clients.matters.cases import CaseChanged, Cases, Change, NewCase
from clients.matters.catalogue import Catalogue
from clients.matters.checking import CheckResult, Facts, run_checks
from clients.matters.clocks import Calendar, day_in_region
from clients.matters.consequences import follow
from clients.matters.due_dates import Terms
from clients.matters.fields import FieldError
from clients.matters.journey import Journey
from clients.matters.profiles import ACCEPTED_STATE, WORKFLOWS
from clients.matters.registers import Registers
from clients.matters.schema import Matter
from clients.matters.secrecy import Secrecy
from clients.matters.submission import InvalidValues, Submission, read_submission
from federation.identifiers.divisions import PROVINCE, prefecture_of


class AlreadySubmitted(Exception):
    """The idempotency key was used before, with other values, and became the case `number`."""

    def __init__(self, number: str) -> None:
        super().__init__(number)
        self.number = number


@dataclass(frozen=True)
class Filing:
    """A form as it arrives: the answers as sent, the channel, and the key that makes a repeat harmless."""

    raw: Mapping[str, object]
    channel: int
    idempotency_key: str


@dataclass(frozen=True)
class Clerk:
    """Takes cases in and moves them. Safe to share between threads."""

    catalogue: Catalogue
    cases: Cases
    registers: Registers
    calendar: Calendar
    secrecy: Secrecy
    correction_days: int

    def owner_of(self, applicant: Applicant) -> CaseOwner:
        """Under which indexes this applicant's cases are stored."""
        subject = self.secrecy.index("subject", applicant.issuer, applicant.subject)
        company = None if applicant.uscc is None else self.secrecy.index("uscc", applicant.uscc)
        return CaseOwner(subject, company)

    def submit(self, matter: Matter, applicant: Applicant, filing: Filing, now: datetime) -> Case:
        """File a case and check it. The same key with the same answers gives the same case.

        Raises AlreadySubmitted and whatever `read_submission` raises; then nothing is stored.
        """
        owner = self.owner_of(applicant)
        key_index = self._key_index(owner, matter, filing)
        request_index = self.secrecy.index("request", json.dumps(filing.raw, sort_keys=True, ensure_ascii=False))
        case, stored_index = self.cases.find_by_submission(key_index) or self.cases.add_case(
            *self._new_case(matter, applicant, filing, (key_index, request_index), now)
        )
        if stored_index != request_index:
            raise AlreadySubmitted(case.number)
        return case

    def correct(self, case: Case, applicant: Applicant, raw: Mapping[str, object], now: datetime) -> Case:
        """Hand in a corrected form and check it anew. Raises MoveNotPossible, CaseChanged, InvalidValues."""
        matter = self.catalogue.get(case.matter)
        journey = self._journey(case)
        replaced = {"replaced": dict(case.content.values)}
        journey.go("resubmit", "applicant", now, actor_index=self.owner_of(applicant).subject_index, detail=replaced)
        submission = read_submission(matter, applicant, raw, day_in_region(now))
        if submission.values["handling_region"] != case.division:
            raise InvalidValues({"handling_region": FieldError("fixed_by_number")})
        results = self._check(matter, submission, day_in_region(now))
        told_before = {result.id for result in case.content.results if result.outcome == "failed"}
        follow(journey, matter, results, now, told_before)
        content = Content(as_json(submission.values), results, case.content.query_code)
        return self._store(case, journey, received_at=now, accepted_at=now, content=content)

    def withdraw(self, case: Case, applicant: Applicant, now: datetime) -> Case:
        """Take the application back. Raises MoveNotPossible after the decision, CaseChanged."""
        journey = self._journey(case)
        journey.go("withdraw", "applicant", now, actor_index=self.owner_of(applicant).subject_index)
        return self._store(case, journey, received_at=case.received_at, accepted_at=case.accepted_at)

    def settle(self, case: Case, now: datetime) -> Case:
        """The case after what the passing of time does to it by law; the same case when nothing is overdue.

        Silence of the authority counts as acceptance from the day of receipt (许可法 32(1)(4)); a correction that
        never came closes the case.
        """
        today = day_in_region(now)
        journey = self._journey(case)
        if case.due.acceptance is not None and case.due.acceptance < today:
            journey.go("lapse_to_accepted", "system", now, counted_from=case.received_at)
        elif case.due.correction is not None and case.due.correction < today:
            journey.go("lapse_correction", "system", now)
        else:
            return case
        try:
            return self._store(case, journey, received_at=case.received_at, accepted_at=case.received_at)
        except CaseChanged:
            # Another reader settled it at the same moment.
            return self.cases.find_case(case.number, case.owner) or case

    def is_provisional(self, case: Case) -> bool:
        """Whether one of the case's terms ends in a year whose holidays are not announced yet."""
        return any(end is not None and self.calendar.is_provisional(end) for end in astuple(case.due))

    def settle_overdue(self, now: datetime) -> int:
        """Settle every overdue case; how many there were. For a job that runs daily."""
        overdue = self.cases.overdue(day_in_region(now))
        for case in overdue:
            self.settle(case, now)
        return len(overdue)

    def _new_case(
        self, matter: Matter, applicant: Applicant, filing: Filing, indexes: tuple[str, str], now: datetime
    ) -> tuple[NewCase, Journey]:
        submission = read_submission(matter, applicant, filing.raw, day_in_region(now))
        results = self._check(matter, submission, day_in_region(now))
        owner = self.owner_of(applicant)
        journey = Journey(WORKFLOWS[matter.profile], self._terms(matter), "draft", DueDates())
        journey.go("submit", "applicant", now, actor_index=owner.subject_index)
        journey.go("pre_check", "system", now)
        follow(journey, matter, results, now)
        division = str(submission.values["handling_region"])
        new = NewCase(
            matter=matter.id,
            declaration_version=matter.version,
            profile=matter.profile,
            owner=owner,
            idempotency_index=indexes[0],
            request_index=indexes[1],
            client_id=applicant.client_id,
            channel=filing.channel,
            division=division,
            authority=authority_for(matter, division),
            number_prefix=prefix_of(division, day_in_region(now), filing.channel, matter.number),
            content=Content(as_json(submission.values), results, secrets.token_urlsafe(12)),
            submitted_at=now,
            accepted_at=now if journey.state == ACCEPTED_STATE[matter.profile] else None,
        )
        return new, journey

    def _check(self, matter: Matter, submission: Submission, today: date) -> tuple[CheckResult, ...]:
        with self.registers.within_budget():
            return run_checks(matter, Facts(submission.values, today, self.registers.ask), submission.warnings)

    def _terms(self, matter: Matter) -> Terms:
        return Terms(self.calendar, matter.limits, self.correction_days)

    def _journey(self, case: Case) -> Journey:
        return Journey(WORKFLOWS[case.profile], self._terms(self.catalogue.get(case.matter)), case.state, case.due)

    def _store(
        self,
        case: Case,
        journey: Journey,
        *,
        received_at: datetime,
        accepted_at: datetime | None,
        content: Content | None = None,
    ) -> Case:
        is_accepted = journey.state == ACCEPTED_STATE[case.profile]
        change = Change(
            journey.state, journey.due, received_at, accepted_at if is_accepted else case.accepted_at, content
        )
        return self.cases.change_case(case, change, journey.steps)

    def _key_index(self, owner: CaseOwner, matter: Matter, filing: Filing) -> str:
        whose = (owner.subject_index, owner.organisation_index or "")
        return self.secrecy.index("idempotency", *whose, matter.id, filing.idempotency_key)


def authority_for(matter: Matter, division: str) -> str:
    """The code of the place whose authority decides, seen from the place of handling."""
    if matter.routing.level == "region":
        return PROVINCE
    if matter.routing.level == "prefecture":
        place = prefecture_of(division)
        return division if place is None else place.code
    return division
