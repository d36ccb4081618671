"""What cannot be made again, in every tier."""

from collections.abc import Iterator

from infra.blueprint.model import InClusterDatabasePart
from infra.guard.model import Guard, GuardedResource
from infra.guard.rule import ResourceRule

CLOUD_DATABASE = "gcp:sql/databaseInstance:DatabaseInstance"
GKE_CLUSTER = "gcp:container/cluster:Cluster"
RANDOM_PASSWORD = "random:index/randomPassword:RandomPassword"  # noqa: S105 - a type of resources
DATABASE = "database"
DATABASE_PASSWORD = "database-password"  # noqa: S105 - the name of a resource
GATEWAY_KEYS = frozenset({"gateway-master-key", "gateway-salt-key"})
"""The first of each, as the program calls it: without the one nobody administers, without the other nothing that
LiteLLM encrypted is readable."""


def _data_is_protected(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    wanted = _holds_what_stays(resource, guard)
    if wanted and not resource.protect:
        yield (
            "it holds what cannot be made again, and `pulumi destroy` or a replacement would delete it. Write: the"
            " resource option protect=True"
        )
    if wanted and resource.properties.get("deletionProtection") is False:
        yield "its own deletion protection is switched off. Write: deletion_protection=True"


def _holds_what_stays(resource: GuardedResource, guard: Guard) -> bool:
    """Whether it is data, or a key to data, that the stack file does not say may go."""
    if resource.type == CLOUD_DATABASE:
        return True
    if resource.type == GKE_CLUSTER:
        return guard.cluster_protected
    return not resource.by_hand and _is_of_kept_database(resource, guard)


def _is_of_kept_database(resource: GuardedResource, guard: Guard) -> bool:
    """Whether the gateway's data goes with it; a database outside of the cluster is not this program's to protect."""
    gateway, database = guard.blueprint.gateway, guard.blueprint.gateway.database
    in_cluster = isinstance(database, InClusterDatabasePart)
    if isinstance(database, InClusterDatabasePart) and not database.protected:
        return False
    if resource.type == RANDOM_PASSWORD:
        return resource.name in {*GATEWAY_KEYS, DATABASE_PASSWORD}
    if not in_cluster or resource.is_patch:
        return False
    is_set = resource.kind == "StatefulSet" and resource.object_name == DATABASE
    is_namespace = resource.group == "core" and resource.kind == "Namespace"
    return (is_set and resource.namespace == gateway.namespace) or (
        is_namespace and resource.object_name == gateway.namespace
    )


RULES = (
    ResourceRule(
        "data-is-protected",
        (),
        "Databases, the keys to them and protected clusters cannot be deleted, unless the stack file lets them go.",
        _data_is_protected,
    ),
)
