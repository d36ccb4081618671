"""Steps of a preview as the engine prints them, and documents made of many."""

import copy
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.preview.document import QUIET

RECORDED = Path(__file__).parents[2] / "fixtures" / "previews"
PROJECT = "urn:pulumi:test::bulkhead::"
STACK = f"{PROJECT}pulumi:pulumi:Stack::bulkhead-test"
GATEWAY = f"{PROJECT}bulkhead:gateway:Gateway::gateway"

Document = dict[str, Any]


def state(type_token: str, name: str, inputs: Mapping[str, Any], parent: str = GATEWAY, **others: Any) -> Document:
    chain = f"{parent.split('::')[2]}$" if parent != STACK else ""
    urn = f"{PROJECT}{chain}{type_token}::{name}"
    return {"urn": urn, "type": type_token, "custom": True, "inputs": dict(inputs), "parent": parent, **others}


def named(name: str, tenant: str | None = None, **inputs: Any) -> Document:
    labels = {"labels": {"bulkhead.dev/tenant": tenant}} if tenant else {}
    return {"metadata": {"name": name, "namespace": "bulkhead-gateway", **labels}, **inputs}


def step(operation: str, old: Document | None = None, new: Document | None = None, **others: Any) -> Document:
    known = new or old or {}
    states = {key: value for key, value in (("oldState", old), ("newState", new)) if value}
    return {"op": operation, "urn": known["urn"], **states, **others}


def text_of(*steps: Document, **others: Any) -> str:
    return json.dumps({"config": {}, "steps": list(steps), "changeSummary": {}, **others})


def recorded(name: str) -> Document:
    return json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))


def _changes_something(one: Document) -> bool:
    return one["op"] not in QUIET and bool((one.get("newState") or one["oldState"]).get("custom"))


def scaled(name: str, changes: int) -> str:
    """A recorded preview with its changing steps repeated, each time in another tenant's name, until there are enough.

    Resources only: components and the stack itself are not repeated.
    """
    document = recorded(name)
    templates = [one for one in document["steps"] if _changes_something(one)]
    steps: list[Document] = []
    while len(steps) < changes:
        tenant = f"team-{len(steps) // len(templates):04d}"
        for template in templates[: changes - len(steps)]:
            steps.append(json.loads(json.dumps(copy.deepcopy(template)).replace("search", tenant)))
            steps[-1]["urn"] += f"-{tenant}"
    return json.dumps({**document, "steps": steps, "changeSummary": Counter(one["op"] for one in steps)})
