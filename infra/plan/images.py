"""What a stack pulls: for mirrors that have to hold it, and for scanners that have to look at it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict

from infra.pins import ChartPin, ImagePin
from infra.plan.charts import ChartRenderer, chart_name
from infra.plan.model import Json, Plan, PlannedResource, mapping

_CONTAINER_LISTS = frozenset({"containers", "initContainers", "ephemeralContainers"})


class PulledKind(StrEnum):
    """What is pulled."""

    IMAGE = "image"
    CHART = "chart"


@dataclass(frozen=True)
class Pulled:
    """One artifact that a stack pulls.

    Attributes:
        kind: An image or a chart.
        reference: As the cluster or the engine asks for it: from the mirror where one is set.
        upstream: Where a mirror gets it from; the reference itself where it is not one of the pinned ones.
        used_by: What pulls it, as `Deployment bulkhead-gateway/gateway`, sorted.
        reason: Why this version; empty where it is not one of the pinned ones.
    """

    kind: PulledKind
    reference: str
    upstream: str
    used_by: tuple[str, ...]
    reason: str


class PulledDocument(TypedDict):
    """One artifact in JSON."""

    kind: str
    reference: str
    upstream: str
    used_by: list[str]
    reason: str


class ImagesDocument(TypedDict):
    """All that a stack pulls; `unread` names charts whose objects are not at hand, so that no one takes it for all."""

    stack: str
    artifacts: list[PulledDocument]
    unread: list[str]


@dataclass(frozen=True)
class Pulls:
    """All that a stack pulls, images first, each sorted by reference.

    Attributes:
        artifacts: Images and charts.
        unread: Charts whose objects are not at hand here, each with why; the images that the stack sets in their
            values are among the artifacts all the same.
    """

    artifacts: tuple[Pulled, ...]
    unread: tuple[str, ...]


def pulls_of(
    plan: Plan, render_chart: ChartRenderer, pins: Iterable[ImagePin], charts: Iterable[ChartPin] = ()
) -> Pulls:
    """Everything that `plan` makes a cluster or the engine pull.

    Args:
        plan: What the program would register.
        render_chart: Gives a chart's objects, so that images of its own defaults show up as well.
        pins: The pinned images, for their reasons and upstream references.
        charts: The pinned charts, for the same.
    """
    used: dict[tuple[PulledKind, str], set[str]] = {}
    unread: list[str] = []
    for resource in plan.resources:
        if resource.is_kubernetes_object:
            _add(used, PulledKind.IMAGE, _images(resource.inputs), _named(resource.inputs))
        elif resource.is_chart:
            unread.extend(_add_chart(used, resource, render_chart))
    origins = (*map(_image_origin, pins), *map(_chart_origin, charts))
    return Pulls(
        tuple(
            _pulled(kind, reference, users, origins) for (kind, reference), users in sorted(used.items(), key=_order)
        ),
        tuple(sorted(unread)),
    )


def images_json(stack: str, pulls: Pulls) -> str:
    """The artifacts as one JSON document."""
    document: ImagesDocument = {
        "stack": stack,
        "artifacts": [
            {
                "kind": str(pulled.kind),
                "reference": pulled.reference,
                "upstream": pulled.upstream,
                "used_by": list(pulled.used_by),
                "reason": pulled.reason,
            }
            for pulled in pulls.artifacts
        ],
        "unread": list(pulls.unread),
    }
    return json.dumps(document, indent=2)


def _order(entry: tuple[tuple[PulledKind, str], set[str]]) -> tuple[bool, str]:
    (kind, reference), _ = entry
    return kind is not PulledKind.IMAGE, reference


@dataclass(frozen=True)
class _Origin:
    """Where a pinned artifact comes from; `path` is what stands behind the registry's host, and in a mirror."""

    kind: PulledKind
    path: str
    upstream: str
    reason: str


def _image_origin(pin: ImagePin) -> _Origin:
    return _Origin(PulledKind.IMAGE, f"/{pin.repository}:{pin.tag}", pin.reference(), pin.reason)


def _chart_origin(pin: ChartPin) -> _Origin:
    version = f":{pin.version}"
    return _Origin(PulledKind.CHART, f"/{pin.repository}{version}", f"{pin.url()}{version}", pin.reason)


def _pulled(kind: PulledKind, reference: str, users: set[str], origins: Iterable[_Origin]) -> Pulled:
    known = (origin for origin in origins if origin.kind is kind and reference.endswith(origin.path))
    origin = next(known, _Origin(kind, "", reference, ""))
    return Pulled(kind, reference, origin.upstream, tuple(sorted(users)), origin.reason)


def _add(used: dict[tuple[PulledKind, str], set[str]], kind: PulledKind, references: Iterable[str], user: str) -> None:
    for reference in references:
        used.setdefault((kind, reference), set()).add(user)


def _add_chart(
    used: dict[tuple[PulledKind, str], set[str]], chart: PlannedResource, render_chart: ChartRenderer
) -> Iterator[str]:
    source, version = str(chart.inputs.get("chart")), chart.inputs.get("version")
    release = f"chart {chart.inputs.get('name')}"
    if version:
        repository = mapping(chart.inputs.get("repositoryOpts")).get("repo")
        location = f"{repository}/{source}" if repository else source
        _add(used, PulledKind.CHART, [f"{location}:{version}"], release)
    rendered = render_chart(chart)
    if isinstance(rendered, str):
        _add(used, PulledKind.IMAGE, _images_in_values(chart.inputs.get("values")), release)
        yield f"{chart_name(chart)}: {rendered}"
        return
    for manifest in rendered:
        _add(used, PulledKind.IMAGE, _images(manifest), _named(manifest))


def _images(value: Json) -> Iterator[str]:
    """Every image that a container below `value` runs."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in _CONTAINER_LISTS and isinstance(item, list):
                yield from (str(entry["image"]) for entry in map(mapping, item) if entry.get("image"))
            yield from _images(item)
    elif isinstance(value, list):
        for item in value:
            yield from _images(item)


def _images_in_values(value: Json) -> Iterator[str]:
    """The images that a chart's values name as charts do: a repository and a tag, and at times a registry."""
    entry = mapping(value)
    repository, tag, registry = entry.get("repository"), entry.get("tag"), entry.get("registry")
    if isinstance(repository, str) and isinstance(tag, str):
        yield f"{registry}/{repository}:{tag}" if isinstance(registry, str) else f"{repository}:{tag}"
    for item in entry.values():
        yield from _images_in_values(item)


def _named(manifest: Mapping[str, Json]) -> str:
    metadata = mapping(manifest.get("metadata"))
    name, namespace = metadata.get("name"), metadata.get("namespace")
    return f"{manifest.get('kind')} {f'{namespace}/' if namespace else ''}{name}"
