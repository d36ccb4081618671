"""A difference as one JSON document, for programs."""

import json
from typing import Any, TypedDict

from infra.diff.keys import KeyChange
from infra.diff.model import (
    ControlChange,
    MoneyRange,
    NamedChange,
    PoolCapacity,
    PoolChange,
    Range,
    StackDifference,
    Totals,
    WaiverChange,
)
from infra.diff.resources import Action, ResourceChange
from infra.prices import READ_ON, SOURCE
from infra.report.posture_json import FindingDocument, finding_document
from infra.report.transition_text import steps_document


class KeyDocument(TypedDict):
    """One key that differs; null where it is not there."""

    key: str
    before: str | None
    after: str | None


class NamedDocument(TypedDict):
    """A tenant or a model; `change` is `added`, `changed` or `removed`."""

    name: str
    change: str
    keys: list[KeyDocument]


class ControlDocument(TypedDict):
    """One control whose state differs, or that is missing afterwards."""

    id: str
    title: str
    before: str | None
    after: str | None
    lost: bool
    missing: bool
    gained: bool
    because: str
    required_by: list[str]
    at_risk: str


class WaiverDocument(TypedDict):
    """One waiver; `event` is `added`, `extended`, `changed`, `removed` or `ends soon`; days as YYYY-MM-DD."""

    control: str
    event: str
    owner: str
    reason: str
    expires: str
    expired_before: str | None


class RangeDocument(TypedDict):
    """At a pool's fewest nodes, and at its most."""

    least: float
    most: float


class PoolDocument(TypedDict):
    """What one pool holds; `usd_per_month` is null where `not_priced` says why."""

    node_pool: str
    machine_type: str | None
    nodes: RangeDocument
    gpus: RangeDocument
    mig_instances: RangeDocument
    usd_per_month: RangeDocument | None
    not_priced: str


class PoolChangeDocument(TypedDict):
    """A pool that differs; null where it is not there."""

    name: str
    before: PoolDocument | None
    after: PoolDocument | None


class TotalsDocument(TypedDict):
    """All pools together; the money is that of the pools that `not_priced` does not name."""

    nodes: RangeDocument
    gpus: RangeDocument
    mig_instances: RangeDocument
    usd_per_month: RangeDocument
    not_priced: list[str]


class CapacityDocument(TypedDict):
    """Pools that differ, the sums over all pools, and where the prices are from."""

    pools: list[PoolChangeDocument]
    before: TotalsDocument | None
    after: TotalsDocument | None
    prices_from: str
    prices_as_of: str


class CacheDocument(TypedDict):
    """What to expect of one model's reuse of prefixes."""

    model: str
    before: str
    after: str
    effect: str


class ResourceDocument(TypedDict):
    """One resource that is deleted or replaced."""

    urn: str
    action: str
    name: str
    component: str
    tenant: str
    forced_by: list[str]
    holds_data: bool
    protected: bool
    kept: bool


class DifferenceDocument(TypedDict):
    """A difference; see `StackDifference` for what each field means.

    `counts` says how many resources the plan deletes, replaces, updates and creates; null without a plan. `steps` are
    those of `bulkhead transition --plan --format json` where one plain update is refused, and none where one does it.
    """

    stack: str
    before: str
    after: str
    tier_before: str | None
    tier_after: str | None
    errors: list[FindingDocument]
    warnings: list[FindingDocument]
    controls: list[ControlDocument]
    waivers: list[WaiverDocument]
    tenants: list[NamedDocument]
    models: list[NamedDocument]
    capacity: CapacityDocument
    caches: list[CacheDocument]
    settings: list[KeyDocument]
    secrets: dict[str, str]
    destructive: list[ResourceDocument]
    counts: dict[str, int] | None
    steps: list[dict[str, Any]]


def difference_document(difference: StackDifference) -> DifferenceDocument:
    """`difference` as plain lists, dictionaries and strings."""
    before, after = difference.tiers
    return {
        "stack": difference.stack,
        "before": difference.before,
        "after": difference.after,
        "tier_before": str(before) if before else None,
        "tier_after": str(after) if after else None,
        "errors": [finding_document(finding) for finding in difference.errors],
        "warnings": [finding_document(finding) for finding in difference.warnings],
        "controls": [_control(change) for change in difference.controls],
        "waivers": [_waiver(waiver) for waiver in difference.waivers],
        "tenants": [_named(change) for change in difference.tenants],
        "models": [_named(change) for change in difference.models],
        "capacity": _capacity(difference),
        "caches": [
            {"model": one.model, "before": one.before, "after": one.after, "effect": one.effect}
            for one in difference.caches
        ],
        "settings": [_key(change) for change in difference.settings],
        "secrets": {name: str(change) for name, change in difference.secrets},
        "destructive": [_resource(change) for change in difference.destructive],
        "counts": _counts(difference),
        "steps": steps_document(difference.way),
    }


def difference_json(difference: StackDifference) -> str:
    """`difference` as JSON text in ASCII; no final line break. Equal differences give equal bytes."""
    return json.dumps(difference_document(difference), indent=2)


def _control(change: ControlChange) -> ControlDocument:
    return {
        "id": str(change.control.id),
        "title": change.control.title,
        "before": str(change.before) if change.before else None,
        "after": str(change.after) if change.after else None,
        "lost": change.lost,
        "missing": change.missing,
        "gained": change.gained,
        "because": change.because,
        "required_by": list(change.required_by),
        "at_risk": change.control.at_risk,
    }


def _waiver(waiver: WaiverChange) -> WaiverDocument:
    return {
        "control": str(waiver.control),
        "event": str(waiver.event),
        "owner": waiver.owner,
        "reason": waiver.reason,
        "expires": waiver.expires.isoformat(),
        "expired_before": waiver.expired_before.isoformat() if waiver.expired_before else None,
    }


def _named(change: NamedChange) -> NamedDocument:
    return {"name": change.name, "change": str(change.change), "keys": [_key(key) for key in change.keys]}


def _key(change: KeyChange) -> KeyDocument:
    return {"key": change.key, "before": change.before, "after": change.after}


def _capacity(difference: StackDifference) -> CapacityDocument:
    capacity = difference.capacity
    return {
        "pools": [_pool_change(change) for change in capacity.pools],
        "before": _totals(capacity.before),
        "after": _totals(capacity.after),
        "prices_from": SOURCE,
        "prices_as_of": READ_ON,
    }


def _pool_change(change: PoolChange) -> PoolChangeDocument:
    return {"name": change.name, "before": _pool(change.before), "after": _pool(change.after)}


def _pool(pool: PoolCapacity | None) -> PoolDocument | None:
    if pool is None:
        return None
    return {
        "node_pool": pool.node_pool,
        "machine_type": pool.machine_type,
        "nodes": _range(pool.nodes),
        "gpus": _range(pool.gpus),
        "mig_instances": _range(pool.mig_instances),
        "usd_per_month": _range(pool.usd_per_month) if pool.usd_per_month else None,
        "not_priced": pool.not_priced,
    }


def _totals(totals: Totals | None) -> TotalsDocument | None:
    if totals is None:
        return None
    return {
        "nodes": _range(totals.nodes),
        "gpus": _range(totals.gpus),
        "mig_instances": _range(totals.mig_instances),
        "usd_per_month": _range(totals.usd_per_month),
        "not_priced": list(totals.not_priced),
    }


def _range(span: Range | MoneyRange) -> RangeDocument:
    return {"least": round(span.least, 2), "most": round(span.most, 2)}


def _resource(change: ResourceChange) -> ResourceDocument:
    return {
        "urn": change.urn,
        "action": str(change.action),
        "name": change.name,
        "component": change.component,
        "tenant": change.tenant,
        "forced_by": list(change.forced_by),
        "holds_data": change.loses_data,
        "protected": change.protected,
        "kept": change.kept,
    }


def _counts(difference: StackDifference) -> dict[str, int] | None:
    if difference.resources is None:
        return None
    actions = [change.action for change in difference.resources]
    return {str(action): actions.count(action) for action in Action}
