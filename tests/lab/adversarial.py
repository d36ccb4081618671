"""The `local` stack in the `adversarial` tier: tenants who may attack each other, on simulated H100s."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lab.cluster import Kubectl
from tests.lab.gpu_nodes import H100Pool, h100_nodes
from tests.lab.local_stack import LocalStack
from tests.lab.platform import MODEL, OTHER_TENANT, TENANT, SeparatedPlatform

SENSITIVE_TENANT = "clinic"
"""Meets nobody on a node: its model, and its own engine of the common one, run on nodes of its own."""

SPLIT = H100Pool("split", None, nodes=2)
GPUS_OF_ITS_OWN = 4
"""On one node, which its owner's engines and job leave partly idle: whoever was let in would be placed beside them."""
OWN = {
    name: H100Pool(f"{name}-own", name, nodes=1, gpus=GPUS_OF_ITS_OWN)
    for name in (TENANT, OTHER_TENANT, SENSITIVE_TENANT)
}
POOLS = (SPLIT, *OWN.values())
SERVING_POOL = "l4"
"""Whole GPUs without an owner: the engines that several tenants call."""


@dataclass(frozen=True)
class AdversarialPlatform(SeparatedPlatform):
    """The platform with every control in force."""


@contextmanager
def adversarial_platform(stack: LocalStack, kubectl: Kubectl) -> Generator[AdversarialPlatform]:
    """The stack raised to the `adversarial` tier, with nodes for its pools for as long as it is used.

    Three tenants; each has a model and quota on whole GPUs of its own. The first two share MIG nodes, the engine on the
    lab's own GPUs and the lab's model; the third calls what that engine serves, from an engine of its own.
    """
    with h100_nodes(kubectl, POOLS):
        pools = [pool for pool in stack.value("pools") if pool["name"] in {"cpu", SERVING_POOL}]
        model = next(entry for entry in stack.value("models") if entry["name"] == MODEL)
        stack.edit(
            trust={"tier": "adversarial", "tenants": "untrusted"},
            pools=[*pools, *(pool.document for pool in POOLS)],
            models=[
                model,
                _on(model, "common", SERVING_POOL),
                _on(model, "sliver", SPLIT.name),
                *(_on(model, f"{name}-model", pool.name) for name, pool in OWN.items()),
            ],
            tenants=[_tenant(stack, name) for name in OWN],
        )
        stack.deploy()
        yield AdversarialPlatform(stack, kubectl)


def _on(model: dict[str, Any], name: str, pool: str) -> dict[str, Any]:
    return {**model, "name": name, "pool": pool}


def _tenant(stack: LocalStack, name: str) -> dict[str, Any]:
    first = next(entry for entry in stack.value("tenants") if entry["name"] == TENANT)
    sensitive = name == SENSITIVE_TENANT
    shared = ["common"] if sensitive else [MODEL, "common", "sliver"]
    quota = {OWN[name].name: 1} | ({} if sensitive else {SPLIT.name: 3})
    return {
        **first,
        "name": name,
        "models": [*shared, f"{name}-model"],
        "gpu_quota": quota,
        "subjects": [{"kind": "group", "name": f"{name}-team"}],
        "workloads": {"cpu": "4", "memory": "4Gi", "storage": "20Gi", "pods": 10, "when_removed": "delete"},
        "sensitive": sensitive,
    }
