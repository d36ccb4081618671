"""Every control in order, and what each does to a blueprint."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId
from infra.controls import (
    ac1_virtual_key_per_tenant,
    ac2_budgets_and_prices,
    ac3_gpu_quota_by_kueue,
    hw1_hard_gpu_partition,
    hw2_no_time_slicing,
    hw3_placement_cannot_be_forged,
    kv1_prefix_cache_scoped,
    kv2_no_prefix_co_location,
    kv3_no_shared_kv_tier,
    ns1_namespace_per_tenant,
    ns2_quota_per_tenant,
    ns3_least_privilege_rbac,
    ns4_default_deny_network,
    sr1_gateway_is_sole_caller,
    sr2_no_gpu_without_own_queue,
    sr3_budgets_fail_closed,
)
from infra.trust.control import Control
from infra.trust.posture import Posture

Hardening = Callable[[Blueprint], Blueprint]
"""A pure function from a blueprint to one that carries a control."""


@dataclass(frozen=True)
class CatalogueEntry:
    """A control with what it does.

    Attributes:
        control: The control.
        apply: Turns a blueprint into one that carries the control; None while the control is not available.
        objects: Names what realises the control in a blueprint that carries it, as `ClusterQueue/research`.
    """

    control: Control
    apply: Hardening | None
    objects: Callable[[Blueprint], tuple[str, ...]]


def _entry(module: ModuleType) -> CatalogueEntry:
    return CatalogueEntry(module.CONTROL, module.apply, module.objects)


CATALOGUE: tuple[CatalogueEntry, ...] = tuple(
    _entry(module)
    for module in (
        ac1_virtual_key_per_tenant,
        ac2_budgets_and_prices,
        ac3_gpu_quota_by_kueue,
        sr1_gateway_is_sole_caller,
        sr2_no_gpu_without_own_queue,
        sr3_budgets_fail_closed,
        ns1_namespace_per_tenant,
        ns2_quota_per_tenant,
        ns3_least_privilege_rbac,
        ns4_default_deny_network,
        kv1_prefix_cache_scoped,
        kv2_no_prefix_co_location,
        kv3_no_shared_kv_tier,
        hw1_hard_gpu_partition,
        hw2_no_time_slicing,
        hw3_placement_cannot_be_forged,
    )
)
"""Every control, from the most trusting tier's to the least; controls are applied in this order."""

CONTROLS: tuple[Control, ...] = tuple(entry.control for entry in CATALOGUE)
"""The catalogue's rows."""


def available() -> frozenset[ControlId]:
    """The controls that the program can realise today."""
    return frozenset(entry.control.id for entry in CATALOGUE if entry.apply is not None)


def apply_enforced(blueprint: Blueprint, posture: Posture) -> Blueprint:
    """`blueprint` hardened by every control that acts or reports in `posture`, in the catalogue's order.

    Raises:
        ValueError: the blueprint lacks what a control rests on; a bug of the program, since the loader has checked
            the configuration.
    """
    deployed = posture.deployed
    for entry in CATALOGUE:
        if entry.apply is not None and entry.control.id in deployed:
            blueprint = entry.apply(blueprint)
    return blueprint


def objects_in_force(blueprint: Blueprint, posture: Posture) -> dict[ControlId, tuple[str, ...]]:
    """Control in force → what realises it in `blueprint`, which already carries the controls."""
    in_force = posture.in_force
    return {entry.control.id: entry.objects(blueprint) for entry in CATALOGUE if entry.control.id in in_force}
