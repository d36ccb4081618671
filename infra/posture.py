"""A stack's posture with the real catalogue, and the blueprint that carries it."""

import datetime
from dataclasses import dataclass, replace

from infra.advisory_findings import advisory_findings
from infra.blueprint.model import Blueprint
from infra.blueprint.placement import Placement, placement_of
from infra.blueprint.trusted import trusted_blueprint
from infra.cache_findings import cache_findings
from infra.config.stack import StackConfig
from infra.controls.catalogue import CONTROLS, apply_enforced, available, objects_in_force
from infra.free_findings import free_findings
from infra.hardware_findings import hardware_findings
from infra.observability_findings import observability_findings
from infra.retiring_findings import emptied_findings, retiring_findings
from infra.traffic_findings import traffic_findings
from infra.trust.posture import Finding, Posture, Severity
from infra.trust.resolver import nearest_path, resolve, written_of


@dataclass(frozen=True)
class Platform:
    """What a stack will be: its posture, and the blueprint that carries every control in force.

    Attributes:
        placement: Who may use which of its GPUs.
        config: What it is made from.
    """

    posture: Posture
    blueprint: Blueprint
    placement: Placement
    config: StackConfig


def platform_of(stack: str, config: StackConfig, today: datetime.date) -> Platform:
    """The platform of a configuration that the loader accepted.

    The posture may be unsound; whoever deploys refuses it then.

    Args:
        stack: The stack's name.
        config: The configuration.
        today: The day on which waivers are judged.
    """
    posture = resolve(stack, config, CONTROLS, today, available())
    blueprint = apply_enforced(trusted_blueprint(stack, config), posture)
    objects = objects_in_force(blueprint, posture)
    rows = tuple(replace(row, objects=objects.get(row.control.id, ())) for row in posture.controls)
    placement = placement_of(blueprint)
    judged = _judged(config, replace(posture, controls=rows), blueprint, placement)
    return Platform(judged, blueprint, placement, config)


def _judged(config: StackConfig, posture: Posture, blueprint: Blueprint, placement: Placement) -> Posture:
    """`posture` with what is wrong with placement, pools, versions, prices, caches, traffic and metrics.

    Errors come first, in the catalogue's order.
    """
    written = written_of(config)
    judgements = (
        *hardware_findings(config, posture, blueprint, placement),
        *retiring_findings(config, posture),
        *emptied_findings(config),
        *advisory_findings(config, posture),
        *free_findings(config, posture),
        *cache_findings(posture, blueprint),
        *traffic_findings(config, blueprint),
        *observability_findings(config),
    )
    found = [replace(finding, path=nearest_path(written, finding.path)) for finding in judgements]
    order = [None, *(row.control.id for row in posture.controls)]

    def place(finding: Finding) -> tuple[bool, int]:
        return finding.severity is Severity.WARNING, order.index(finding.control)

    return replace(posture, findings=tuple(sorted((*posture.findings, *found), key=place)))


def posture_of(stack: str, config: StackConfig, today: datetime.date) -> Posture:
    """The posture of a configuration that the loader accepted, with the objects that realise each control."""
    return platform_of(stack, config, today).posture
