"""A walk from tier to tier on the `local` stack, with its model in use all the time."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from infra.config.trust import Tier
from lab.cluster import Kubectl
from tests.lab.capacity import watching_capacity
from tests.lab.ledger import DUST, PRICE, Ledger
from tests.lab.load import Load, Outcome, Report, RunningLoad, service_url
from tests.lab.local_stack import STACK, LocalStack
from tests.lab.midway import Kill, killed_midway
from tests.lab.platform import ENGINES, GATEWAY, MODEL, TENANT, cooperative, permission_to_lower, tenants_of
from tests.lab.records import Records, records

WALK_SECONDS = 10_800.0
ANSWER_SECONDS = 120.0
COLUMNS = (
    "change",
    "seconds",
    "requests",
    "lost",
    "longest time without an answer, s",
    "with fewer replicas than there are to be, s",
    "records lost",
)
ENGINE_KEYS = {"engine_key_generation", "oldest_engine_key_generation"}
LOWERING = re.compile(r"The tier goes down from .*? afterwards\.", re.DOTALL)
"""The warning of a tier that is lowered; the engine may break it into lines."""


@dataclass(frozen=True)
class Leg:
    """One change of the walk and what came of it.

    Attributes:
        name: What changed.
        seconds: From its begin until the model was seen to answer after it.
        report: The requests that ended meanwhile.
        lost: What of the platform's records is gone or another.
        degraded: For how many of the seconds fewer replicas of the gateway or of a model were ready than there are to
            be, though they had been.
        warnings: What of `preview` and `up` → how it warned that the tier goes down; without those that did not, and
            empty where the change was made by an `up` that was killed.
    """

    name: str
    seconds: float
    report: Report
    lost: Sequence[str]
    degraded: float
    warnings: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def longest_gap(self) -> float:
        """The longest time in seconds in which no answer ended."""
        ends = sorted(one.began + one.seconds for one in self.report.answered)
        return max((after - before for before, after in pairwise(ends)), default=self.seconds)

    @property
    def unanswered(self) -> tuple[Outcome, ...]:
        """Requests without their right answer."""
        return self.report.unanswered

    def row(self) -> str:
        """One line of the table in benchmarks/README.md."""
        cells = (
            f"`{self.name}`",
            f"{self.seconds:.0f}",
            f"{len(self.report.outcomes):,}",
            f"{len(self.unanswered)}",
            f"{self.longest_gap:.1f}",
            f"{self.degraded:.1f}",
            ", ".join(self.lost) or "none",
        )
        return f"| {' | '.join(cells)} |"


def print_table(legs: Iterable[Leg]) -> None:
    """The walk, a line for each change, as benchmarks/README.md has it."""
    print(f"\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for leg in legs:
        print(leg.row())


@dataclass(frozen=True)
class Walker:
    """The platform with two tenants who cooperate, in whatever tier."""

    stack: LocalStack
    kubectl: Kubectl

    @contextmanager
    def in_use(self) -> Generator[RunningLoad]:
        """The model, called again and again, with a tenant's key.

        Raises:
            AssertionError: At the end, where a request got no right answer: also one that ended between two legs, or
                whose answer is another than in an earlier leg. And where what was spent with the key is not, to the
                last fraction of a cent, what the answers cost.
        """
        key = self.stack.engine.outputs(show_secrets=True)["tenant_keys"][TENANT]
        ledger = Ledger(self.kubectl, key)
        before = ledger.at_rest()
        load = Load(
            service_url(self.kubectl),
            key,
            MODEL,
            concurrency=2,
            pause_seconds=1.5,
            seconds=WALK_SECONDS,
            requests=100_000,
        )
        with load.running() as run:
            run.wait_for_answers(2, ANSWER_SECONDS)
            yield run
        whole = run.report
        assert (whole.unanswered, whole.failure) == ((), ""), whole.summary()
        added = ledger.settled(before, whole.answered)
        assert added.missing(whole.answered) == ()
        assert added.agrees, (added.team, added.key, added.logged)
        assert abs(added.team - whole.cost(*PRICE)) < DUST

    def leg(self, name: str, run: RunningLoad, change: Callable[[], None], but_for: str = "") -> Leg:
        """Carry a change out under the load, and see what came of it.

        Args:
            name: What changes.
            run: The load meanwhile.
            change: Carries it out.
            but_for: A tenant who comes or goes by it, whose own account is no loss.
        """
        before, began = records(self.kubectl), time.time()
        with watching_capacity(self.kubectl, (GATEWAY, ENGINES)) as capacity:
            change()
            run.wait_for_answers(3, ANSWER_SECONDS)
            degraded = capacity.degraded_seconds()
        ended = time.time()
        outcomes = tuple(one for one in run.so_far().outcomes if began <= one.began + one.seconds <= ended)
        lost = records(self.kubectl).but_for(but_for).lost_since(before.but_for(but_for))
        leg = Leg(name, ended - began, Report(outcomes, ended - began), lost, degraded)
        print(leg.row(), flush=True)
        return leg

    def go(self, tier: Tier, run: RunningLoad, *, killed_at: float) -> Leg:
        """Change the tier.

        Args:
            tier: The tier to go to.
            run: The load meanwhile.
            killed_at: The share of the objects that change after which the first `up` is killed, and made again; 0
                kills none, and the change is made by the command that plans it.
        """
        deployed = Tier(self.stack.value("trust")["tier"])
        self.stack.edit(trust=self._trust(tier))
        (_,) = json.loads(self.bulkhead("transition", "--plan", "--format", "json").stdout)["steps"]
        said: dict[str, str] = {}
        objects = self.stack.changing() if killed_at else frozenset[str]()

        def change() -> None:
            if killed_at:
                killed = self.stack.killed_midway(objects, killed_at)
                assert killed.midway, (killed, killed.said)
                print(f"killed after {killed.done} of {killed.of} objects", flush=True)
                self.stack.deploy()
            else:
                said["up"] = self.bulkhead("transition", "--yes").stdout

        if tier.rank < deployed.rank and not killed_at:
            said["preview"] = self._preview()
        leg = self.leg(f"{deployed} > {tier}", run, change)
        warned = {command: found[0] for command, words in said.items() if (found := LOWERING.findall(words))}
        return replace(leg, warnings={command: " ".join(words.split()) for command, words in warned.items()})

    def records(self) -> Records:
        """What the platform holds now."""
        return records(self.kubectl)

    def urns(self) -> set[str]:
        """The names by which the engine knows every resource."""
        exported: dict[str, Any] = self.stack.engine.exported()
        return {resource["urn"] for resource in exported["deployment"]["resources"]}

    def _preview(self) -> str:
        """What `pulumi preview` prints, as whoever changes a tier reads it first."""
        done = self.stack.engine.capture("preview", "--non-interactive")
        assert done.status == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def bulkhead(self, command: str, *arguments: str, status: int = 0) -> "subprocess.CompletedProcess[str]":
        """A command of `bulkhead` on the stack, run in its project as a person runs it.

        Args:
            command: The command.
            arguments: Its further arguments.
            status: How it has to end.
        """
        done = subprocess.run(
            _bulkhead(command, *arguments),
            cwd=self.stack.folder,
            env=self.stack.engine.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def killed_transition(self, tier: Tier, share: float) -> Kill:
        """Write a tier into the stack file, and kill `bulkhead transition` with all it started on the way there.

        Args:
            tier: The tier to go to.
            share: Of the objects that change: after how many of them it is killed.
        """
        self.stack.edit(trust=self._trust(tier))
        objects = self.stack.changing()
        command = _bulkhead("transition", "--yes")
        return killed_midway(command, self.stack.folder, self.stack.engine.environment, objects, share)

    def _trust(self, tier: Tier) -> dict[str, object]:
        return {**cooperative(), "tier": str(tier), **permission_to_lower(self.stack, tier)}


def _bulkhead(command: str, *arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("bulkhead")), command, "--stack", STACK, *arguments]


def walker_of(stack: LocalStack, kubectl: Kubectl) -> Generator[Walker]:
    """The stack in the `trusted` tier with two tenants, and afterwards as its file says now, but for engines' keys."""
    trust = stack.value("trust")
    before = stack.file.read_text()
    stack.edit(
        trust={**cooperative(), **permission_to_lower(stack, "trusted")},
        tenants=tenants_of(stack),
    )
    stack.deploy()
    try:
        yield Walker(stack, kubectl)
    finally:
        drawn = {key: number for key, number in stack.value("gateway").items() if key in ENGINE_KEYS}
        stack.file.write_text(before)
        # Engines that took the first key alone would refuse the one that the gateway shows: no update goes back.
        stack.edit(
            trust={**trust, **permission_to_lower(stack, trust["tier"])},
            gateway={**stack.value("gateway"), **drawn},
        )
        stack.deploy()
