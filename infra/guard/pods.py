"""Pods inside whatever makes them: the rules ask of a Job's pods what they ask of a Pod."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from infra.blueprint.devices import CLASS_PREFIX, GPU_PREFIX
from infra.values import listed, mapping

CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")
WITHOUT_PODS = frozenset({"data", "metadata", "stringData"})
"""Inputs that hold no pods, and are often secret or not known yet."""


def pod_specs(properties: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every pod specification in a resource's inputs, of kinds that are known here and of those that are not."""
    for key, value in properties.items():
        if key not in WITHOUT_PODS:
            yield from _below(value)


def _below(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        known = mapping(cast("Any", value))
        if listed(known.get("containers")):
            yield known
            return
        for item in known.values():
            yield from _below(item)
    else:
        for item in listed(value):
            yield from _below(item)


def containers(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every container of a pod, those that only start it included."""
    for key in CONTAINER_LISTS:
        yield from map(mapping, listed(spec.get(key)))


def every_container(properties: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The containers of every pod in a resource's inputs."""
    for spec in pod_specs(properties):
        yield from containers(spec)


def asks_for_gpus(spec: Mapping[str, Any]) -> bool:
    """Whether a pod asks for NVIDIA devices, by name or by a claim, which may be for any device."""
    if spec.get("resourceClaims"):
        return True
    for container in containers(spec):
        resources = mapping(container.get("resources"))
        if resources.get("claims"):
            return True
        for asked in (mapping(resources.get("limits")), mapping(resources.get("requests"))):
            if any(name.startswith((GPU_PREFIX, CLASS_PREFIX)) and str(count) != "0" for name, count in asked.items()):
                return True
    return False


def words(container: Mapping[str, Any]) -> list[str]:
    """What a container's command line consists of; a shell's script is taken apart at its spaces."""
    parts = (*listed(container.get("command")), *listed(container.get("args")))
    return [word for part in parts if isinstance(part, str) for word in part.split()]


def environment(container: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """A container's environment variables: name → entry, as `value` or `valueFrom`."""
    return {str(entry.get("name")): entry for entry in map(mapping, listed(container.get("env")))}
