"""Housekeeping: what a provider does now and then without being asked. Forgets what is over, in small batches.

Several processes may keep one house: batches leave rows alone that another has in hand.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.config import Settings
from idp.context import Context, Provider
from idp.loop import Loop
from idp.storage import purging, signing_keys

_log = logging.getLogger(__name__)

RECEIPTS_KEPT = timedelta(days=30)
MARGIN = timedelta(hours=1)
_MOST_BATCHES = 200  # of one job at a time: the others have their turn too


@dataclass(frozen=True)
class Job:
    """``run`` does one batch in a transaction of its own and says whether there is more."""

    name: str
    every: timedelta
    run: Callable[[Context], bool]


class Housekeeper:
    """Runs jobs of one provider when they are due."""

    def __init__(self, provider: Provider, jobs: Sequence[Job]) -> None:
        self._provider, self._jobs = provider, jobs
        self._due: dict[str, datetime] = {}
        self._loop = Loop("housekeeping", self._step)

    def start(self) -> None:
        self._loop.start()

    def stop(self) -> None:
        self._loop.stop()

    def run_due(self) -> list[str]:
        """Run what is due now; the names of those jobs."""
        now = self._provider.clock()
        due = [job for job in self._jobs if self._due.get(job.name, now) <= now]
        for job in due:
            self._run(job)
            self._due[job.name] = now + job.every
        return [job.name for job in due]

    def _step(self) -> timedelta:
        self.run_due()
        return max(timedelta(seconds=1), min(self._due.values()) - self._provider.clock())

    def _run(self, job: Job) -> None:
        try:
            for _ in range(_MOST_BATCHES):
                with self._provider.work() as context:
                    has_more = job.run(context)
                if not has_more:
                    return
        except Exception:  # one job that fails must not keep the others from their turn; it has its own next time
            _log.exception("housekeeping job %s failed", job.name)


def purges(settings: Settings) -> tuple[Job, ...]:
    """The jobs that forget what is over."""
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    return (
        Job("ephemeral values", minute, lambda c: _is_full(purging.purge_ephemeral(c.db, c.now))),
        Job("levels", minute, lambda c: _is_full(purging.lower_levels(c.db, c.now))),
        Job("revoked tokens", hour, lambda c: _is_full(purging.purge_revoked_tokens(c.db, c.now - MARGIN))),
        Job(
            "initial access tokens", hour, lambda c: _is_full(purging.purge_initial_access_tokens(c.db, c.now - MARGIN))
        ),
        Job("registrations", hour, lambda c: _is_full(purging.purge_registrations(c.db, c.now - MARGIN))),
        Job("sessions", hour, lambda c: _is_full(purging.purge_sessions(c.db, c.now - MARGIN))),
        Job("outbox", hour, lambda c: _is_full(purging.purge_outbox(c.db, c.now - RECEIPTS_KEPT))),
        Job("grants", hour, _GrantWalk(settings)),
        Job("signing keys", hour, _purge_signing_keys),
    )


def _is_full(count: int) -> bool:
    return count >= purging.BATCH


def _purge_signing_keys(context: Context) -> bool:
    signing_keys.purge(context.db, context.now)
    return False


class _GrantWalk:
    """Goes on where the last batch ended. A grant is kept while an access token of it may live, and while the session
    it came from may end and its client must be told."""

    def __init__(self, settings: Settings) -> None:
        self._kept = max(settings.access_token_lifetime, settings.session_absolute_lifetime) + MARGIN
        self._place: purging.Place | None = None

    def __call__(self, context: Context) -> bool:
        self._place = purging.purge_grants(context.db, context.now - self._kept, self._place)
        return self._place is not None
