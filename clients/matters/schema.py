"""What a matter declares: one immutable value from which form, guide, checks, clocks and routing are derived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from clients.matters.checking import Facts, Finding
from clients.matters.regional import Marked
from clients.matters.text import Mark, Text

ApplicantKind = Literal["person", "organisation"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
FieldKind = Literal["text", "long_text", "date", "integer", "choice", "checkbox"]
FieldFormat = Literal[
    "resident_id", "uscc", "mobile", "plate", "vin", "division", "transport_certificate", "licence_class", "digits_12"
]
Claim = Literal[
    "name",
    "id_type",
    "id_number",
    "phone_number",
    "address",
    "organisation_name",
    "uscc",
    "legal_representative",
    "agent_name",
    "agent_id_number",
    "mandate",
]
"""What is known of the applicant from the provider; see `applicant.Applicant.claims`."""


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Choice(_Declared):
    value: str
    label: Text


class FormField(_Declared):
    """One question of the form.

    With a `claim` the answer comes from the verified identity and cannot be changed (`locks`), or is only suggested.
    `without_claim` says what happens when the identity does not know it: the person cannot file (``refuse``), is asked
    (``ask``), or the question does not arise (``omit``).
    """

    name: Name
    label: Text
    kind: FieldKind = "text"
    format: FieldFormat | None = None
    section: Literal["applicant", "matter", "handling"] = "matter"
    required: bool = True
    help: Text | None = None
    choices: tuple[Choice, ...] = ()
    claim: Claim | None = None
    locks: bool = True
    without_claim: Literal["refuse", "ask", "omit"] = "refuse"
    must_be_ticked: bool = False
    max_length: int = Field(default=100, ge=1, le=2000)
    minimum: int | None = None
    maximum: int | None = None
    not_after_today: bool = False
    applicants: tuple[ApplicantKind, ...] = ("person", "organisation")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.kind == "choice") != bool(self.choices):
            raise ValueError(f"{self.name}: choices and kind 'choice' belong together")
        if self.format is not None and self.kind not in ("text", "choice"):
            raise ValueError(f"{self.name}: only texts and choices have a format")
        if self.must_be_ticked and self.kind != "checkbox":
            raise ValueError(f"{self.name}: only a checkbox can be ticked")
        return self


class Material(_Declared):
    """A document the case needs, and how it gets here."""

    name: Text
    required: bool = True
    note: Text | None = None
    mark: Mark


class Basis(_Declared):
    """A provision the matter stands on: text with article, the version it was read in, and how well it was read."""

    text: Text
    version: str
    mark: Mark


class Check(_Declared):
    """A rule that is run when the case comes in.

    `stage` says when an answer is needed: ``acceptance`` holds the case back until it is known, ``review`` leaves it to
    the reviewer. `on_failure`: ``correction`` asks the applicant, ``not_accepted`` sends the case away with the remedy,
    ``review`` puts the failure before the reviewer.
    """

    id: Name
    text: Text
    run: Callable[[Facts], Finding]
    stage: Literal["acceptance", "review"] = "review"
    on_failure: Literal["correction", "not_accepted", "review"] = "correction"
    remedy: Text | None = None
    mark: Mark

    @model_validator(mode="after")
    def _reasons(self) -> Self:
        if self.on_failure == "not_accepted" and self.remedy is None:
            raise ValueError(f"{self.id}: who is sent away must be told where to go (许可法 32(1)(1)-(2))")
        return self


class Limits(_Declared):
    """Working days from acceptance to decision: by law, and as promised by the region."""

    statutory_days: Marked[int]
    promised_days: Marked[int]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not 0 < self.promised_days.value <= self.statutory_days.value:
            raise ValueError("a promise is positive and never longer than the law allows")
        return self


class Routing(_Declared):
    """Which authority decides, seen from the place the applicant chose."""

    level: Literal["county", "prefecture", "region"]
    mark: Mark


class Outcome(_Declared):
    """What the applicant gets in the end."""

    document: Text
    licence_type: str | None = None
    validity_months: int | None = None
    mark: Mark


class Matter(_Declared):
    """One service matter. `id` is stable: it stands in URLs and in stored cases; so does `number` (1–19)."""

    number: int = Field(ge=1, le=99)
    id: Name
    title: Text
    summary: Text
    portal: Literal["drivers", "vehicles", "repair", "international"]
    profile: Literal["permit", "filing"]
    applicants: tuple[ApplicantKind, ...] = Field(min_length=1)
    minimum_level: Marked[int]
    authority: Text
    version: str
    basis: tuple[Basis, ...] = Field(min_length=1)
    fields: tuple[FormField, ...] = Field(min_length=1)
    materials: tuple[Material, ...] = ()
    checks: tuple[Check, ...] = ()
    limits: Limits
    routing: Routing
    outcome: Outcome

    @model_validator(mode="after")
    def _unambiguous(self) -> Self:
        for names in ([item.name for item in self.fields], [check.id for check in self.checks]):
            twice = [name for name, times in Counter(names).items() if times > 1]
            if twice:
                raise ValueError(f"{self.id}: declared twice: {', '.join(twice)}")
        if not 0 <= self.minimum_level.value <= 4:
            raise ValueError(f"{self.id}: assurance levels run from 0 to 4")
        return self

    def fields_for(self, kind: ApplicantKind) -> tuple[FormField, ...]:
        """The questions that this kind of applicant is asked."""
        return tuple(item for item in self.fields if kind in item.applicants)
