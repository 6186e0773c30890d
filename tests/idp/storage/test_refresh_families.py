"""Whatever clients and thieves do with refresh tokens: at most one is live, and a copy that is used kills them all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from idp.storage import grants
from tests.idp.storage.conftest import DAY


class Family(RuleBasedStateMachine):
    """One family: every token it ever had, and which one a model says is live. Fixtures are set by the test."""

    provider: ClassVar[Any]
    clock: ClassVar[Any]
    add_family: ClassVar[Any]

    def __init__(self) -> None:
        super().__init__()
        self.grant, first = self.add_family()
        self.issued = [first]
        self.is_killed = False
        self.idle_until = self.clock.now + 14 * DAY
        self.ends_at = self.clock.now + 30 * DAY

    def is_live(self, token: str) -> bool:
        is_in_time = self.clock.now < min(self.idle_until, self.ends_at)
        return token == self.issued[-1] and not self.is_killed and is_in_time

    @rule(data=st.data())
    def refresh(self, data) -> None:
        """As the token endpoint does it: rotate, and when that fails see whether it was a copy."""
        token = data.draw(st.sampled_from(self.issued))
        new, until = f"token-{len(self.issued)}", self.clock.now + 14 * DAY
        was_live = self.is_live(token)
        with self.provider.work() as context:
            now, client_id = context.now, self.grant.client_id
            rotated = grants.rotate_refresh(context.db, self.grant.id, client_id, token, new, until, now)
            if rotated is None:
                grants.revoke_reused(context.db, self.grant.id, client_id, token, now)
        assert (rotated is not None) == was_live
        if rotated:
            assert rotated.refresh_generation == len(self.issued) + 1
            self.issued.append(new)
            self.idle_until = until
        elif token != self.issued[-1]:
            self.is_killed = True

    @rule(seconds=st.integers(1, 10 * 24 * 3600))
    def time_passes(self, seconds) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    @precondition(lambda self: not self.is_killed)
    @rule()
    def revoke(self) -> None:
        with self.provider.work() as context:
            assert grants.revoke(context.db, self.grant.id, "withdrawn", context.now)
        self.is_killed = True

    @invariant()
    def at_most_one_token_is_live_and_it_is_the_newest(self) -> None:
        with self.provider.work() as context:
            live = [t for t in self.issued if grants.find_live_refresh(context.db, self.grant.id, t, context.now)]
        assert live == [token for token in self.issued if self.is_live(token)]


def test_a_family_has_at_most_one_live_token_and_a_copy_kills_it(provider, clock, add_family) -> None:
    bound = {"provider": provider, "clock": clock, "add_family": staticmethod(add_family)}
    quiet = settings(max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(type("Machine", (Family,), bound), settings=quiet)
