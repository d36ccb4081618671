"""Cases of the rules over GPU quota."""

from typing import Any

from infra.guard import GuardedResource
from tests.unit.guard.cases import Cases
from tests.unit.guard.stack import ENGINES, KUEUE, RESEARCH, thing, workload

QUEUES_PATH = "bulkhead:kueue:Queues$"
QUEUE = "kueue.x-k8s.io/queue-name"
GPU = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
OWN = {QUEUE: "research"}


def cluster_queue(
    name: str, quota: str, *, by: str = QUEUES_PATH, cohort: str = "bulkhead", **flavor: Any
) -> GuardedResource:
    resources = [{"name": "nvidia.com/gpu", "nominalQuota": quota, "borrowingLimit": "0", **flavor}]
    flavors = [{"name": "h100-mig-1g-20gb", "resources": resources}]
    spec = {"cohortName": cohort, "resourceGroups": [{"coveredResources": ["nvidia.com/gpu"], "flavors": flavors}]}
    return thing(f"{KUEUE}:ClusterQueue", name, by=by, spec=spec)


def local_queue(
    name: str, namespace: str, leads: str, *, by: str = QUEUES_PATH, kind: str = "LocalQueue"
) -> GuardedResource:
    return thing(f"{KUEUE}:{kind}", name, namespace, by=by, spec={"clusterQueue": leads})


def flavor(name: str, pool: str, *tolerations: dict[str, str], by: str = QUEUES_PATH) -> GuardedResource:
    gpu = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    spec = {"nodeLabels": {"bulkhead.dev/pool": pool}, "tolerations": [gpu, *tolerations]}
    return thing(f"{KUEUE}:ResourceFlavor", name, by=by, spec=spec)


FOR_SUPPORT = {
    "key": "bulkhead.dev/dedicated-to",
    "operator": "Equal",
    "value": "support",
    "effect": "NoSchedule",
}
CASES = {
    "cluster-queues-are-the-stack-files": Cases(
        passing=(cluster_queue("tenant-research", "4"), thing("example.com/v1:ClusterQueue", "web")),
        refused=(
            cluster_queue("web", "4", by="", cohort="bulkhead"),
            cluster_queue("tenant-research", "40"),
            cluster_queue("tenant-research", "4", borrowingLimit=None),
            cluster_queue("tenant-research", "4", cohort="web"),
            thing(f"{KUEUE}:ClusterQueuePatch", "tenant-research", spec={"stopPolicy": "None"}),
        ),
        lacking=(
            thing(f"{KUEUE}:ClusterQueue", "tenant-research", by=QUEUES_PATH, spec={}),
            thing(f"{KUEUE}:ClusterQueue", "tenant-research", by=QUEUES_PATH),
        ),
    ),
    "local-queues-are-the-stack-files": Cases(
        passing=(local_queue("research", RESEARCH, "tenant-research"),),
        refused=(
            local_queue("mine", RESEARCH, "tenant-search", by=""),
            local_queue("web", "web", "tenant-research", by=""),
            local_queue("mine", ENGINES, "tenant-search", by=""),
            local_queue("research", RESEARCH, "tenant-search"),
            local_queue("research", RESEARCH, "tenant-search", by="", kind="LocalQueuePatch"),
        ),
        lacking=(thing(f"{KUEUE}:LocalQueue", "research", RESEARCH, by=QUEUES_PATH, spec={}),),
    ),
    "flavors-are-the-stack-files": Cases(
        passing=(flavor("h100-mig-1g-20gb", "h100-mig-1g-20gb"), flavor("vault-whole", "vault-whole", FOR_SUPPORT)),
        refused=(
            flavor("web", "vault-whole", FOR_SUPPORT, by=""),
            flavor("h100-mig-1g-20gb", "vault-whole"),
            flavor("h100-mig-1g-20gb", "h100-mig-1g-20gb", FOR_SUPPORT),
            thing(f"{KUEUE}:ResourceFlavorPatch", "vault-whole", spec={"nodeLabels": {}}),
        ),
        lacking=(thing(f"{KUEUE}:ResourceFlavor", "vault-whole", by=QUEUES_PATH),),
    ),
    "kueue-rations-as-the-stack-file-says": Cases(
        passing=(
            thing(f"{KUEUE}:WorkloadPriorityClass", "nightly", value=10),
            thing(f"{KUEUE}:WorkloadPriorityClass", "bulkhead-batch", by=QUEUES_PATH, value=1),
        ),
        refused=(
            thing(f"{KUEUE}:Cohort", "bulkhead", spec={"parentName": "web"}),
            thing(f"{KUEUE}:AdmissionCheck", "web", spec={"controllerName": "example.com/check"}),
            thing("kueue.x-k8s.io/v1alpha1:Topology", "web", spec={}),
            thing(f"{KUEUE}:WorkloadPriorityClassPatch", "bulkhead-serving", value=0),
        ),
        silent=(thing("example.com/v1:Cohort", "web"),),
        lacking=(thing(f"{KUEUE}:Cohort", "web"),),
    ),
    "no-gpu-without-a-queue": Cases(
        passing=(
            workload(GPU, RESEARCH, labels=OWN),
            workload({"resources": {"limits": {"nvidia.com/gpu": "0"}}}),
        ),
        refused=(
            workload(GPU, RESEARCH),
            workload(GPU, RESEARCH, labels={QUEUE: "search"}),
            workload(GPU, "web", labels=OWN),
            workload({"resources": {"requests": {"nvidia.com/mig-1g.10gb": 1}}}),
            workload({}, initContainers=[{"name": "first", "image": "example/image:1.0.0", **GPU}]),
            workload({}, resourceClaims=[{"name": "gpu"}]),
            workload({"resources": {"claims": [{"name": "gpu"}]}}),
        ),
        silent=(workload({}), thing("batch/v1:Job")),
        lacking=(workload(GPU, labels={}),),
    ),
    "no-gpu-without-asking": Cases(
        passing=(workload({"env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}]}),),
        refused=(
            workload({"env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]}),
            workload({}, initContainers=[{"env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "0"}]}]),
        ),
        silent=(workload({}), workload({"env": [{"name": "NVIDIA_VISIBLE_DEVICES"}]})),
    ),
}
