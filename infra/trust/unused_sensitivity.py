"""Tenants that are said to be sensitive where the controls that go by it sleep."""

from collections.abc import Collection, Iterator, Sequence

from infra.config.stack import StackConfig
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control
from infra.trust.posture import Finding, Severity

_USES = {
    ControlId.KV1: "KV1, which gives it engines of its own",
    ControlId.HW1: "HW1, which keeps everybody else off the nodes of its GPUs",
}


def unused_sensitivity(
    config: StackConfig, asked_for: Collection[ControlId], controls: Sequence[Control]
) -> Iterator[Finding]:
    """A warning for each sensitive tenant, as long as a control that sets such tenants apart is not asked for.

    What the word asks of a tenant's GPUs it asks in every tier, and that is told as a requirement.

    Args:
        config: The configuration.
        asked_for: The controls that the tier or the stack file asks for.
        controls: Every control, once each.
    """
    asleep = [control for control in _USES if control not in asked_for]
    # One tenant meets nobody, whatever it says.
    if not asleep or len(config.tenants) == 1:
        return
    used_from = _first_tier_with(asleep, controls)
    for index, tenant in enumerate(config.tenants):
        if tenant.sensitive:
            yield Finding(
                Severity.WARNING,
                asleep[0] if len(asleep) == 1 else None,
                f"bulkhead:tenants[{index}].sensitive",
                f"Tenant {tenant.name} is sensitive, and {_changes(config, asleep)}: neither tier {config.trust.tier}"
                f" nor bulkhead:trust.enable asks for {', or for '.join(_USES[control] for control in asleep)}. Write:"
                f" bulkhead:trust.tier: {used_from}, or {' and '.join(asleep)} under bulkhead:trust.enable; or leave"
                " it for the day on which that is asked for.",
            )


def _first_tier_with(wanted: Collection[ControlId], controls: Sequence[Control]) -> Tier:
    """The tier that brings all of these controls."""
    return max((control.enforced_from for control in controls if control.id in wanted), key=lambda tier: tier.rank)


def _changes(config: StackConfig, asleep: Collection[ControlId]) -> str:
    if len(asleep) < len(_USES):
        return "that changes less than it could"
    return "that changes nothing but which GPUs it may use" if config.gpu_pools else "that changes nothing"
