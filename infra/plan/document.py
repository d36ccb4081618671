"""A plan as one JSON document."""

import dataclasses
import json
from typing import Any, TypedDict

from infra.plan.model import Json, Plan, PlannedResource, ResourceOptions

_NO_OPTIONS = dataclasses.asdict(ResourceOptions())


class ResourceDocument(TypedDict):
    """One resource; `kind` is `custom` (a provider makes it), `component` (it groups others) or `chart`.

    `options` holds only those that differ from Pulumi's defaults.
    """

    urn: str
    type: str
    name: str
    kind: str
    options: dict[str, Any]
    inputs: dict[str, Json]


class PlanDocument(TypedDict):
    """A plan; resources are sorted by URN."""

    stack: str
    resources: list[ResourceDocument]
    outputs: dict[str, Json]
    warnings: list[str]


def plan_document(plan: Plan) -> PlanDocument:
    """`plan` as plain lists, dictionaries and strings."""
    return {
        "stack": plan.stack,
        "resources": [_resource(resource) for resource in plan.resources],
        "outputs": dict(plan.outputs),
        "warnings": list(plan.warnings),
    }


def plan_json(plan: Plan) -> str:
    """`plan` as JSON text in ASCII; no final line break. Equal plans give equal bytes."""
    return json.dumps(plan_document(plan), indent=2)


def _resource(resource: PlannedResource) -> ResourceDocument:
    return {
        "urn": resource.urn,
        "type": resource.type,
        "name": resource.name,
        "kind": "custom" if resource.custom else "chart" if resource.is_chart else "component",
        "options": _options(resource.options),
        "inputs": dict(resource.inputs),
    }


def _options(options: ResourceOptions) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(options).items() if value != _NO_OPTIONS[name]}
