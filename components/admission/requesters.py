"""Who sends a request, for which tenant, and through which queue: CEL that several policies share.

A tenant can forge none of it: the namespace's labels and the requester's identity are the API server's to tell.
"""

from components.admission.cel import any_of, labels_of, text, texts, texts_map
from infra.blueprint.admission import GpuAdmissionPart

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
ADMINISTRATORS = "system:masters"
"""The group that no authorizer ever refuses."""
_CLUSTER_USERS = ("system:kube-controller-manager", "system:kube-scheduler")
_CLUSTER_GROUPS = ("system:nodes", "system:serviceaccounts:kube-system")
"""As whom Kubernetes itself acts: nodes, the scheduler and its controllers, the garbage collector among them."""


def controller_variables(part: GpuAdmissionPart) -> tuple[tuple[str, str], ...]:
    """Variables that tell whether Kueue asks, or a controller of kinds that it holds."""
    return (
        ("kueue", f"request.userInfo.username == {text(part.kueue_account)}"),
        ("ownerController", f"request.userInfo.username in {texts(part.owner_controllers)}"),
        (
            "controller",
            any_of(
                "variables.kueue",
                "variables.ownerController",
                f"request.userInfo.username in {texts(part.part_controllers)}",
            ),
        ),
    )


def identity_variables(part: GpuAdmissionPart) -> tuple[tuple[str, str], ...]:
    """Variables that tell who asks: Kueue, a controller, a tenant's subject; and in whose namespace."""
    queues = {queue.name: _identities(queue.users, queue.groups) for queue in part.shared_queues}
    return (
        *controller_variables(part),
        ("tenant", f"namespaceObject.?metadata.?labels[?{text(part.tenant_label)}].orValue('')"),
        (
            "identities",
            "['user:' + request.userInfo.username] + request.userInfo.?groups.orValue([]).map(g, 'group:' + g)",
        ),
        ("sharedQueues", texts_map(queues)),
        ("platformQueues", texts_map(_platform_queues(part))),
    )


def keeper_variable() -> tuple[str, str]:
    """A variable that tells whether whoever asks looks after objects for the cluster and not for anybody's own ends.

    Beside the controllers that make workloads these are all others of Kubernetes' own, which collect what has no owner,
    empty a namespace that goes, evict from a node that is gone, and finish what runs.
    """
    return (
        "keeper",
        any_of(
            "variables.controller",
            f"request.userInfo.username in {texts(_CLUSTER_USERS)}",
            f"request.userInfo.?groups.orValue([]).exists(g, g in {texts(_CLUSTER_GROUPS)})",
        ),
    )


def _identities(users: tuple[str, ...], groups: tuple[str, ...]) -> list[str]:
    """Users and groups in one list, each behind its kind, so that neither passes for the other."""
    return [*(f"user:{name}" for name in users), *(f"group:{name}" for name in groups)]


def _platform_queues(part: GpuAdmissionPart) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for queue in part.platform_queues:
        found.setdefault(queue.namespace, []).append(queue.name)
    return found


def owner_queue(root: str) -> str:
    """The queue that an owner names; a CronJob names it for the Jobs that it will make."""
    of_jobs = labels_of(f"{root}.?spec.?jobTemplate", QUEUE_LABEL)
    return f"request.kind.kind == 'CronJob' ? {of_jobs} : {labels_of(root, QUEUE_LABEL)}"
