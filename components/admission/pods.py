"""Pods inside of whatever makes them: where each kind keeps its pod templates, and what in a pod concerns a GPU.

Every function gives CEL. A "pod" is anything with `metadata` and `spec` as a pod has them: a pod, or a template.
"""

from collections.abc import Callable, Mapping

from components.admission.cel import all_of, any_of, text, texts
from infra.blueprint.devices import (
    BACKWARDS,
    CLASS_PREFIX,
    DEVICE_FILES,
    DEVICE_FOLDERS,
    DEVICE_MOUNTS,
    GPU_NODE_PREFIXES,
    GPU_PREFIX,
    GPU_RUNTIME,
    NO_DEVICES,
    VISIBLE_DEVICES,
    spelled,
)

AMOUNTS = ("requests", "limits")
"""Where a container states amounts of resources."""

CDI_ANNOTATIONS = "cdi.k8s.io/"
"""Annotations by which a runtime in CDI mode is asked for devices."""


def templates(root: str) -> str:
    """The pod templates of any kind that makes pods, and the pod itself, as a list.

    By structure and not by kind, so that a kind which keeps its template in one of these places is never missed:
    Job, Deployment, StatefulSet, ReplicaSet, ReplicationController and DaemonSet; CronJob; JobSet; LeaderWorkerSet;
    RayCluster, RayJob and RayService. Of the last three also the container that KubeRay puts beside a head, by itself.
    """
    spec = f"{root}.?spec"
    rays = (spec, f"{spec}.?rayClusterSpec", f"{spec}.?rayClusterConfig")
    single = (
        f"{spec}.?template",
        f"{spec}.?jobTemplate.?spec.?template",
        f"{spec}.?leaderWorkerTemplate.?leaderTemplate",
        f"{spec}.?leaderWorkerTemplate.?workerTemplate",
        f"{spec}.?submitterPodTemplate",
        *(f"{ray}.?headGroupSpec.?template" for ray in rays),
    )
    lists = (
        f"{spec}.?replicatedJobs.orValue([]).map(job, job.template.spec.template)",
        *(f"{ray}.?workerGroupSpecs.orValue([]).map(group, group.template)" for ray in rays),
    )
    pod = f"({spec}.?containers.hasValue() ? [{root}] : [])"
    beside = (_autoscaler(ray) for ray in rays)
    return " + ".join([pod, f"[{', '.join(f'?{path}' for path in single)}]", *lists, *beside])


def _autoscaler(ray: str) -> str:
    """A pod of Ray's autoscaler alone, whose options are named as a container's fields are; none where it has none."""
    options = f"{ray}.?autoscalerOptions"
    return f"({options}.hasValue() ? [dyn({{'spec': {{'containers': [{options}.value()]}}}})] : [])"


def containers(pod: str) -> str:
    """All containers of a pod: its own, those that come first, and those that are added later."""
    kinds = ("containers", "initContainers", "ephemeralContainers")
    return f"({' + '.join(f'{pod}.?spec.?{kind}.orValue([])' for kind in kinds)})"


def wants_gpu(pod: str) -> str:
    """Whether a pod names a GPU, in whatever amount, or claims a device."""
    return any_of(_names_resource(pod, GPU_PREFIX), claims_device(pod))


def claims_device(pod: str) -> str:
    """Whether a pod claims a device, as dynamic resource allocation hands them out, by a claim or by naming a class."""
    return any_of(_has_claim(pod), _names_resource(pod, CLASS_PREFIX))


def _has_claim(pod: str) -> str:
    return f"{pod}.?spec.?resourceClaims.orValue([]).size() > 0"


def _names_resource(pod: str, prefix: str) -> str:
    """Whether a pod names a resource, in whatever amount."""
    named = (f"c.?resources.?{kind}.orValue({{}}).exists(k, k.startsWith({text(prefix)}))" for kind in AMOUNTS)
    return f"{containers(pod)}.exists(c, {any_of(*named)})"


def gets_gpu(pod: str) -> str:
    """Whether a pod asks for one GPU at least, so that a queue counts it.

    Kubernetes holds requests of GPUs equal to limits. Of a device class it lets a limit stand beside any request, and
    the request counts.
    """

    def asked(kind: str, prefix: str) -> str:
        amount = f"quantity(string(c.resources.{kind}[k])).isGreaterThan(quantity('0'))"
        return f"k.startsWith({text(prefix)}) && {amount}"

    limits, requests = "c.?resources.?limits.orValue({})", "c.?resources.?requests.orValue({})"
    found = any_of(
        f"{limits}.exists(k, {asked('limits', GPU_PREFIX)})",
        f"{requests}.exists(k, {asked('requests', CLASS_PREFIX)})",
        f"{limits}.exists(k, !(k in {requests}) && {asked('limits', CLASS_PREFIX)})",
    )
    return any_of(f"{containers(pod)}.exists(c, {found})", _has_claim(pod))


def asks_runtime_for_devices(pod: str) -> str:
    """Whether a pod asks the container runtime for GPUs, past Kubernetes, in a way that the manifest shows."""
    variable = f"e.name in {texts(VISIBLE_DEVICES)} && !(e.?value.orValue('') in {texts(NO_DEVICES)})"
    # A prefix could put the name together out of two harmless halves.
    prefixed = any_of(
        *(f"e.?prefix.orValue('') != '' && {text(name)}.startsWith(e.prefix)" for name in VISIBLE_DEVICES)
    )
    return f"{containers(pod)}.exists(c, " + (
        f"c.?env.orValue([]).exists(e, {variable}) || c.?envFrom.orValue([]).exists(e, {prefixed}))"
    )


def mounts_devices(pod: str, folders: bool) -> str:
    """Whether a pod names GPUs by a mount, a device file of the node or an annotation.

    Args:
        pod: The pod.
        folders: Whether the node's folders of all device files count, too.
    """

    def matches(path: str, *patterns: str) -> str:
        return any_of(*(f"{path}.matches({text(pattern)})" for pattern in patterns))

    mount = matches("m.mountPath", spelled(DEVICE_MOUNTS), BACKWARDS)
    wanted = (spelled(DEVICE_FILES), *((DEVICE_FOLDERS,) if folders else ()))
    file = matches("v.?hostPath.?path.orValue('')", *wanted)
    return any_of(
        f"{containers(pod)}.exists(c, c.?volumeMounts.orValue([]).exists(m, {mount}))",
        f"{pod}.?spec.?volumes.orValue([]).exists(v, {file})",
        f"{pod}.?metadata.?annotations.orValue({{}}).exists(k, k.startsWith({text(CDI_ANNOTATIONS)}))",
    )


def runs_on(pod: str, seconds: int) -> str:
    """Whether a pod may take longer than `seconds` to end: by its own word, or by a probe's, which counts above it."""
    probes = ("livenessProbe", "startupProbe")
    longer = any_of(*(f"c.?{probe}.?terminationGracePeriodSeconds.orValue(0) > {seconds}" for probe in probes))
    return any_of(
        f"{pod}.?spec.?terminationGracePeriodSeconds.orValue(0) > {seconds}",
        f"{containers(pod)}.exists(c, {longer})",
    )


def uses_gpu_runtime(pod: str) -> str:
    """Whether a pod runs under a runtime class of NVIDIA's."""
    return f"{pod}.?spec.?runtimeClassName.orValue('').contains({text(GPU_RUNTIME)})"


def stays_off_gpu_nodes(pod: str, selectors: tuple[Mapping[str, str], ...]) -> str:
    """Whether a pod selects nodes by all labels of one of `selectors`, which select nodes without GPUs."""
    chosen = f"{pod}.?spec.?nodeSelector"
    every = (
        all_of(*(f"{chosen}[?{text(key)}].orValue('') == {text(value)}" for key, value in sorted(labels.items())))
        for labels in selectors
    )
    return any_of(*every)


def tolerates_gpu_nodes(pod: str, keys: tuple[str, ...], blanket: bool) -> str:
    """Whether a pod tolerates a taint that keeps pods without a GPU off GPU nodes.

    Args:
        pod: The pod.
        keys: Keys of taints beyond those under `nvidia.com/`.
        blanket: Whether a toleration of every taint counts, too.
    """
    conditions = [f"t.?key.orValue('').startsWith({text(GPU_PREFIX)})", f"t.?key.orValue('') in {texts(keys)}"]
    if blanket:
        conditions.append("t.?key.orValue('') == ''")
    return f"{pod}.?spec.?tolerations.orValue([]).exists(t, {any_of(*conditions)})"


def selects_accelerator(pod: str, pools: tuple[tuple[str, str], ...]) -> str:
    """Whether a pod selects, or would rather have, nodes by a label of GPU nodes.

    Args:
        pod: The pod.
        pools: Labels of the GPU pools, as (key, value), which other nodes have with other values.
    """

    def label(key: str, value: str) -> str:
        return any_of(_accelerator_key(key), *(f"{key} == {text(k)} && {value} == {text(v)}" for k, v in pools))

    def expression(e: str) -> str:
        return any_of(_accelerator_key(f"{e}.key"), *(_may_be(key, value) for key, value in pools))

    return selects(label, expression)(pod)


def selects(label: Callable[[str, str], str], expression: Callable[[str], str]) -> Callable[[str], str]:
    """Whether a pod selects, or would rather have, nodes of some kind.

    Args:
        label: From a key and a value, in CEL, to whether selecting by them counts.
        expression: From a node affinity's expression, in CEL, to whether it counts.
    """

    def of(pod: str) -> str:
        affinity = f"{pod}.?spec.?affinity.?nodeAffinity"
        required = f"{affinity}.?requiredDuringSchedulingIgnoredDuringExecution.?nodeSelectorTerms.orValue([])"
        preferred = f"{affinity}.?preferredDuringSchedulingIgnoredDuringExecution.orValue([])"
        chosen = f"exists(e, {expression('e')})"
        return any_of(
            f"{pod}.?spec.?nodeSelector.orValue({{}}).exists(k, {label('k', f'{pod}.spec.nodeSelector[k]')})",
            f"{required}.exists(t, t.?matchExpressions.orValue([]).{chosen})",
            f"{preferred}.exists(t, t.?preference.?matchExpressions.orValue([]).{chosen})",
        )

    return of


def _accelerator_key(key: str) -> str:
    return any_of(*(f"{key}.startsWith({text(prefix)})" for prefix in GPU_NODE_PREFIXES))


def _may_be(key: str, value: str) -> str:
    """Whether an expression lets a label have a value: anything but a list without it might."""
    return f"e.key == {text(key)} && (e.operator != 'In' || {text(value)} in e.?values.orValue([]))"


def names_node(pod: str) -> str:
    """Whether a pod picks its node by name, past the scheduler and its taints."""
    return any_of(f"{pod}.?spec.?nodeName.orValue('') != ''", names_node_by_field(pod))


def names_node_by_field(pod: str) -> str:
    """Whether a pod requires, or would rather have, a node by a field, of which there is one: its name."""
    affinity = f"{pod}.?spec.?affinity.?nodeAffinity"
    required = f"{affinity}.?requiredDuringSchedulingIgnoredDuringExecution.?nodeSelectorTerms.orValue([])"
    preferred = f"{affinity}.?preferredDuringSchedulingIgnoredDuringExecution.orValue([])"
    return any_of(
        f"{required}.exists(t, t.?matchFields.orValue([]).size() > 0)",
        f"{preferred}.exists(t, t.?preference.?matchFields.orValue([]).size() > 0)",
    )
