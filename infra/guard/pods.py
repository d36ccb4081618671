"""Pods inside whatever makes them: the rules ask of a Job's pods what they ask of a Pod."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from infra.guard.model import mapping

CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")
GPU_PREFIX = "nvidia.com/"


def pod_specs(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every pod specification below a value, of kinds that are known here and of those that are not."""
    if isinstance(value, Mapping):
        known = cast("Mapping[str, Any]", value)
        if isinstance(known.get("containers"), list):
            yield known
            return
        for item in known.values():
            yield from pod_specs(item)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from pod_specs(item)


def containers(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every container of a pod, those that only start it included."""
    for key in CONTAINER_LISTS:
        for entry in cast("list[Any]", spec.get(key) or []):
            yield mapping(entry)


def asks_for_gpus(spec: Mapping[str, Any]) -> bool:
    """Whether a pod asks for NVIDIA devices, by name or by a claim, which may be for any device."""
    if spec.get("resourceClaims"):
        return True
    for container in containers(spec):
        resources = mapping(container.get("resources"))
        if resources.get("claims"):
            return True
        for asked in (mapping(resources.get("limits")), mapping(resources.get("requests"))):
            if any(name.startswith(GPU_PREFIX) and str(count) != "0" for name, count in asked.items()):
                return True
    return False
