"""The GPU admission policies, as Kyverno `ValidatingPolicy` manifests; here those that keep GPUs behind queues.

One CEL text serves everywhere: Kyverno generates a ValidatingAdmissionPolicy of the API server's own from each policy,
so that nothing hangs on Kyverno while a request is judged.

What is relied on, and why a tenant cannot forge it: the namespace and its labels, the requester's identity, and what
Kueue's own webhooks leave on a workload before policies see it (its gate on a pod, `suspend` on a job). The last is the
positive proof that Kueue holds the workload: Kueue skips a pod whose owner it knows, and calls a forged owner in the
same namespace out of its scope (Kueue's `FindAncestorJobManagedByKueue`).
"""

from components.admission import counted, pods
from components.admission.building import OWNER_RULES, POD_RULES, SEEN, Manifest, Rule, Scope, policy
from components.admission.cel import all_of, any_of, labels_of, text, text_map, texts
from components.admission.placement import placement_policies
from components.admission.requesters import (
    ADMINISTRATORS,
    QUEUE_LABEL,
    identity_variables,
    keeper_variable,
    owner_queue,
)
from components.admission.sharing import sharing_policies
from components.admission.tenant_objects import tenant_object_policies
from infra.blueprint import devices
from infra.blueprint.admission import AdmissionAction, GpuAdmissionPart

QUEUE_GATE = "kueue.x-k8s.io/admission"
ELASTIC_GATE = "kueue.x-k8s.io/elastic-job"
"""On every pod of a workload that may grow while it runs; Kueue opens as many as it has quota for (its KEP-77)."""
_GATES = (QUEUE_GATE, ELASTIC_GATE)
HELD_ANNOTATION = "kueue.x-k8s.io/pod-suspending-parent"
"""What Kueue's webhooks write into the pod template of a workload whose pods it holds one by one."""

SUSPENDED_KINDS = ("Job", "JobSet", "RayCluster", "RayJob")
"""Kinds that Kueue holds as a whole, by `spec.suspend`."""
HELD_KINDS = ("Deployment", "StatefulSet", "LeaderWorkerSet")
"""Kinds whose pods Kueue holds one by one."""
UNHELD_KINDS = ("DaemonSet", "ReplicaSet", "ReplicationController", "RayService")
"""Kinds that make pods and that Kueue does not hold."""

DAEMON_SETS = "system:serviceaccount:kube-system:daemon-set-controller"
SCHEDULER = "system:kube-scheduler"

_BINDING_RULES = ({"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/binding", "bindings"]},)
_QUEUE_RULES = ({"apiGroups": ["kueue.x-k8s.io"], "apiVersions": ["*"], "resources": ["localqueues"]},)
_ENVIRONMENT_RULES = ({"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps", "secrets"]},)


def gpu_policies(part: GpuAdmissionPart) -> list[Manifest]:
    """Every policy of `part`, in a fixed order; none whose action is off.

    Raises:
        ValueError: More or fewer than one label tells the managed namespaces, so their complement is no selector.
    """
    if len(part.managed_namespace_labels) != 1:
        raise ValueError("admission policies need exactly one label that tells the managed namespaces")
    return [
        *_queue_policies(part),
        *tenant_object_policies(part),
        *sharing_policies(part),
        *placement_policies(part),
    ]


def _queue_policies(part: GpuAdmissionPart) -> list[Manifest]:
    if part.action is AdmissionAction.OFF:
        return []
    managed = {"matchLabels": dict(part.managed_namespace_labels)}
    elsewhere = Scope(_elsewhere(part), (*POD_RULES, *OWNER_RULES), SEEN)
    return [
        policy("gpu-pods", part.action, Scope(managed, POD_RULES, _pod_variables(part)), _pod_rules(part)),
        policy("gpu-workloads", part.action, Scope(managed, OWNER_RULES, _owner_variables(part)), _owner_rules(part)),
        counted.deletion_policy(part),
        policy("gpu-elsewhere", part.action, elsewhere, _elsewhere_rules(part)),
        policy("gpu-queues", part.action, Scope(managed, _QUEUE_RULES), _queue_rules(part)),
        policy("gpu-binding", part.action, Scope(managed, _BINDING_RULES), (_binding_rule(),)),
        policy("gpu-environment", part.action, Scope(managed, _ENVIRONMENT_RULES), (_environment_rule(),)),
    ]


# --- who asks, for which queue ----------------------------------------------------------------------------------


def _queue_variables(part: GpuAdmissionPart, queue: str, old_queue: str) -> tuple[tuple[str, str], ...]:
    shared = f"request.namespace == {text(part.shared_namespace)}"
    return (
        ("queue", queue),
        ("oldQueue", f"variables.created ? '' : {old_queue}"),
        (
            "known",
            "variables.tenant != '' ? variables.queue == variables.tenant"
            " : request.namespace in variables.platformQueues"
            " ? variables.queue in variables.platformQueues[request.namespace]"
            f" : {shared} && variables.queue in variables.sharedQueues",
        ),
        (
            "own",
            any_of(
                f"!({shared})",
                "variables.controller",
                f"{text(f'group:{ADMINISTRATORS}')} in variables.identities",
                "variables.queue in variables.sharedQueues"
                " && variables.identities.exists(i, i in variables.sharedQueues[variables.queue])",
            ),
        ),
        (
            "wanted",
            "variables.tenant != '' ? 'the queue of this namespace is ' + variables.tenant"
            " : request.namespace in variables.platformQueues"
            " ? 'the queue of this namespace is ' + variables.platformQueues[request.namespace][0]"
            " : 'a tenant\\'s queue is called as the tenant is'",
        ),
    )


def _unknown_queue(what: str) -> tuple[str, str]:
    """The message, and the CEL that makes a better one, for a workload without a queue of its namespace."""
    start = f"{what} asks for a GPU and the label {QUEUE_LABEL} does not name a queue that this namespace has"
    named = "(variables.queue == '' ? 'it names none' : 'it names ' + variables.queue)"
    return f"{start}.", f"{text(f'{start}: ')} + {named} + ', and ' + variables.wanted + '.'"


_NOT_OWN = Rule(
    "!(variables.gpu && variables.changed && variables.queue != '' && variables.known) || variables.own",
    f"the queue in the label {QUEUE_LABEL} belongs to a tenant for whom the requester does not act. Use the queue of"
    " your own tenant; who acts for a tenant stands under bulkhead:tenants[].subjects.",
    f"{text('the queue ')} + variables.queue + {text(' belongs to a tenant for whom ')} + request.userInfo.username"
    f" + {text(' does not act. Use the queue of your own tenant; bulkhead:tenants[].subjects says who acts for it.')}",
)


# --- pods -------------------------------------------------------------------------------------------------------


def _pod_variables(part: GpuAdmissionPart) -> tuple[tuple[str, str], ...]:
    return (
        *SEEN,
        *identity_variables(part),
        keeper_variable(),
        counted.owned_variable(),
        *_queue_variables(part, labels_of("object", QUEUE_LABEL), labels_of("oldObject", QUEUE_LABEL)),
    )


def _gated(thing: str, gate: str = QUEUE_GATE) -> str:
    return f"{thing}.?spec.?schedulingGates.orValue([]).exists(g, g.name == {text(gate)})"


def _pod_rules(part: GpuAdmissionPart) -> tuple[Rule, ...]:
    message, expression = _unknown_queue("this pod")
    return (
        Rule(
            any_of(
                "!(variables.created && variables.gpu)",
                "variables.known",
                # Kueue holds it by its gate, which the next rule but one looks for, or through its owner.
                "variables.controller && variables.queue == ''",
            ),
            message,
            expression,
        ),
        _NOT_OWN,
        Rule(
            any_of("!(variables.created && variables.gpu)", "variables.ownerController", _gated("object")),
            "this pod asks for a GPU and Kueue does not hold it, so no quota would count it. Its owner, if it has one,"
            f" needs the label {QUEUE_LABEL}; a pod from before that cannot be had again without it.",
        ),
        counted.group_rule(),
        counted.end_rule("!variables.created || variables.controller", "variables.gpuPods"),
        Rule(
            any_of(
                "variables.created",
                "variables.kueue",
                "!variables.gpu",
                all_of(*(f"!{_gated('oldObject', gate)} || {_gated('object', gate)}" for gate in _GATES)),
            ),
            f"only Kueue may remove the scheduling gates {' and '.join(_GATES)}: the pod waits for quota.",
        ),
        Rule(
            any_of(
                "variables.created",
                "!variables.gpu",
                "variables.queue == variables.oldQueue",
                "variables.kueue",
                "variables.known && variables.own",
            ),
            f"the label {QUEUE_LABEL} of a pod with a GPU may not be removed or made to name another tenant's queue.",
        ),
        *counted.pod_belonging_rules(),
        *_reach_rules(part, "!variables.changed || variables.kueue", blanket=True),
        _marked_later("variables.kueue"),
    )


# --- what makes pods --------------------------------------------------------------------------------------------


_WAS_COUNTED = f"variables.oldGpu || variables.kind in {texts(counted.RAY_KINDS)}"
"""Whether Kueue counted something of an owner before the change, as far as that can be seen."""


def _owner_variables(part: GpuAdmissionPart) -> tuple[tuple[str, str], ...]:
    suspended = "object.?spec.?suspend.orValue(false)"
    annotated = f"p.?metadata.?annotations[?{text(HELD_ANNOTATION)}].orValue('') != ''"
    created, pods_now, _, *of_pods = SEEN
    return (
        created,
        pods_now,
        *of_pods,
        *identity_variables(part),
        keeper_variable(),
        *_queue_variables(part, owner_queue("object"), f"({owner_queue('oldObject')})"),
        ("changed", "variables.created || object.?spec != oldObject.?spec || variables.queue != variables.oldQueue"),
        ("oldPods", f"variables.created ? [] : {pods.templates('oldObject')}"),
        ("oldGpu", f"variables.oldPods.exists(p, {pods.wants_gpu('p')})"),
        ("newGpu", "variables.gpu && !variables.oldGpu"),
        ("kind", "request.kind.kind"),
        ("counted", f"variables.gpu || {_WAS_COUNTED}"),
        (
            "held",
            f"variables.kind in {texts(SUSPENDED_KINDS)} ? {suspended}"
            f" : variables.kind in {texts(HELD_KINDS)}"
            f" ? variables.gpuPods.all(p, {annotated}) : true",
        ),
        (
            "grown",
            f"!variables.created && variables.gpu && variables.kind in {texts(SUSPENDED_KINDS)}"
            f" && ({_may_have_grown()})",
        ),
        ("elastic", f"variables.pods == variables.oldPods && variables.gpuPods.all(p, {_gated('p', ELASTIC_GATE)})"),
    )


def _may_have_grown() -> str:
    """Whether a change may mean more pods or larger ones. Of what JobSets and Ray's kinds are made, any change may."""
    parts = ("headGroupSpec", "rayClusterSpec", "replicatedJobs", "workerGroupSpecs")
    return any_of(
        "variables.pods != variables.oldPods",
        "object.?spec.?parallelism.orValue(1) > oldObject.?spec.?parallelism.orValue(1)",
        *(f"object.?spec.?{part} != oldObject.?spec.?{part}" for part in parts),
    )


def _owner_rules(part: GpuAdmissionPart) -> tuple[Rule, ...]:
    message, expression = _unknown_queue("this workload")
    untouched = "!(variables.gpu && variables.changed)"
    return (
        Rule(
            any_of(untouched, "variables.controller", f"!(variables.kind in {texts(UNHELD_KINDS)})"),
            "Kueue holds no workload of this kind, so no quota would count its GPUs. Use a Job, JobSet, Deployment,"
            " StatefulSet, LeaderWorkerSet, RayCluster or RayJob.",
        ),
        Rule(
            any_of(
                untouched,
                "variables.known",
                "variables.ownerController",
                # A Job is where Kueue starts to count, whoever makes it; the other controllers' parts come later.
                "variables.controller && variables.kind != 'Job'",
            ),
            message,
            expression,
        ),
        _NOT_OWN,
        Rule(
            any_of(
                untouched,
                "variables.controller",
                f"variables.pods.all(p, p.?metadata.?labels[?{text(QUEUE_LABEL)}].orValue(variables.queue)"
                " == variables.queue)",
            ),
            f"the pod templates carry the label {QUEUE_LABEL} with another queue than the workload. Remove it there.",
        ),
        Rule(
            any_of(
                "!variables.newGpu",
                "variables.ownerController",
                # A part is looked at when its pods come; a Job that a CronJob makes is whole.
                "variables.controller && variables.kind != 'Job'",
                "variables.held",
            ),
            "this workload asks for a GPU and Kueue does not hold it, so no quota would count it. Leave spec.suspend"
            " and the pod templates' annotations to Kueue.",
        ),
        Rule(
            any_of(
                "variables.created",
                "!variables.gpu",
                "variables.kueue",
                "variables.ownerController",
                f"!(variables.kind in {texts(SUSPENDED_KINDS)})",
                "!oldObject.?spec.?suspend.orValue(false)",
                "object.?spec.?suspend.orValue(false)",
            ),
            "only Kueue may set spec.suspend to false: the workload waits for quota.",
        ),
        Rule(
            any_of(
                "!variables.grown",
                "variables.controller",
                "variables.elastic",
                # A part is counted with what it belongs to, and whoever made it lets it go again without asking Kueue.
                f"!(oldObject.metadata.?ownerReferences.orValue([]).{counted.CONTROLLING})"
                " && (oldObject.?spec.?suspend.orValue(false) || object.?spec.?suspend.orValue(false))",
            ),
            "Kueue has admitted this workload as it is, and what it grew by would be counted nowhere. Set spec.suspend"
            " to true in the same change: Kueue then admits it anew. Of what a controller has made, change the owner.",
        ),
        *counted.belonging_rules("variables.counted", _WAS_COUNTED),
        counted.template_group_rule("!variables.changed || variables.controller"),
        counted.selector_rule(),
        counted.end_rule("!variables.changed || variables.controller", "variables.gpuPods"),
        *_reach_rules(part, "!variables.changed || variables.controller", blanket=True),
    )


def _tolerates_gpu_nodes(part: GpuAdmissionPart, blanket: bool) -> str:
    """A dedication's taint is on a tenant's nodes without GPUs, too: who selects these may tolerate it."""
    every = pods.tolerates_gpu_nodes("p", part.taint_keys, blanket)
    if not part.dedicated_without_gpus:
        return every
    others = tuple(key for key in part.taint_keys if key != part.placement.dedicated_key)
    others_too = pods.tolerates_gpu_nodes("p", others, blanket)
    return any_of(others_too, f"({every}) && !({pods.stays_off_gpu_nodes('p', part.dedicated_without_gpus)})")


# --- past the queue ---------------------------------------------------------------------------------------------


def _reach_rules(part: GpuAdmissionPart, unless: str, blanket: bool) -> tuple[Rule, ...]:
    """What reaches a GPU without asking for one, in every pod of a request that is not excused by `unless`."""

    def never(condition: str) -> str:
        return any_of(unless, f"!variables.pods.exists(p, {condition})")

    def unless_asked_for(condition: str) -> str:
        return any_of(unless, f"!variables.idlePods.exists(p, {condition})")

    # Node names stand in every pod that runs, and the DaemonSet controller pins its pods by field.
    named = all_of(
        f"variables.created || {text('Pod')} != request.kind.kind",
        f"request.userInfo.username != {text(DAEMON_SETS)}",
        pods.names_node("p"),
    )
    return (
        Rule(
            never(pods.asks_runtime_for_devices("p")),
            f"{devices.VISIBLE_DEVICES[0]} and its like ask the container runtime for GPUs past every quota. Remove the"
            " variable, or set it to void.",
        ),
        Rule(
            never(pods.mounts_devices("p", folders=blanket)),
            f"mounts under {devices.DEVICE_MOUNTS} or with .. in their path, device files under {devices.DEVICE_FILES}"
            f"{' or the folders that hold them' if blanket else ''} and annotations under {pods.CDI_ANNOTATIONS} reach"
            " GPUs past every quota. Remove them and request nvidia.com/gpu.",
        ),
        Rule(
            unless_asked_for(pods.uses_gpu_runtime("p")),
            "a runtime class of NVIDIA's hands GPUs to pods that request none. Request nvidia.com/gpu, or remove"
            " runtimeClassName.",
        ),
        Rule(
            unless_asked_for(_tolerates_gpu_nodes(part, blanket)),
            "only pods that request a GPU may tolerate the taint of GPU nodes, or every taint. Request nvidia.com/gpu,"
            " or name the taints that are meant.",
        ),
        Rule(
            unless_asked_for(pods.selects_accelerator("p", part.accelerator_labels)),
            "only pods that request a GPU may select GPU nodes. Request nvidia.com/gpu, or remove the selector.",
        ),
        *(
            (
                Rule(
                    unless_asked_for(named),
                    "a pod may not pick its node by name: that passes the taint of GPU nodes by. Remove nodeName and"
                    " matchFields.",
                ),
            )
            if blanket
            else ()
        ),
    )


def _marked_later(unless: str) -> Rule:
    """A pod's annotations are no part of its spec: what a runtime reads there may come after all else was judged."""
    now, before = "object.?metadata.?annotations.orValue({})", "oldObject.?metadata.?annotations"
    later = f"k.startsWith({text(pods.CDI_ANNOTATIONS)}) && {before}[?k].orValue('') != {now}[k]"
    return Rule(
        any_of("variables.created", unless, "request.kind.kind != 'Pod'", f"!{now}.exists(k, {later})"),
        f"annotations under {pods.CDI_ANNOTATIONS} reach GPUs past every quota. Request nvidia.com/gpu instead.",
    )


def _elsewhere(part: GpuAdmissionPart) -> Manifest:
    outside = [
        {"key": key, "operator": "NotIn", "values": [value]}
        for key, value in sorted(part.managed_namespace_labels.items())
    ]
    exempt = {
        "key": "kubernetes.io/metadata.name",
        "operator": "NotIn",
        "values": sorted(part.exempt_namespaces),
    }
    return {"matchExpressions": [*outside, exempt]}


def _elsewhere_rules(part: GpuAdmissionPart) -> tuple[Rule, ...]:
    """Outside the managed namespaces there is no queue, so no GPU; whoever asks.

    A toleration of every taint, a node's name and its folders pass here: the cluster's own agents run everywhere, and
    tenants have no right to work here.
    """
    return (
        Rule(
            "!(variables.gpu && variables.changed)",
            "GPUs are handed out only in namespaces with queues, and this is none: Kueue would not count them, whatever"
            " label the workload has. Run it in the tenant's namespace; where the cluster's own GPU software lives,"
            " name the namespace under bulkhead:trust.admission.exempt_namespaces.",
        ),
        *_reach_rules(part, "!variables.changed", blanket=False),
        _marked_later("false"),
    )


# --- queues and environments ------------------------------------------------------------------------------------


def _queue_rules(part: GpuAdmissionPart) -> tuple[Rule, ...]:
    """By the scheme of the names and not by a list of tenants: a new tenant's queue must not wait for a new policy."""
    pairs = {f"{queue.namespace}/{queue.name}": queue.cluster_queue for queue in part.platform_queues}
    tenant = f"namespaceObject.?metadata.?labels[?{text(part.tenant_label)}].orValue('')"
    of_its_name = f"object.spec.clusterQueue == {text(part.tenant_cluster_queue_prefix)} + object.metadata.name"
    place = "request.namespace + '/' + object.metadata.name"
    return (
        Rule(
            f"{tenant} != '' ? object.metadata.name == {tenant} && {of_its_name}"
            f" : request.namespace == {text(part.shared_namespace)} ? {of_its_name}"
            f" : ({text_map(pairs)})[?{place}].orValue('') == object.spec.clusterQueue",
            "a queue may stand here only under its tenant's name and before that tenant's ClusterQueue: one called"
            " default would take in whatever names none, and another tenant's ClusterQueue is that tenant's quota.",
        ),
    )


def _binding_rule() -> Rule:
    return Rule(
        f"request.userInfo.username == {text(SCHEDULER)}",
        "only Kubernetes' scheduler may bind a pod to a node: it looks at the taints of GPU nodes, a binding does not.",
    )


def _environment_rule() -> Rule:
    names = texts(devices.VISIBLE_DEVICES)
    kept = " && ".join(
        f"!object.?{key}.orValue({{}}).exists(k, k in {names})" for key in ("data", "stringData", "binaryData")
    )
    return Rule(
        kept,
        f"a key called {devices.VISIBLE_DEVICES[0]} would ask the container runtime for GPUs in whatever takes its"
        " environment from here. Use another key.",
    )
