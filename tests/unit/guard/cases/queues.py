"""Cases of the rules over GPU quota."""

from collections.abc import Mapping
from typing import Any

from infra.guard import GuardedResource
from tests.unit.guard.cases import Cases
from tests.unit.guard.stack import ENGINES, KUEUE, RESEARCH, thing, workload

QUEUES_PATH = "bulkhead:kueue:Queues$"
QUEUE = "kueue.x-k8s.io/queue-name"
GPU = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
OWN = {QUEUE: "research"}


PREEMPTION: dict[str, Any] = {
    "borrowWithinCohort": {"policy": "Never"},
    "reclaimWithinCohort": "Any",
    "withinClusterQueue": "LowerPriority",
}


def cluster_queue(
    name: str, quota: str, *, by: str = QUEUES_PATH, flavor: Mapping[str, Any] | None = None, **changes: Any
) -> GuardedResource:
    """A tenant's, as the program makes it, with a part of its spec changed; what is None is left out."""
    resources = [{"name": "nvidia.com/gpu", "nominalQuota": quota, "borrowingLimit": "0", **(flavor or {})}]
    flavors = [{"name": "h100-mig-1g-20gb", "resources": resources}]
    spec = {
        "cohortName": "bulkhead",
        "namespaceSelector": {"matchLabels": {"bulkhead.dev/kueue": "managed"}},
        "preemption": PREEMPTION,
        "queueingStrategy": "BestEffortFIFO",
        "resourceGroups": [{"coveredResources": ["nvidia.com/gpu"], "flavors": flavors}],
        **changes,
    }
    said = {key: value for key, value in spec.items() if value is not None}
    return thing(f"{KUEUE}:ClusterQueue", name, by=by, spec=said)


def local_queue(
    name: str, namespace: str, leads: str, *, by: str = QUEUES_PATH, kind: str = "LocalQueue"
) -> GuardedResource:
    return thing(f"{KUEUE}:{kind}", name, namespace, by=by, spec={"clusterQueue": leads})


def flavor(name: str, pool: str, *tolerations: dict[str, str], by: str = QUEUES_PATH) -> GuardedResource:
    gpu = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    spec = {"nodeLabels": {"bulkhead.dev/pool": pool}, "tolerations": [gpu, *tolerations]}
    return thing(f"{KUEUE}:ResourceFlavor", name, by=by, spec=spec)


def cron_job(container: Mapping[str, Any], *, labels: Any = None, of_jobs: Any = None) -> GuardedResource:
    """A CronJob of research's with labels of its own and of the Jobs that it makes."""
    pods = {"template": {"spec": {"containers": [{"name": "main", "image": "example/image:1.0.0", **container}]}}}
    told = {} if of_jobs is None else {"metadata": {"labels": of_jobs}}
    return thing("batch/v1:CronJob", "one", RESEARCH, labels=labels, spec={"jobTemplate": {**told, "spec": pods}})


def told(variable: str, **entry: Any) -> GuardedResource:
    return workload({"env": [{"name": variable, **entry}]})


FIELD = {"valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['devices']"}}}
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
            cluster_queue("web", "4", by=""),
            cluster_queue("tenant-research", "40"),
            cluster_queue("tenant-research", "4", flavor={"borrowingLimit": None}),
            cluster_queue("tenant-research", "4", flavor={"lendingLimit": "4"}),
            cluster_queue("tenant-research", "4", cohortName="web"),
            cluster_queue("tenant-research", "4", namespaceSelector={}),
            cluster_queue("tenant-research", "4", namespaceSelector={"matchLabels": {"team": "web"}}),
            cluster_queue("tenant-research", "4", preemption={**PREEMPTION, "reclaimWithinCohort": "Never"}),
            cluster_queue("tenant-research", "4", preemption={**PREEMPTION, "borrowWithinCohort": {"policy": "Any"}}),
            cluster_queue("tenant-research", "4", queueingStrategy="StrictFIFO"),
            cluster_queue("tenant-research", "4", stopPolicy="HoldAndDrain"),
            cluster_queue("tenant-research", "4", admissionChecks=["web"]),
            thing(f"{KUEUE}:ClusterQueuePatch", "tenant-research", spec={"stopPolicy": "None"}),
        ),
        lacking=(
            cluster_queue("tenant-research", "4", cohortName=None),
            cluster_queue("tenant-research", "4", namespaceSelector=None),
            cluster_queue("tenant-research", "4", preemption=None),
            cluster_queue("tenant-research", "4", resourceGroups=None),
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
            cron_job(GPU, of_jobs=OWN),
            cron_job(GPU, of_jobs=OWN, labels={QUEUE: "search"}),
            cron_job({}),
        ),
        refused=(
            workload(GPU, RESEARCH),
            workload(GPU, RESEARCH, labels={QUEUE: "search"}),
            workload(GPU, "web", labels=OWN),
            workload({"resources": {"requests": {"nvidia.com/mig-1g.10gb": 1}}}),
            workload({}, initContainers=[{"name": "first", "image": "example/image:1.0.0", **GPU}]),
            workload({}, resourceClaims=[{"name": "gpu"}]),
            workload({"resources": {"claims": [{"name": "gpu"}]}}),
            workload({"resources": {"requests": {"deviceclass.resource.kubernetes.io/gpu": "1"}}}),
            cron_job(GPU, labels=OWN),
            cron_job(GPU, of_jobs={QUEUE: "search"}),
        ),
        silent=(workload({}), thing("batch/v1:Job")),
        lacking=(workload(GPU, labels={}), cron_job(GPU), cron_job(GPU, of_jobs={})),
    ),
    "no-gpu-without-asking": Cases(
        passing=(
            told("NVIDIA_VISIBLE_DEVICES", value="void"),
            told("NVIDIA_VISIBLE_DEVICES", value="none"),
            told("NVIDIA_DRIVER_CAPABILITIES", value="compute"),
            workload({"envFrom": [{"prefix": "WEB_", "configMapRef": {"name": "web"}}]}),
            workload({"volumeMounts": [{"name": "scratch", "mountPath": "/var/run/web"}]}),
            workload({}, runtimeClassName="gvisor"),
            workload(GPU, RESEARCH, labels=OWN, runtimeClassName="nvidia"),
        ),
        refused=(
            told("NVIDIA_VISIBLE_DEVICES", value="all"),
            told("NVIDIA_VISIBLE_DEVICES", value=""),
            told("NVIDIA_VISIBLE_DEVICES", **FIELD),
            told("NVIDIA_MIG_CONFIG_DEVICES", value="all"),
            told("NVIDIA_MIG_MONITOR_DEVICES", value="all"),
            told("NVIDIA_IMEX_CHANNELS", value="0"),
            workload({"env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": value} for value in ("all", "void")]}),
            workload({}, initContainers=[{"env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "0"}]}]),
            workload({"envFrom": [{"prefix": "NVIDIA_", "configMapRef": {"name": "web"}}]}),
            workload({"envFrom": [{"prefix": "NVIDIA_VISIBLE_", "secretRef": {"name": "web"}}]}),
            workload({"volumeMounts": [{"name": "a", "mountPath": "/var/run/nvidia-container-devices/all"}]}),
            workload({"volumeMounts": [{"name": "a", "mountPath": "var/run//nvidia-container-devices/all"}]}),
            workload({"volumeMounts": [{"name": "a", "mountPath": "/var/lib/../run/nvidia-container-devices/all"}]}),
            workload({}, volumes=[{"name": "gpu", "hostPath": {"path": "/dev/nvidia0"}}]),
            workload({}, volumes=[{"name": "gpu", "hostPath": {"path": "/dev/./nvidia0"}}]),
            workload({}, runtimeClassName="nvidia"),
            workload({}, runtimeClassName="nvidia-cdi"),
        ),
        silent=(workload({}), workload({"envFrom": [{"configMapRef": {"name": "web"}}]})),
        lacking=(told("NVIDIA_VISIBLE_DEVICES"),),
        others=frozenset({"no-access-to-nodes"}),
    ),
}
