"""Small stack documents in which each test changes one thing, and short ways to look at what `parse` says."""

import copy
from typing import Any

from infra.config.loader import parse
from infra.config.paths import exists
from infra.config.stack import StackConfig
from infra.faults import Fault
from tests.strategies import TODAY, Document

__all__ = ["TODAY", "Document", "document", "faults_of", "only_fault", "sound"]

_DOCUMENT: Document = {
    "bulkhead:trust": {"tier": "trusted", "tenants": "cooperative"},
    "bulkhead:cluster": {"kind": "existing", "context": "dev", "enforces_network_policy": True},
    "bulkhead:pools": [
        {"name": "cpu", "accelerator": "cpu", "nodes": {"min": 1, "max": 3}},
        {"name": "l4", "accelerator": "nvidia-l4", "gpus_per_node": 2, "nodes": {"max": 4}},
    ],
    "bulkhead:models": [
        {
            "name": "llama",
            "source": "example/llama",
            "pool": "l4",
            "replicas": 2,
            "price": {"input_usd_per_million_tokens": 0.2, "output_usd_per_million_tokens": 0.6},
        }
    ],
    "bulkhead:tenants": [
        {"name": "research", "models": ["llama"], "budget": {"usd": 500}, "gpu_quota": {"l4": 4}},
        {"name": "search", "models": ["llama"], "budget": {"usd": 100}},
    ],
}


def document(changes: dict[str, Any] | None = None) -> Document:
    """A sound document, with the values at the given paths replaced: keys and indexes joined by dots.

    Example: `document({"pools.1.nodes.max": 2})`. A value of `...` removes the key.
    """
    changed = copy.deepcopy(_DOCUMENT)
    for path, value in (changes or {}).items():
        first, *rest = path.split(".")
        parts: list[Any] = [f"bulkhead:{first}", *(int(part) if part.isdigit() else part for part in rest)]
        place: Any = changed
        for part in parts[:-1]:
            place = place.setdefault(part, {}) if isinstance(place, dict) else place[part]  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        if value is ...:
            del place[parts[-1]]
        elif isinstance(place, list) and parts[-1] == len(place):  # pyright: ignore[reportUnknownArgumentType]
            place.append(value)  # pyright: ignore[reportUnknownMemberType]
        else:
            place[parts[-1]] = value
    return changed


def faults_of(stack: Document) -> list[Fault]:
    """The faults of a document that has some; each names a key that is there."""
    result = parse(stack, TODAY)
    assert isinstance(result, list), "the document was accepted"
    assert all(exists(stack, fault.path) for fault in result), result
    return result


def only_fault(changes: dict[str, Any]) -> Fault:
    """The one fault of the sound document with `changes`."""
    faults = faults_of(document(changes))
    assert len(faults) == 1, "\n".join(map(str, faults))
    return faults[0]


def sound(changes: dict[str, Any]) -> StackConfig:
    """The configuration of the sound document with `changes`, which must be accepted."""
    result = parse(document(changes), TODAY)
    assert isinstance(result, StackConfig), "\n".join(map(str, result))
    return result
