"""A load around a fault, what there was to be counted afterwards, and how much of it may have been lost.

with scene.incident("Redis killed") as found, found.fault():
    ...  # break something, and wait until it is ready again
nothing_but(found, lost=0)
"""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal

from lab import cluster
from tests.lab.faults import RECOVERY_SECONDS, wait_until
from tests.lab.ledger import Balance, Ledger
from tests.lab.load import Load, Outcome, Report, RunningLoad, service_url
from tests.lab.platform import MODEL, OTHER_TENANT, TENANT, TeamPlatform

CONCURRENCY = 4
REFUSALS = {429, 500, 502, 503, 504}
NOT_CONNECTED = "ConnectError"
"""What the client says where its connection was not taken, so that nothing was asked."""


@dataclass(frozen=True)
class Fault:
    """From when until when something was broken, in Unix time, by what the cluster says and not by who was refused."""

    began: float
    ended: float


@dataclass
class Incident:
    """A load around a fault, and what there was to be counted afterwards."""

    run: RunningLoad
    ledger: Ledger
    before: Balance
    faults: list[Fault] = field(default_factory=list[Fault])
    report: Report = field(init=False)
    added: Balance = field(init=False)

    @contextmanager
    def fault(self) -> Generator[None]:
        """Note how long something is broken: from before the context until what is broken in it is ready again."""
        began = time.time()
        yield
        self.faults.append(Fault(began, time.time()))

    def recovered(self) -> None:
        """Wait until requests are answered again; nobody does anything for it."""
        self.run.wait_for_answers(2 * CONCURRENCY, RECOVERY_SECONDS)

    def lasts(self, seconds: float) -> None:
        """Go on sending until this has lasted so long."""
        self.run.wait_for(lambda report: report.seconds >= seconds, seconds + RECOVERY_SECONDS)

    def answered_between(self, began: float, ended: float) -> tuple[Outcome, ...]:
        """Whole answers that ended between two moments, in Unix time."""
        return tuple(one for one in self.report.answered if began < one.began + one.seconds < ended)

    @property
    def unrecorded(self) -> int:
        """Answers that the spend log lacks."""
        return len(self.added.missing(self.report.answered))

    @property
    def unsummed(self) -> Decimal:
        """US dollars that the spend log has, and the sum that the tenant's budget is held against has not."""
        return self.added.logged - self.added.team


@dataclass(frozen=True)
class Scene:
    """Two tenants: one who calls all the while, and one who calls when it is over.

    Attributes:
        kubectl: Bound to the lab.
        load: What the first one sends.
        other: The few requests of the second one.
    """

    kubectl: cluster.Kubectl
    load: Load
    other: Load

    @contextmanager
    def incident(self, name: str, seconds: float = 0.0) -> Generator[Incident]:
        """Send while the context lasts, and for `seconds` altogether at least, then settle the accounts.

        The platform answers before and after it, with the other tenant's key as well.
        """
        ledger = Ledger(self.kubectl, self.load.key)
        before = ledger.at_rest()
        with self.load.running() as run:
            found = Incident(run, ledger, before)
            run.wait_for_answers(CONCURRENCY, RECOVERY_SECONDS)
            yield found
            found.lasts(seconds)
            found.recovered()
        self.other_works()
        found.report = run.report
        found.added = ledger.settled(before, found.report.answered)
        print(
            f"{name}: {found.report.summary()}; {found.unrecorded} answers not recorded, "
            f"{found.unsummed:.9f} US dollars in no sum"
        )
        assert found.report.wrong == ()

    def other_works(self) -> None:
        """Wait until the other tenant's key works, too."""
        wait_until(lambda: len(self.other.run().answered) == self.other.requests, "the other tenant is answered")


def scene_of(team: TeamPlatform, kubectl: cluster.Kubectl, seconds: float = 900.0) -> Scene:
    """Eight requests a second at most, which the tenant's limit of 600 a minute lets through, for so long at most."""
    load = Load(
        service_url(kubectl),
        team.keys[TENANT],
        MODEL,
        concurrency=CONCURRENCY,
        pause_seconds=0.5,
        requests=20_000,
        seconds=seconds,
    )
    other = replace(load, key=team.keys[OTHER_TENANT], concurrency=1, requests=2, seconds=60)
    return Scene(kubectl, load, other)


def nothing_recorded_is_lost(found: Incident) -> None:
    """Every whole answer is in the spend log, and the three places have the same sum.

    What a client lost may have been answered, and paid for, all the same; the three still agree on it.
    """
    assert found.unrecorded == 0, found.report.summary()
    assert found.added.agrees, (found.added.team, found.added.key, found.added.logged)


def nothing_but(found: Incident, lost: int, statuses: set[int] | None = None, *, unconnected: bool = False) -> None:
    """No more than `lost` requests without an answer, and refusals with these statuses alone.

    With `unconnected`, beside any number whose connection nobody took: where no replica is ready, the Service has none.
    """
    taken = [one for one in found.report.lost if not (unconnected and NOT_CONNECTED in one.message)]
    assert len(taken) <= lost, found.report.summary()
    assert {outcome.status for outcome in found.report.refused} <= (statuses or set()), found.report.summary()


def only_meanwhile(report: Report, faults: Sequence[Fault], afterwards: float) -> None:
    """Who got no answer was waiting for one while something was broken, or asked within `afterwards` seconds of it."""
    elsewhere = [
        outcome
        for outcome in report.unanswered
        if not any(
            fault.began <= outcome.began + outcome.seconds and outcome.began <= fault.ended + afterwards
            for fault in faults
        )
    ]
    assert faults
    assert elsewhere == [], report.summary()
