"""The `local` stack in the `partitioned` tier, raised from whatever stood there, with the model in use meanwhile."""

from dataclasses import dataclass, field

from lab.cluster import Kubectl
from tests.lab.load import Load, Report, service_url
from tests.lab.local_stack import LocalStack
from tests.lab.platform import MODEL, OTHER_TENANT, TENANT, SeparatedPlatform


@dataclass(frozen=True)
class PartitionedPlatform(SeparatedPlatform):
    """The platform with SR1 to SR3 and NS1 to NS4 in force.

    Attributes:
        raised: What became of the requests that were sent while the tier was raised.
    """

    raised: Report = field(repr=False)


def make_partitioned(stack: LocalStack, kubectl: Kubectl) -> PartitionedPlatform:
    """Edit the stack file to the `partitioned` tier with two tenants, each with a group, and deploy it.

    The first tenant's namespace goes when it leaves, so that destroying the stack leaves nothing of it.
    """
    key = stack.engine.outputs(show_secrets=True)["tenant_keys"][TENANT]
    stack.edit(trust={"tier": "partitioned", "tenants": "distrusting"}, tenants=tenants_of(stack))
    load = Load(service_url(kubectl), key, MODEL, concurrency=1, pause_seconds=1.0, seconds=900.0)
    with load.running() as run:
        stack.deploy()
    return PartitionedPlatform(stack, kubectl, run.report)


def tenants_of(stack: LocalStack, *, keep_other: bool = False) -> list[dict[str, object]]:
    """The two tenants with their groups, and what becomes of their namespaces when they leave."""
    tenant = next(entry for entry in stack.value("tenants") if entry["name"] == TENANT)

    def with_group(name: str, devices: int, when_removed: str) -> dict[str, object]:
        return {
            **tenant,
            "name": name,
            "gpu_quota": devices,
            "subjects": [{"kind": "group", "name": f"{name}-team"}],
            "workloads": {"cpu": "4", "memory": "4Gi", "storage": "2Gi", "pods": 10, "when_removed": when_removed},
        }

    return [with_group(TENANT, 1, "delete"), with_group(OTHER_TENANT, 0, "keep" if keep_other else "delete")]
