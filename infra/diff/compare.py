"""Two sides of a change, and all that differs between them."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from infra.config.stack import PROJECT, SECRET_KEYS, StackConfig
from infra.diff.caches import PrefixCache, cache_effects, prefix_caches
from infra.diff.capacity import PoolsByName, capacity_change, pools_of
from infra.diff.controls import control_changes, new_warnings, waiver_changes
from infra.diff.keys import KeyChange, key_changes
from infra.diff.model import Change, NamedChange, StackDifference
from infra.diff.resources import ForcingPaths, ResourceChange, resource_changes
from infra.plan.model import Plan
from infra.posture import Platform
from infra.transition.state import state_of
from infra.transition.steps import Step, steps
from infra.transition.way import is_refused_as_one
from infra.trust.lowering import DeployedPosture
from infra.trust.posture import Posture

TOLD_ELSEWHERE = frozenset({"models", "tenants"})
"""Keys of the stack file that have a part of the difference of their own."""
ABSENT = "nothing"
"""What a side without a stack file is called."""
WAIVERS = ("trust", "waivers")


@dataclass(frozen=True)
class Side:
    """One side of a change.

    Attributes:
        label: What it is, as `main` or a file's name.
        config: Its configuration.
        platform: What becomes of that.
        plan: What the program would register; None where the posture is unsound and nothing would be.
        secrets: Secret of the stack file → its ciphertext, which tells only whether it was written anew.
    """

    label: str
    config: StackConfig
    platform: Platform
    plan: Plan | None
    secrets: Mapping[str, object]

    @property
    def posture(self) -> Posture:
        """Its posture."""
        return self.platform.posture


def secrets_of(document: Mapping[str, object]) -> dict[str, object]:
    """The secrets that a stack file's document sets, encrypted as they stand there."""
    full = {name: f"{PROJECT}:{name}" for name in sorted(SECRET_KEYS)}
    return {name: document[key] for name, key in full.items() if key in document}


def compare(
    before: Side | None, after: Side | None, *, stack: str, forcing: ForcingPaths, today: datetime.date
) -> StackDifference:
    """All that differs between two sides.

    Args:
        before: What is deployed; None where the stack is new.
        after: What is to be; None where its stack file goes.
        stack: The stack's name.
        forcing: Which changes force a resource's replacement.
        today: The day on which waivers are judged.
    """
    was, now = before.config if before else None, after.config if after else None
    postures = (before.posture if before else None, after.posture if after else None)
    written = (_written(was), _written(now))
    return StackDifference(
        stack=stack,
        before=before.label if before else ABSENT,
        after=after.label if after else ABSENT,
        tiers=(was.trust.tier if was else None, now.trust.tier if now else None),
        errors=postures[1].errors if postures[1] else (),
        warnings=new_warnings(*postures),
        controls=control_changes(*postures),
        waivers=waiver_changes(was, now, today),
        tenants=_named_changes(_list(written[0], "tenants"), _list(written[1], "tenants")),
        models=_named_changes(_list(written[0], "models"), _list(written[1], "models")),
        capacity=capacity_change(_pools(before), _pools(after)),
        caches=cache_effects(_caches(before), _caches(after)),
        settings=_settings(*written),
        secrets=_secret_changes(before.secrets if before else {}, after.secrets if after else {}),
        resources=_resources(before, after, forcing),
        way=_way(before, after),
    )


def _written(config: StackConfig | None) -> Mapping[str, Any]:
    """The configuration with its defaults: a default that changes is a change, and one that is written out is none."""
    return config.model_dump(mode="json") if config else {}


def _list(written: Mapping[str, Any], key: str) -> Iterable[Mapping[str, Any]]:
    return written.get(key, ())


def _named_changes(before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]) -> tuple[NamedChange, ...]:
    was, now = ({str(thing["name"]): _unordered(thing) for thing in side} for side in (before, after))
    names = sorted(was.keys() | now.keys())
    return tuple(
        NamedChange(name, _event(name in was, name in now), key_changes(was.get(name), now.get(name)))
        for name in names
        if was.get(name) != now.get(name)
    )


def _unordered(thing: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without its name, and with lists of names in order: another order of a tenant's models is no change."""
    return {key: _sorted(value) for key, value in thing.items() if key != "name"}


def _sorted(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    items = cast("list[Any]", value)
    return sorted(items) if all(isinstance(item, str) for item in items) else items


def _event(was_there: bool, is_there: bool) -> Change:
    if was_there and is_there:
        return Change.CHANGED
    return Change.ADDED if is_there else Change.REMOVED


def _settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[KeyChange, ...]:
    """Every other key; the whole of a new stack, or of one that goes, would say nothing that is not said elsewhere."""
    if not before or not after:
        return ()
    was, now = ({key: value for key, value in side.items() if key not in TOLD_ELSEWHERE} for side in (before, after))
    return tuple(change for change in key_changes(was, now) if change.path[:2] != WAIVERS)


def _secret_changes(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[tuple[str, Change], ...]:
    return tuple(
        (name, _event(name in before, name in after))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )


def _pools(side: Side | None) -> PoolsByName | None:
    return pools_of(side.config, side.platform.blueprint) if side else None


def _caches(side: Side | None) -> Mapping[str, PrefixCache]:
    return prefix_caches(side.platform.blueprint) if side else {}


def _resources(before: Side | None, after: Side | None, forcing: ForcingPaths) -> tuple[ResourceChange, ...] | None:
    if after is not None and after.plan is None:
        return None
    return resource_changes(before.plan if before else None, after.plan if after else None, forcing)


def _way(before: Side | None, after: Side | None) -> tuple[Step, ...]:
    """The updates from what the side before would have made, where one plain update of the side after is refused."""
    if before is None or after is None or after.posture.errors:
        return ()
    deployed = state_of(before.config, before.platform.blueprint)
    if not is_refused_as_one(after.platform, deployed):
        return ()
    return steps(deployed, DeployedPosture(before.posture.tier, before.posture.in_force), after.platform)
