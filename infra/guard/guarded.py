"""What there is to guard in a stack. Here alone the guard reads what a component makes of a part of the blueprint."""

from collections.abc import Mapping
from typing import Any

from components.admission import gpu_policies
from infra.blueprint.gpu_admission import gpu_admission_part
from infra.blueprint.model import Blueprint
from infra.guard.model import Guard
from infra.posture import Platform


def guard_of(platform: Platform) -> Guard:
    """What there is to guard in a stack."""
    return Guard(
        in_force=platform.posture.in_force,
        blueprint=platform.blueprint,
        objects={row.control.id: row.objects for row in platform.posture.controls if row.state.acts},
        admission_policies=_admission_policies(platform.blueprint),
        errors=platform.posture.errors,
    )


def _admission_policies(blueprint: Blueprint) -> Mapping[str, Mapping[str, Any]]:
    if not blueprint.admission.installed:
        return {}
    made = gpu_policies(gpu_admission_part(blueprint))
    return {manifest["metadata"]["name"]: manifest["spec"] for manifest in made}
