"""What cannot be made again, in every tier."""

from collections.abc import Iterator

from infra.guard.model import Guard, GuardedResource
from infra.guard.rule import ResourceRule

GKE_CLUSTER = "gcp:container/cluster:Cluster"
PROTECTED_TYPES = frozenset({"gcp:sql/databaseInstance:DatabaseInstance"})


def _data_is_protected(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    wanted = resource.type in PROTECTED_TYPES or (resource.type == GKE_CLUSTER and guard.cluster_protected)
    if wanted and not resource.protect:
        yield (
            "it holds what cannot be made again, and `pulumi destroy` or a replacement would delete it. Write: the"
            " resource option protect=True"
        )
    if wanted and resource.properties.get("deletionProtection") is False:
        yield "its own deletion protection is switched off. Write: deletion_protection=True"


RULES = (
    ResourceRule("data-is-protected", (), "Databases and protected clusters cannot be deleted.", _data_is_protected),
)
