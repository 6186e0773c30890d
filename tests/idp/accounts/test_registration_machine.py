"""A registration under any order of right, wrong and repeated steps, with the authority and the gateway coming and
going: it stands where a simple model says, and an account exists exactly when the last step was accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import ClassVar

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from idp.accounts import registration
from idp.accounts.authority import AuthorityUnavailable
from idp.accounts.identity import Identity, NotConfirmed
from idp.accounts.messages import MessageNotSent
from idp.accounts.registration import (
    IDENTITY_TRIES,
    IdentityTaken,
    NoMoreTries,
    PhoneTaken,
    RegistrationMoved,
    Step,
    Texts,
    progress_of,
    step_of,
)
from idp.authn.one_time_codes import TooManyMessages, Verdict
from idp.authn.password_policy import WeakPassword
from idp.context import Context, Provider
from idp.storage import accounts, registrations
from idp.storage.accounts import Identifier
from idp.storage.registrations import Registration
from tests.clock import Clock
from tests.idp.people import NEW_PASSWORD, Outbox, Register, id_number

TEXTS = Texts(code=lambda code: f"code {code} .", phone_known="known")
NAME = "王强"


class Machine(RuleBasedStateMachine):
    """Bound to a provider by the test, in a subclass."""

    provider: ClassVar[Provider]
    register: ClassVar[Register]
    messages: ClassVar[Outbox]
    clock: ClassVar[Clock]
    serials: ClassVar[Iterator[int]]

    def __init__(self) -> None:
        super().__init__()
        self.serial = next(self.serials)
        self.phone = f"137{self.serial:08}"
        self.id_number = id_number(self.serial)
        self.register.people[self.id_number] = NAME
        self.register.is_down = self.messages.is_down = False
        self.step, self.wrong, self.good_code = Step.PHONE, 0, ""
        with self.work() as context:
            _, self.token = registration.begin(context, "")
        self.accepted = 0

    def work(self) -> AbstractContextManager[Context]:
        return self.provider.work()

    def stored(self, context: Context) -> Registration:
        found = registrations.find(context.db, context.vault, self.token, context.now)
        assert found is not None
        return found

    @rule(is_down=st.booleans())
    def authority_comes_or_goes(self, is_down: bool) -> None:
        self.register.is_down = is_down

    @rule(is_down=st.booleans())
    def gateway_comes_or_goes(self, is_down: bool) -> None:
        self.messages.is_down = is_down

    @rule(minutes=st.sampled_from([1, 11]))
    def time_passes(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))
        if minutes > 10:
            self.good_code = ""

    @precondition(lambda self: self.step is not Step.DONE)
    @rule()
    def asks_for_a_code(self) -> None:
        with self.work() as context:
            try:
                registration.give_phone(context, self.stored(context), self.phone, address="a", texts=TEXTS)
            except TooManyMessages:
                return
            except MessageNotSent:
                self.step, self.good_code = Step.CODE, ""
                return
        self.step, self.good_code = Step.CODE, self.messages.code_of(self.phone)

    @precondition(lambda self: self.step is Step.CODE)
    @rule(is_right=st.booleans())
    def gives_a_code(self, is_right: bool) -> None:
        code = self.good_code if is_right and self.good_code else "no code"
        with self.work() as context:
            verdict = registration.give_code(context, self.stored(context), code)
        if verdict is Verdict.RIGHT:
            assert code == self.good_code
            self.step = Step.IDENTITY
        elif code == self.good_code:
            assert verdict is Verdict.OVER, "tried too often"

    @precondition(lambda self: self.step is Step.IDENTITY)
    @rule(is_right=st.booleans())
    def gives_an_identity(self, is_right: bool) -> None:
        given = Identity(NAME if is_right else "李四", self.id_number)
        before = self.wrong
        with self.work() as context:
            try:
                registration.give_identity(context, self.stored(context), given)
                self.step = Step.PASSWORD
                assert is_right and not self.register.is_down and before < IDENTITY_TRIES
            except AuthorityUnavailable:
                assert self.register.is_down
            except NotConfirmed:
                self.wrong += 1
            except NoMoreTries:
                self.wrong = min(IDENTITY_TRIES, self.wrong + 1)
                assert before >= IDENTITY_TRIES - 1

    @precondition(lambda self: self.step is Step.PASSWORD)
    @rule(password=st.sampled_from([NEW_PASSWORD, "short", NAME + "13700000000"]))
    def gives_a_password(self, password: str) -> None:
        with self.work() as context:
            try:
                registration.finish(context, self.stored(context), password, locale="zh")
                self.step = Step.DONE
                self.accepted += 1
            except WeakPassword:
                assert password != NEW_PASSWORD

    @rule(step=st.sampled_from(["code", "identity", "password"]))
    def repeats_an_old_page(self, step: str) -> None:
        """A form of a state that is over changes nothing."""
        with self.work() as context:
            stale = self.stored(context)
            stale = Registration(stale.id, stale.state, stale.version - 1, None, stale.expires_at)
            try:
                if step == "code":
                    registration.follow(context, stale, "elsewhere")
                elif step == "identity":
                    registration.give_phone(context, stale, "13600000000", address="b", texts=TEXTS)
                elif progress_of(stale).identity_verified_at:
                    registration.finish(context, stale, NEW_PASSWORD, locale="zh")
                else:
                    return
            except (RegistrationMoved, PhoneTaken, IdentityTaken, TooManyMessages):
                return
        raise AssertionError("a stale form was accepted")

    @invariant()
    def it_stands_where_the_model_says(self) -> None:
        with self.work() as context:
            found = self.stored(context)
            person = accounts.find_by_identifier(context.db, context.vault, Identifier("id_number", self.id_number))
            assert step_of(found) is self.step
            assert (person is not None) == (self.step is Step.DONE) == (self.accepted == 1)


def test_a_registration_stands_where_its_accepted_steps_have_brought_it(
    make_app: Callable[..., Flask], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    register, messages = Register(), Outbox()
    app = make_app(parts={"authority": register, "messages": messages}, registration_lifetime=timedelta(days=400))
    monkeypatch.setattr(registration, "TRIES_OF_PHONE", 10_000)
    bound = {
        "provider": app.extensions["tongxing"],
        "register": register,
        "messages": messages,
        "clock": clock,
        "serials": iter(range(1000)),
    }
    run_state_machine_as_test(
        type("BoundMachine", (Machine,), bound),
        settings=settings(
            max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
