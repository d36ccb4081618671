"""Cases of the rules that hold in every tier: images, data, and whether rules see what is made."""

from dataclasses import replace
from typing import Any

from infra.guard import GuardedResource
from tests.unit.guard.cases import Cases
from tests.unit.guard.stack import GATEWAY_PATH, resource, thing, workload


def database(*, protect: bool, **properties: Any) -> GuardedResource:
    return resource("gcp:sql/databaseInstance:DatabaseInstance", properties, protect=protect)


def key(name: str, *, protect: bool, by: str = GATEWAY_PATH) -> GuardedResource:
    """A random password by the name that it has in Pulumi."""
    made = resource("random:index/randomPassword:RandomPassword", {"length": 48}, by=by, protect=protect)
    return replace(made, name=name)


RELEASE = "helm.sh/v3:Release"
CASES = {
    "images-state-their-version": Cases(
        passing=(workload({"image": "example/image@sha256:0123"}), workload({})),
        refused=(
            workload({"image": "example/image"}),
            workload({"image": "example/image:latest"}),
            workload({"image": "registry.example:5000/image"}),
            workload({}, initContainers=[{"name": "first", "image": "example/image:latest"}]),
        ),
        silent=(workload({"image": ""}), thing("batch/v1:Job")),
    ),
    "images-are-not-below-their-floors": Cases(
        passing=(
            workload({"image": "docker.io/vllm/vllm-openai:v0.33.0"}),
            workload({"image": "mirror.example/vllm/vllm-openai:v99.0.0"}),
            workload({"image": "mirror.example/berriai/litellm-database:v1.106.2"}),
            workload({"image": "mirror.example/berriai/litellm-database:v1.107.1"}),
            workload({"image": "example/vllm-openai-tools:v0.1.0"}),
        ),
        refused=(
            workload({"image": "mirror.example/berriai/litellm-database:v1.106.1"}),
            workload({"image": "mirror.example/berriai/litellm-database:v1.107.0-stable"}),
            workload({"image": "docker.io/vllm/vllm-openai:v0.9.0"}),
            workload({"image": "mirror.example/vllm/vllm-openai:nightly"}),
        ),
        silent=(workload({"image": ""}),),
    ),
    "data-is-protected": Cases(
        passing=(
            database(protect=True, deletionProtection=True),
            resource("gcp:container/cluster:Cluster", {}, protect=True),
            resource("gcp:redis/instance:Instance", {}),
            key("gateway-master-key", protect=True),
            key("gateway-master-key.2", protect=False),
            key("gateway-master-key", protect=False, by=""),
            thing("apps/v1:StatefulSet", "database", "web"),
        ),
        refused=(
            database(protect=False),
            database(protect=True, deletionProtection=False),
            resource("gcp:container/cluster:Cluster", {}),
            key("gateway-master-key", protect=False),
            key("gateway-salt-key", protect=False),
            key("database-password", protect=False),
        ),
        silent=(database(protect=True),),
    ),
    "nothing-is-unseen": Cases(
        passing=(thing("helm.sh/v4:Chart"), thing(RELEASE, by="bulkhead:kueue:Kueue$")),
        refused=(
            thing(RELEASE, chart="web"),
            thing("rbac.authorization.k8s.io/v1:ClusterRoleBindingList", items=[{"subjects": []}]),
        ),
        silent=(thing("core/v1:ConfigMapList", items=[]), thing("core/v1:ConfigMapList")),
        lacking=(resource(f"kubernetes:{RELEASE}", {}),),
    ),
}
