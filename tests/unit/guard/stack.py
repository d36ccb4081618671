"""A stack with every control in force, and resources that somebody may add to it."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from infra.guard import Guard, GuardedResource
from infra.guard.guarded import guard_of
from infra.posture import platform_of
from tests.plan.stacks import TODAY, configuration, document_of
from tests.strategies import Document

PROJECT = "urn:pulumi:test::bulkhead::"
GATEWAY = "bulkhead-gateway"
ENGINES = "bulkhead-engines"
RESEARCH = "bulkhead-tenant-research"
SUPPORT = "bulkhead-tenant-support"
KUEUE = "kueue.x-k8s.io/v1beta2"
POLICIES = "policies.kyverno.io/v1"
RBAC = "rbac.authorization.k8s.io/v1"
CERTIFICATE = "gateway-tls"
ENGINE_PATH = "bulkhead:engine:Engine$"
GATEWAY_PATH = "bulkhead:gateway:Gateway$"
OF_RESEARCH = {"kind": "Group", "name": "research@example.com"}
PIPELINE = {"kind": "ServiceAccount", "name": "pipeline", "namespace": "ci"}
"""Acts for the tenant `search`."""


def stack_document() -> Document:
    """The production stack with what its rules can be tried on: subjects, a dedicated pool, each way to keep caches."""
    document = document_of("prod")
    llama, qwen, embeddings = document["bulkhead:models"]
    research, search, support = document["bulkhead:tenants"]
    return {
        **document,
        "bulkhead:trust": {
            "tier": "adversarial",
            "tenants": "cooperative",
            "admission": {"runtime_classes": ["gvisor"]},
        },
        "bulkhead:pools": [
            *document["bulkhead:pools"],
            {
                "name": "vault",
                "accelerator": "nvidia-l4",
                "gpus_per_node": 1,
                "nodes": {"max": 2},
                "dedicated_to": "support",
            },
        ],
        "bulkhead:models": [
            llama,
            {**qwen, "cache_isolation": "off"},
            {**embeddings, "cache_isolation": "engine_per_tenant", "engine": {"kv_offload_gibibytes": 8}},
        ],
        "bulkhead:tenants": [
            {**research, "gpu_quota": {"h100": 4}, "subjects": [{"kind": "group", "name": "research@example.com"}]},
            {
                **search,
                "gpu_quota": {"h100": 2},
                "subjects": [{"kind": "service_account", "name": "pipeline", "namespace": "ci"}],
            },
            {**support, "gpu_quota": {"vault": 1}},
        ],
        "bulkhead:gateway": {
            **document["bulkhead:gateway"],
            "exposure": {
                "kind": "route",
                "host": "llm.example.com",
                "gateway": {
                    "kind": "create",
                    "class_name": "gke-l7-rilb",
                    "tls": {"kind": "secret", "name": CERTIFICATE},
                },
            },
        },
        "bulkhead:observability": {"kind": "prometheus"},
    }


@functools.cache
def everything() -> Guard:
    """What there is to guard where every control is in force."""
    return guard_of(platform_of("test", configuration(stack_document()), TODAY))


# --- resources --------------------------------------------------------------------------------------------------


def resource(type_token: str, properties: Mapping[str, Any], *, by: str = "", protect: bool = False) -> GuardedResource:
    """Any resource; `by` is the chain of components above it, as `bulkhead:engine:Engine$`."""
    return GuardedResource(f"{PROJECT}{by}{type_token}::one", type_token, "one", properties, protect)


def thing(
    type_token: str, name: str = "one", namespace: str = "", *, by: str = "", labels: Any = None, **properties: Any
) -> GuardedResource:
    """An object of the cluster, of a type without `kubernetes:`; properties beside its metadata."""
    metadata = {
        "name": name,
        **({"namespace": namespace} if namespace else {}),
        **({"labels": labels} if labels else {}),
    }
    return resource(f"kubernetes:{type_token}", {"metadata": metadata, **properties}, by=by)


def config_map(name: str, namespace: str, *, by: str = "", **data: str) -> GuardedResource:
    """A ConfigMap; dots in the names of its keys are written as two underscores."""
    return thing(
        "core/v1:ConfigMap", name, namespace, by=by, data={key.replace("__", "."): v for key, v in data.items()}
    )


def workload(
    container: Mapping[str, Any],
    namespace: str = "",
    *,
    kind: str = "batch/v1:Job",
    name: str = "one",
    by: str = "",
    labels: Mapping[str, str] | None = None,
    **spec: Any,
) -> GuardedResource:
    """What makes pods with one container."""
    pod = {"containers": [{"name": "main", "image": "example/image:1.0.0", **container}], **spec}
    return thing(kind, name, namespace, by=by, labels=labels, spec={"template": {"spec": pod}})


# --- as the engine hands them -----------------------------------------------------------------------------------


class EngineList(Sequence[Any]):
    """A list as the policy SDK hands it: a sequence and no `list`."""

    def __init__(self, items: Sequence[Any]) -> None:
        self._items = [as_engine(item) for item in items]

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)


class EngineMapping(Mapping[str, Any]):
    """A mapping as the policy SDK hands it: no `dict`."""

    def __init__(self, items: Mapping[str, Any]) -> None:
        self._items = {key: as_engine(item) for key, item in items.items()}

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


def as_engine(value: Any) -> Any:
    """A value in the policy SDK's own mappings and sequences."""
    if isinstance(value, Mapping):
        return EngineMapping(value)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, list | tuple):
        return EngineList(value)  # pyright: ignore[reportUnknownArgumentType]
    return value
