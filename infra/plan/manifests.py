"""A plan as plain Kubernetes manifests, so that any scanner can read what would run."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import yaml

from infra.plan.charts import ChartRenderer, chart_name
from infra.plan.model import SECRET, Json, Plan, PlannedResource

LEFT_OUT = "# left out:"
"""Begins the comment that names what the text lacks."""
_FIRST_KINDS = ("Namespace", "CustomResourceDefinition")


def plan_manifests(plan: Plan, render_chart: ChartRenderer) -> str:
    """Every Kubernetes object of `plan` as YAML documents, namespaces and definitions first.

    A chart that cannot be rendered here is named in a comment, so that nobody takes the text for the whole.
    """
    objects = [_manifest(resource) for resource in plan.resources if resource.is_kubernetes_object]
    comments: list[str] = []
    for chart in (resource for resource in plan.resources if resource.is_chart):
        rendered = render_chart(chart)
        if isinstance(rendered, str):
            comments.append(f"{LEFT_OUT} the objects of chart {chart_name(chart)} ({rendered})\n")
        else:
            objects.extend(rendered)
    return "".join([*comments, *_documents(sorted(objects, key=_order))])


def _documents(objects: list[dict[str, Any]]) -> Iterator[str]:
    for manifest in objects:
        text = yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=False)
        yield f"---\n{text}"


class _Dumper(yaml.SafeDumper):
    """Writes every value out: anchors are legal YAML that few people read."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never refer back to an earlier value."""
        del data
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """Text of several lines stays readable: configuration files and scripts."""
    style = "|" if "\n" in value else None
    return cast("Any", dumper).represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _manifest(resource: PlannedResource) -> dict[str, Any]:
    """The object with its keys in the order that people expect."""
    inputs = _readable(cast("dict[str, Any]", _plain(resource.inputs)))
    first = [key for key in ("apiVersion", "kind", "metadata") if key in inputs]
    return {key: inputs[key] for key in (*first, *(key for key in inputs if key not in first))}


def _readable(inputs: dict[str, Any]) -> dict[str, Any]:
    """A Secret whose very keys are generated with its values still needs a mapping, or no scanner takes it for one."""
    hidden = [key for key in ("data", "stringData") if inputs.get(key) == SECRET]
    return {**inputs, **{key: {"generated": SECRET} for key in hidden}}


def _plain(value: Json) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _order(manifest: Mapping[str, Any]) -> tuple[int, bool, str, str, str, str]:
    """Namespaces, then definitions, then all else by namespace, kind and name; Kueue's objects after its controller."""
    kind, api = str(manifest.get("kind", "")), str(manifest.get("apiVersion", ""))
    metadata = cast("dict[str, object]", manifest.get("metadata") or {})
    rank = _FIRST_KINDS.index(kind) if kind in _FIRST_KINDS else len(_FIRST_KINDS)
    custom = api.startswith("kueue.x-k8s.io/")
    return rank, custom, str(metadata.get("namespace", "")), kind, str(metadata.get("name", "")), api
