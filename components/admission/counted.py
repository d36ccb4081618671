"""What Kueue has counted stays what it was counted as: nothing is cut loose from it, joins it, or runs on after it.

Kueue counts a Job, a JobSet or one of Ray's clusters as a whole, and its pods by nothing but their belonging to it. So
whoever could take a pod's owner, or the labels by which its controller finds it, would keep a GPU that nobody counts,
and be made another one. Kubernetes leaves all of that to whoever may change the pod.
"""

from components.admission import pods
from components.admission.building import OWNER_RULES, Manifest, Rule, Scope, policy
from components.admission.cel import all_of, any_of, text, texts
from components.admission.requesters import QUEUE_LABEL, controller_variables, keeper_variable
from infra.blueprint.admission import GpuAdmissionPart

LONGEST_END_SECONDS = 120
"""How long a pod with a GPU may take to end. From the first of them on Kueue hands its GPU to the next in the queue and
the Job controller replaces it. Two minutes are the most that a GKE node gives before it is taken away (Spot)."""

MARKS = "kueue.x-k8s.io/"
"""Labels and annotations by which Kueue knows a pod again."""
PRIORITY_LABEL = "kueue.x-k8s.io/priority-class"
GROUP_NAME = "kueue.x-k8s.io/pod-group-name"
"""A label, and since Kueue 0.18 an annotation of the same name, which counts above it."""
ROLE_HASH = "kueue.x-k8s.io/role-hash"
"""What Kueue takes a pod's needs for within its group; it believes the pod (`getRoleHash`)."""

RAY_KINDS = ("RayCluster", "RayJob", "RayService")
"""Kinds whose pods may be other than what the object says by now: KubeRay lets those run that were made before."""

_ORPHAN = "orphan"
"""The finalizer, and in capitals the policy of a deletion, that leave behind what belongs to an object."""
_COUNTED_BY_THE_POD = ("CronJob", "Deployment", "ReplicaSet")
"""Kinds of whose pods, or Jobs, Kueue counts each by itself, so that it still does when they are left behind."""
_LEAVING_KINDS = ("Job", "ReplicationController")
"""Kinds whose deletion leaves their pods behind unless it says otherwise (Kubernetes' batch/v1 and v1)."""

CONTROLLING = "exists(o, o.?controller.orValue(false))"
_POD_RULES = ({"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]},)


def owned_variable() -> tuple[str, str]:
    """A variable that tells whether a pod that is changed belongs to a controller's object."""
    return ("owned", f"!variables.created && oldObject.metadata.?ownerReferences.orValue([]).{CONTROLLING}")


# --- whose a workload is ----------------------------------------------------------------------------------------


def belonging_rules(counted: str, was_counted: str) -> tuple[Rule, ...]:
    """Owners stay, none is claimed, and nothing is left behind.

    Args:
        counted: Whether Kueue counts, or has counted, something of the object that is changed.
        was_counted: Whether it did before the change: what gains a GPU now is judged as a new workload is.
    """
    return (
        Rule(
            any_of(
                "variables.controller",
                f"variables.created && !(variables.gpu && object.metadata.?ownerReferences.orValue([]).{CONTROLLING})",
                "!variables.created && "
                f"(!({counted}) || variables.keeper"
                " || object.metadata.?ownerReferences == oldObject.metadata.?ownerReferences)",
            ),
            "whose a GPU workload is stays as it is, and a new one claims no controlling owner: Kueue would take it for"
            " a part of what it has admitted, or count it no more. Leave metadata.ownerReferences alone; a controller"
            " that makes Jobs with GPUs for kinds of its own, which Kueue does not know, cannot be used here.",
        ),
        Rule(
            any_of(
                f"!({counted})",
                "variables.keeper",
                f"request.kind.kind in {texts(_COUNTED_BY_THE_POD)}",
                f"!({text(_ORPHAN)} in object.metadata.?finalizers.orValue([]))",
                f"!variables.created && ({was_counted})"
                f" && {text(_ORPHAN)} in oldObject.metadata.?finalizers.orValue([])",
            ),
            f"the finalizer {_ORPHAN} would leave a GPU workload's pods behind, where Kueue counts them no more."
            " Remove it from metadata.finalizers.",
        ),
    )


def pod_belonging_rules() -> tuple[Rule, ...]:
    """What tells a pod's controller, and Kueue, that it is theirs."""
    unless = ("variables.created", "!variables.gpu", "variables.keeper")
    labels, old_labels = _entries("labels")
    kept = f"{old_labels}.all(k, k in {labels} && {labels}[k] == {old_labels}[k])"
    return (
        # A pod never gains a GPU.
        *belonging_rules("variables.gpu", "variables.gpu"),
        Rule(
            any_of(*unless, "!variables.owned", kept),
            "by its labels a controller knows the pods that it has made: one that it lost would keep its GPU uncounted."
            " Add labels to a pod with a GPU, and leave those that it has.",
        ),
        Rule(
            any_of(*unless, all_of(_marks_kept("labels"), _marks_kept("annotations"))),
            f"labels and annotations under {MARKS} are Kueue's on a pod with a GPU: by them it knows what it has"
            f" counted. Leave them as they are; {PRIORITY_LABEL} may change.",
        ),
    )


def _entries(kind: str) -> tuple[str, str]:
    """The labels, or the annotations, of an object and of what it was."""
    return f"object.metadata.?{kind}.orValue({{}})", f"oldObject.metadata.?{kind}.orValue({{}})"


def _marks_kept(kind: str) -> str:
    """Whether Kueue's labels or annotations are the old ones; the queue has a rule of its own."""
    now, before = _entries(kind)
    other = f"!k.startsWith({text(MARKS)}) || k in {texts((QUEUE_LABEL, PRIORITY_LABEL))}"
    return all_of(
        f"{before}.all(k, {other} || k in {now} && {now}[k] == {before}[k])", f"{now}.all(k, {other} || k in {before})"
    )


# --- who is counted together ------------------------------------------------------------------------------------


def group_rule() -> Rule:
    """No GPU pod joins a group by hand: of one whose pods name one role, Kueue counts the first for all."""
    return Rule(
        any_of("!(variables.created && variables.gpu)", "variables.controller", f"!({_grouped('object')})"),
        "a pod with a GPU may not join a pod group by hand: Kueue believes each of the group that it needs what the"
        f" first does. Remove {GROUP_NAME}, and use a JobSet, a LeaderWorkerSet or a StatefulSet for pods that are"
        " admitted together.",
    )


def template_group_rule(unless: str) -> Rule:
    """No template brings its pods into a group; Kueue's own webhooks write nothing of it into templates."""
    hashed = f"p.?metadata.?annotations[?{text(ROLE_HASH)}].hasValue()"
    return Rule(
        any_of(unless, f"!variables.gpuPods.exists(p, {any_of(_grouped('p'), hashed)})"),
        f"{GROUP_NAME} and {ROLE_HASH} are Kueue's to write, on pods: in a template they would have it count one pod"
        " for another. Remove them there.",
    )


def _grouped(thing: str) -> str:
    kinds = ("labels", "annotations")
    return any_of(*(f"{thing}.?metadata.?{kind}[?{text(GROUP_NAME)}].hasValue()" for kind in kinds))


def selector_rule() -> Rule:
    """A Job finds its pods by labels of Kubernetes' own: by a selector of its own a label more could set one free.

    One that waits may gain its GPU later (Kubernetes 1.36, `MutablePodResourcesForSuspendedJobs`).
    """
    return Rule(
        any_of(
            "!variables.newGpu",
            "variables.kind != 'Job'",
            "!object.?spec.?manualSelector.orValue(false)",
        ),
        "a Job with a GPU may not choose its pods by a selector of its own: a label could take a pod out of it."
        " Remove spec.selector and spec.manualSelector.",
    )


# --- how it ends ------------------------------------------------------------------------------------------------


def end_rule(unless: str, found: str) -> Rule:
    """Pods with GPUs end soon; `found` are those that are looked at."""
    return Rule(
        any_of(unless, f"!{found}.exists(p, {pods.runs_on('p', LONGEST_END_SECONDS)})"),
        f"a pod with a GPU has to end within {LONGEST_END_SECONDS} s, as its GPU is handed on when it is told to."
        " Lower terminationGracePeriodSeconds, also that of its probes.",
    )


def deletion_policy(part: GpuAdmissionPart) -> Manifest:
    """How GPU workloads may be deleted: with all that is theirs, and soon."""
    managed = {"matchLabels": dict(part.managed_namespace_labels)}
    scope = Scope(managed, (*_POD_RULES, *OWNER_RULES), _deletion_variables(part), ("DELETE",))
    return policy("gpu-deletions", part.action, scope, _deletion_rules())


def _deletion_variables(part: GpuAdmissionPart) -> tuple[tuple[str, str], ...]:
    """Of a deletion there is no object but the old one; its options tell how it is meant."""
    options = "request.?options"
    finalizers = "oldObject.?metadata.?finalizers.orValue([])"
    said = any_of(f"{options}.?orphanDependents.hasValue()", f"{options}.?propagationPolicy.orValue('') != ''")
    by_itself = any_of(
        f"{text(_ORPHAN)} in {finalizers}",
        f"request.kind.kind in {texts(_LEAVING_KINDS)} && !('foregroundDeletion' in {finalizers})",
    )
    return (
        ("pods", pods.templates("oldObject")),
        ("gpu", f"variables.pods.exists(p, {pods.wants_gpu('p')})"),
        *controller_variables(part),
        keeper_variable(),
        (
            "leaves",
            any_of(
                f"{options}.?orphanDependents.orValue(false)",
                f"{options}.?propagationPolicy.orValue('') == 'Orphan'",
                f"!({said}) && ({by_itself})",
            ),
        ),
        ("seconds", f"{options}.?gracePeriodSeconds.orValue(0)"),
    )


def _deletion_rules() -> tuple[Rule, ...]:
    return (
        Rule(
            any_of(
                f"!(variables.gpu || request.kind.kind in {texts(RAY_KINDS)})",
                "variables.keeper",
                f"request.kind.kind in {texts(_COUNTED_BY_THE_POD)}",
                "!variables.leaves",
            ),
            "a GPU workload goes with all that belongs to it: pods that it left behind would run on where Kueue counts"
            " them no more. Delete it with the propagation policy Background or Foreground, as kubectl does by itself;"
            f" unless told so, a deletion of a {' or '.join(_LEAVING_KINDS)} leaves its pods.",
        ),
        Rule(
            any_of(
                "!variables.gpu",
                "variables.keeper",
                "request.kind.kind != 'Pod'",
                f"variables.seconds <= {LONGEST_END_SECONDS}",
                # The API server fills in what the pod itself says, which was judged if it came after the policies.
                "variables.seconds <= oldObject.?spec.?terminationGracePeriodSeconds.orValue(0)",
            ),
            f"a pod with a GPU has to end within {LONGEST_END_SECONDS} s, as its GPU is handed on when it is told to."
            " Delete it with a shorter grace period.",
        ),
    )
