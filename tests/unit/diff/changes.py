"""A stack on GKE, the same stack with something changed, and the difference between them without a plan."""

import copy
import datetime
from typing import Any, cast

from infra.config.loader import parse
from infra.config.stack import StackConfig
from infra.diff import Side, StackDifference, compare
from infra.diff.compare import secrets_of
from infra.plan.model import Plan
from infra.posture import platform_of
from tests.strategies import Document

TODAY = datetime.date(2026, 11, 24)
PRICE = {"input_usd_per_million_tokens": 1, "output_usd_per_million_tokens": 1}


def waiver(control: str, expires: str = "2027-06-01", **others: str) -> Document:
    return {"control": control, "owner": "ops@example.com", "reason": "until the rollout", "expires": expires, **others}


GKE: Document = {
    "bulkhead:trust": {"waivers": [waiver("SR1"), waiver("SR2"), waiver("SR3")]},
    "bulkhead:cluster": {"kind": "gke", "project": "example-platform", "location": "europe-west4"},
    "bulkhead:pools": [
        {"name": "system", "accelerator": "cpu", "nodes": {"min": 1, "max": 3}},
        {"name": "l4", "accelerator": "nvidia-l4", "gpus_per_node": 2, "nodes": {"min": 1, "max": 4}},
    ],
    "bulkhead:models": [{"name": "llama", "source": "example/llama", "pool": "l4", "price": PRICE}],
    "bulkhead:tenants": [
        {"name": "research", "models": ["llama"], "budget": {"usd": 500}, "gpu_quota": {"l4": 2}},
        {"name": "search", "models": ["llama"], "budget": {"usd": 100}},
    ],
}


def changed(base: Document = GKE, **paths: Any) -> Document:
    """`base` with values at paths replaced; keys and places are joined by `__`, as `pools__1__nodes__max`."""
    document = copy.deepcopy(base)
    for path, value in paths.items():
        *parents, last = [f"bulkhead:{path.split('__')[0]}", *path.split("__")[1:]]
        place: Any = document
        for part in parents:
            place = _below(place, part)
        place[int(last) if isinstance(place, list) else last] = value
    return document


def _below(place: Any, part: str) -> Any:
    if isinstance(place, list):
        return cast("list[Any]", place)[int(part)]
    return cast("Document", place).setdefault(part, {})


def configuration(document: Document) -> StackConfig:
    parsed = parse(document, TODAY)
    assert isinstance(parsed, StackConfig), parsed
    return parsed


def side(document: Document, label: str, today: datetime.date = TODAY) -> Side:
    config = configuration(document)
    return Side(label, config, platform_of("test", config, today), Plan("test", (), {}, ()), secrets_of(document))


def difference(before: Document | None, after: Document | None, today: datetime.date = TODAY) -> StackDifference:
    return compare(
        side(before, "before", today) if before else None,
        side(after, "after", today) if after else None,
        stack="test",
        forcing=lambda _resource, _paths: [],
        today=today,
    )
