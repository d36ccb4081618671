"""The difference between two configurations of a stack, as frozen data.

Nothing in it depends on the hour at which it was made, and every collection is in a fixed order, so that a report that
is made again reads the same.
"""

import datetime
from dataclasses import dataclass
from enum import StrEnum

from infra.config.trust import ControlId, Tier
from infra.diff.keys import KeyChange
from infra.diff.resources import ResourceChange
from infra.transition.steps import Step
from infra.trust.control import Control
from infra.trust.posture import ControlState, Finding


class Change(StrEnum):
    """What became of something that the two configurations name."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True)
class NamedChange:
    """A tenant, a model or a pool that came, went or changed; `keys` says how it changed, or what came."""

    name: str
    change: Change
    keys: tuple[KeyChange, ...]


@dataclass(frozen=True)
class ControlChange:
    """A control whose state differs, or that is required and missing afterwards.

    Attributes:
        control: The catalogue's row.
        before: Its state before; None where the stack is new.
        after: Its state afterwards; None where the stack goes.
        because: Why it has the state that it has afterwards, or had.
        required_by: The facts that require it afterwards.
    """

    control: Control
    before: ControlState | None
    after: ControlState | None
    because: str
    required_by: tuple[str, ...]

    @property
    def lost(self) -> bool:
        """Whether it was in force and is no longer."""
        return _acts(self.before) and not _acts(self.after)

    @property
    def gained(self) -> bool:
        """Whether it comes into force."""
        return _acts(self.after) and not _acts(self.before)

    @property
    def missing(self) -> bool:
        """Whether it is required afterwards, and neither in force nor waived."""
        return self.after is ControlState.DORMANT and bool(self.required_by)


def _acts(state: ControlState | None) -> bool:
    return state is not None and state.acts


class WaiverEvent(StrEnum):
    """What became of a waiver."""

    ADDED = "added"
    EXTENDED = "extended"
    CHANGED = "changed"
    REMOVED = "removed"
    ENDS_SOON = "ends soon"

    @property
    def alarms(self) -> bool:
        """Whether it lets a required control sleep longer, or is about to leave it neither in force nor waived."""
        return self in {WaiverEvent.ADDED, WaiverEvent.EXTENDED, WaiverEvent.ENDS_SOON}


@dataclass(frozen=True)
class WaiverChange:
    """A waiver that came, went, changed or is about to end; what it says afterwards, or said before it went."""

    control: ControlId
    event: WaiverEvent
    owner: str
    reason: str
    expires: datetime.date
    expired_before: datetime.date | None
    """When it would have ended before; None where there was none."""


@dataclass(frozen=True)
class Range:
    """A count at a pool's fewest nodes and at its most."""

    least: int
    most: int


@dataclass(frozen=True)
class MoneyRange:
    """US dollars a month at a pool's fewest nodes and at its most."""

    least: float
    most: float


@dataclass(frozen=True)
class PoolCapacity:
    """What one pool holds.

    Attributes:
        node_pool: The name of the nodes' pool, which holds its partitioning.
        machine_type: None where the stack does not make the nodes.
        nodes: How many.
        gpus: On all of them.
        mig_instances: On all of them; 0 where the GPUs are not split by MIG.
        usd_per_month: None where it is not priced.
        not_priced: Why it is not priced; empty where it is.
    """

    node_pool: str
    machine_type: str | None
    nodes: Range
    gpus: Range
    mig_instances: Range
    usd_per_month: MoneyRange | None
    not_priced: str


@dataclass(frozen=True)
class PoolChange:
    """A pool before and afterwards; None where it is not there."""

    name: str
    before: PoolCapacity | None
    after: PoolCapacity | None


@dataclass(frozen=True)
class Capacity:
    """The pools, and the sums over them.

    Attributes:
        pools: Every pool of either side that differs, by name.
        before: All pools together before; None where the stack is new.
        after: All pools together afterwards; None where the stack goes.
    """

    pools: tuple[PoolChange, ...]
    before: "Totals | None"
    after: "Totals | None"


@dataclass(frozen=True)
class Totals:
    """All pools together; the money is that of those that are priced."""

    nodes: Range
    gpus: Range
    mig_instances: Range
    usd_per_month: MoneyRange
    not_priced: tuple[str, ...]
    """Names of the pools whose cost is not in the sum."""


@dataclass(frozen=True)
class CacheEffect:
    """What a change does to one model's reuse of prefixes.

    Attributes:
        model: The model.
        before: Who shared its prefix cache, in words; empty where the model is new.
        after: Who shares it afterwards.
        effect: What to expect.
    """

    model: str
    before: str
    after: str
    effect: str


@dataclass(frozen=True)
class StackDifference:
    """All that differs between two configurations of a stack.

    Attributes:
        stack: The stack's name.
        before: What is compared from, as `main` or a file's name.
        after: What is compared to.
        tiers: The tier before and afterwards; None where there is no such side.
        errors: What makes the posture afterwards unsound, so that it is refused.
        warnings: What the posture afterwards warns of and that before did not, waivers at work aside.
        controls: Those that differ, or are missing afterwards: lost, missing, then gained, in the catalogue's order.
        waivers: Those that alarm first.
        tenants: Tenants that came, went or changed.
        models: Models likewise.
        capacity: Nodes, GPUs and what they cost.
        caches: Models whose reuse of prefixes changes.
        settings: Every other key of the stack file that differs, with the key that it stands under.
        secrets: Secrets of the stack file that came, went or were written anew; never what they hold.
        resources: What the plan deletes, replaces, changes and makes; None where the posture is unsound.
        way: The updates that carry it out where one plain update is refused, since jobs may run on nodes that go; empty
            where one does it.
    """

    stack: str
    before: str
    after: str
    tiers: tuple[Tier | None, Tier | None]
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    controls: tuple[ControlChange, ...]
    waivers: tuple[WaiverChange, ...]
    tenants: tuple[NamedChange, ...]
    models: tuple[NamedChange, ...]
    capacity: Capacity
    caches: tuple[CacheEffect, ...]
    settings: tuple[KeyChange, ...]
    secrets: tuple[tuple[str, Change], ...]
    resources: tuple[ResourceChange, ...] | None
    way: tuple[Step, ...]

    @property
    def lost(self) -> tuple[ControlChange, ...]:
        """The controls that are no longer in force, and those that are required and missing."""
        return tuple(change for change in self.controls if change.lost or change.missing)

    @property
    def gained(self) -> tuple[ControlChange, ...]:
        """The controls that come into force."""
        return tuple(change for change in self.controls if change.gained)

    @property
    def alarming_waivers(self) -> tuple[WaiverChange, ...]:
        """The waivers that came, last longer or are about to end."""
        return tuple(waiver for waiver in self.waivers if waiver.event.alarms)

    @property
    def destructive(self) -> tuple[ResourceChange, ...]:
        """What the plan deletes or replaces."""
        return tuple(change for change in self.resources or () if change.action.destroys)
