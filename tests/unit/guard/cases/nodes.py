"""Cases of the rules over nodes, how their GPUs are divided, and who says that it belongs there."""

from collections.abc import Mapping
from typing import Any

import yaml

from infra.guard import GuardedResource
from tests.unit.guard.cases import Cases
from tests.unit.guard.stack import RESEARCH, SUPPORT, config_map, resource, thing, workload

POOL_PATH = "bulkhead:node_pool:NodePool$"
TYPE = "gcp:container/nodePool:NodePool"
POOL, OWNER = "bulkhead.dev/pool", "bulkhead.dev/dedicated-to"
HIDDEN = {"workloadMetadataConfig": {"mode": "GKE_METADATA"}}
L4 = {"type": "nvidia-l4", "count": 1}
TAINT = {"key": OWNER, "value": "support", "effect": "NO_SCHEDULE"}


def pool(name: str, *, by: str = POOL_PATH, labels: Mapping[str, str] | None = None, **config: Any) -> GuardedResource:
    told = {} if labels is None else {"labels": labels}
    return resource(TYPE, {"name": name, "nodeConfig": {**HIDDEN, **told, **config}}, by=by)


def vault(*, by: str = POOL_PATH, **config: Any) -> GuardedResource:
    sound: dict[str, Any] = {"labels": {POOL: "vault-whole"}, "taints": [TAINT], "guestAccelerators": [L4]}
    return pool("vault-whole", by=by, **{**sound, **config})


def mig(**accelerator: Any) -> GuardedResource:
    return pool("h100-mig-1g-20gb", labels={POOL: "h100-mig-1g-20gb"}, guestAccelerators=[accelerator])


def shared(**settings: Any) -> GuardedResource:
    return vault(guestAccelerators=[{**L4, "gpuSharingConfig": settings}])


def node(labels: Mapping[str, str] | None = None, owner: str = "", kind: str = "NodePatch") -> GuardedResource:
    taints = [{"key": OWNER, "value": owner, "effect": "NoSchedule"}] if owner else []
    return thing(f"core/v1:{kind}", "gke-1", labels=labels, spec={"taints": taints})


def plugin(**sharing: Any) -> GuardedResource:
    return config_map("plugin", "gpu-operator", any=yaml.safe_dump({"version": "v1", "sharing": sharing}))


def tolerating(namespace: str, **toleration: str) -> GuardedResource:
    return workload({}, namespace, tolerations=[toleration])


def affine(namespace: str, key: str, operator: str, *values: str, preferred: bool = False) -> GuardedResource:
    """Pods that require a node, or would rather have one, by a label."""
    expression = {"key": key, "operator": operator, **({"values": list(values)} if values else {})}
    return affine_by({"matchExpressions": [expression]}, namespace, preferred=preferred)


def affine_by(term: Mapping[str, Any], namespace: str, *, preferred: bool = False) -> GuardedResource:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    rather = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": term}]}
    return workload({}, namespace, affinity={"nodeAffinity": rather if preferred else required})


BY_NAME = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["gke-1"]}]}
REPLICAS = {"resources": [{"name": "nvidia.com/gpu", "replicas": 4}]}
CASES = {
    "node-pools-are-the-stack-files": Cases(
        passing=(
            vault(),
            mig(type="nvidia-h100-80gb", gpuPartitionSize="1g.20gb"),
            pool("web", by="", labels={"team": "web"}),
        ),
        refused=(
            vault(taints=[]),
            vault(taints=[{**TAINT, "value": "research"}]),
            vault(labels={POOL: "l4-whole-x2"}),
            vault(guestAccelerators=[{**L4, "gpuPartitionSize": "1g.5gb"}]),
            mig(type="nvidia-h100-80gb", gpuPartitionSize="2g.20gb"),
            vault(by=""),
            pool("web", by="", labels={POOL: "vault-whole"}),
            pool("web", by="", taints=[TAINT]),
            pool("web", by="", guestAccelerators=[L4]),
        ),
        silent=(pool("web", by=""),),
        lacking=(pool("vault-whole"), mig(type="nvidia-h100-80gb")),
    ),
    "nodes-hide-their-metadata": Cases(
        passing=(vault(), pool("web", by="")),
        refused=(pool("web", by="", workloadMetadataConfig={"mode": "GCE_METADATA"}),),
        silent=(resource("gcp:container/cluster:Cluster", {}, protect=True),),
        lacking=(
            pool("web", by="", workloadMetadataConfig={}),
            resource(TYPE, {"name": "web"}),
        ),
    ),
    "nodes-are-labelled-as-their-pool": Cases(
        passing=(
            node({POOL: "l4-whole-x2"}),
            node({POOL: "vault-whole"}, "support"),
            node({"team": "web"}),
        ),
        refused=(
            node({POOL: "vault-whole"}),
            node({POOL: "vault-whole"}, "research"),
            node({POOL: "unknown"}),
            node({POOL: "l4-whole-x2", OWNER: "support"}),
            node(None, "research", "Node"),
        ),
        silent=(node(), thing("core/v1:NodePatch", "gke-1")),
    ),
    "other-nodes-are-nobodys": Cases(
        passing=(thing("karpenter.sh/v1:NodePool", spec={"template": {"metadata": {"labels": {"team": "web"}}}}),),
        refused=(
            thing("karpenter.sh/v1:NodePool", spec={"template": {"metadata": {"labels": {POOL: "vault-whole"}}}}),
            thing("cloud.google.com/v1:ComputeClass", spec={"nodePoolConfig": {"taints": [{"key": OWNER}]}}),
        ),
        silent=(thing("karpenter.sh/v1:NodePool"),),
    ),
    "no-sharing-of-gpus": Cases(
        passing=(
            vault(),
            mig(type="nvidia-h100-80gb", gpuPartitionSize="1g.20gb", gpuSharingConfig=None),
            plugin(),
            config_map("web", "web", notes="sharing: is caring: timeSlicing"),
        ),
        refused=(
            shared(gpuSharingStrategy="TIME_SHARING"),
            shared(gpuSharingStrategy="MPS"),
            plugin(timeSlicing=REPLICAS),
            plugin(mps=REPLICAS),
            thing(
                "cloud.google.com/v1:ComputeClass", spec={"priorities": [{"gpu": {"gpuSharing": {"strategy": "MPS"}}}]}
            ),
            thing(
                "resource.k8s.io/v1:ResourceClaimTemplate",
                spec={"spec": {"devices": {"config": [{"opaque": {"parameters": {"sharing": {"strategy": "MPS"}}}}]}}},
            ),
        ),
        silent=(thing("core/v1:ConfigMap", "plugin"), resource("gcp:container/cluster:Cluster", {}, protect=True)),
    ),
    "no-label-shares-gpus": Cases(
        passing=(node({"nvidia.com/mps.capable": "false"}), node({"team": "web"})),
        refused=(
            node({"nvidia.com/mps.capable": "true"}),
            node({"nvidia.com/device-plugin.config": "shared"}),
            pool("web", by="", labels={"cloud.google.com/gke-gpu-sharing-strategy": "time-sharing"}),
        ),
        silent=(node(), pool("web", by="")),
    ),
    "no-mps": Cases(
        passing=(workload({"env": [{"name": "CUDA_CACHE_PATH", "value": "/cache"}]}),),
        refused=(
            workload({"env": [{"name": "CUDA_MPS_PIPE_DIRECTORY", "value": "/mps"}]}),
            workload({"command": ["/usr/bin/nvidia-cuda-mps-control", "-f"]}),
        ),
        silent=(workload({}),),
    ),
    "no-forged-placement": Cases(
        passing=(
            tolerating(SUPPORT, key=OWNER, operator="Equal", value="support"),
            tolerating("web", operator="Exists"),
            workload({}, SUPPORT, nodeSelector={POOL: "vault-whole"}),
            workload({}, RESEARCH, nodeSelector={POOL: "l4-whole-x2"}),
            affine(SUPPORT, POOL, "In", "vault-whole"),
            affine(SUPPORT, OWNER, "In", "support"),
            affine(RESEARCH, POOL, "In", "l4-whole-x2"),
            affine(RESEARCH, "topology.kubernetes.io/zone", "Exists"),
            affine("web", OWNER, "DoesNotExist"),
            affine("web", POOL, "NotIn", "vault-whole"),
            affine_by(BY_NAME, "web"),
        ),
        refused=(
            tolerating(RESEARCH, key=OWNER, operator="Equal", value="support"),
            tolerating(RESEARCH, key=OWNER, operator="Exists"),
            tolerating(RESEARCH, operator="Exists"),
            tolerating("web", key=OWNER, operator="Exists"),
            workload({}, RESEARCH, nodeSelector={POOL: "vault-whole"}),
            workload({}, "web", nodeSelector={OWNER: "support"}),
            workload({}, RESEARCH, nodeName="gke-1"),
            affine(RESEARCH, POOL, "In", "vault-whole"),
            affine(RESEARCH, POOL, "In", "l4-whole-x2", "vault-whole"),
            affine(RESEARCH, POOL, "In", "vault-whole", preferred=True),
            affine(RESEARCH, OWNER, "In", "support"),
            affine(RESEARCH, OWNER, "Exists"),
            affine(RESEARCH, POOL, "NotIn", "l4-whole-x2"),
            affine("web", OWNER, "In", "support"),
            affine("web", OWNER, "Exists", preferred=True),
            affine_by(BY_NAME, RESEARCH),
            affine_by(BY_NAME, RESEARCH, preferred=True),
        ),
        silent=(workload({}, RESEARCH), workload({}, RESEARCH, affinity={}), thing("batch/v1:Job", "one", RESEARCH)),
    ),
    "runtime-classes-place-nobody": Cases(
        passing=(thing("node.k8s.io/v1:RuntimeClass", "web", scheduling={"nodeSelector": {"team": "web"}}),),
        refused=(
            thing("node.k8s.io/v1:RuntimeClassPatch", "gvisor", scheduling={"tolerations": [{"operator": "Exists"}]}),
        ),
        silent=(thing("node.k8s.io/v1:RuntimeClass", "gvisor", handler="runsc"),),
    ),
}
