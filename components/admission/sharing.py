"""HW2's policies: nobody is handed a GPU that several clients share.

With time-slicing or MPS each client can reach the whole GPU's memory, also where the GPU is divided by MIG and an
instance is shared. Who asks is all the same: no platform workload has a use for it either, so the cluster's own
administrators are told as well. Sources: GKE's documentation on GPU sharing and on ComputeClass; NVIDIA's device plugin
(resource names that end in `.shared`), GPU feature discovery (node labels) and DRA driver (`GpuConfig.sharing`).
"""

from components.admission import pods
from components.admission.building import OWNER_RULES, POD_RULES, SEEN, Manifest, Rule, Scope, policy
from components.admission.cel import any_of, text, texts
from infra.blueprint import devices
from infra.blueprint.admission import AdmissionAction, GpuAdmissionPart

SHARING_LABELS = (*devices.GKE_SHARING_LABELS, *devices.UNSHARED_LABELS)
"""Node labels that tell how GPUs are shared."""

UNSHARED = tuple(f"{label}={value}" for label, value in devices.UNSHARED_LABELS.items())
"""Those of their values that nodes without sharing have."""

_CLAIM_RULES = (
    {
        "apiGroups": ["resource.k8s.io"],
        "apiVersions": ["*"],
        "resources": ["resourceclaims", "resourceclaimtemplates", "deviceclasses"],
    },
    {"apiGroups": ["cloud.google.com"], "apiVersions": ["*"], "resources": ["computeclasses"]},
)


def sharing_policies(part: GpuAdmissionPart) -> list[Manifest]:
    """The policies on workloads and on what they may claim; none where their action is off."""
    if part.sharing is AdmissionAction.OFF:
        return []
    managed = Scope({"matchLabels": dict(part.managed_namespace_labels)}, (*POD_RULES, *OWNER_RULES), SEEN)
    key = "kubernetes.io/metadata.name"
    elsewhere = {"matchExpressions": [{"key": key, "operator": "NotIn", "values": sorted(part.exempt_namespaces)}]}
    return [
        policy("hw2-shared-gpus", part.sharing, managed, _workload_rules()),
        policy("hw2-sharing", part.sharing, Scope(elsewhere, _CLAIM_RULES), _object_rules()),
    ]


def _workload_rules() -> tuple[Rule, ...]:
    def never(condition: str) -> str:
        return any_of("!variables.changed", f"!variables.pods.exists(p, {condition})")

    return (
        Rule(
            never(_asks_for_shared("p")),
            f"resource names that end in {devices.SHARED_SUFFIX} are GPUs that several clients share, also on MIG"
            " instances. Request nvidia.com/gpu, or the MIG size of the pool.",
            control="HW2",
        ),
        Rule(
            never(pods.selects(_selected, _may_be_shared)("p")),
            "these node labels select GPUs that several clients share, each of which can reach the whole GPU's memory."
            " Remove the selector, or select nodes without sharing.",
            control="HW2",
        ),
    )


def _asks_for_shared(pod: str) -> str:
    shared = f"k.startsWith({text(devices.GPU_PREFIX)}) && k.endsWith({text(devices.SHARED_SUFFIX)})"
    amounts = (f"c.?resources.?{kind}.orValue({{}}).exists(k, {shared})" for kind in pods.AMOUNTS)
    return f"{pods.containers(pod)}.exists(c, {any_of(*amounts)})"


def _selected(key: str, value: str) -> str:
    return any_of(
        f"{key} in {texts(SHARING_LABELS)} && !(({key} + '=' + {value}) in {texts(UNSHARED)})",
        f"{key} == {text(devices.PRODUCT_LABEL)} && {value}.endsWith({text(devices.SHARED_PRODUCT)})",
    )


def _may_be_shared(expression: str) -> str:
    """An expression that a node with shared GPUs may be meant by; what only rules sharing out passes."""
    values = f"{expression}.?values.orValue([])"
    chosen = f"{values}.exists(v, {_selected(f'{expression}.key', 'v')})"
    return any_of(
        f"{expression}.operator == 'In' && {chosen}",
        f"{expression}.operator in ['Exists', 'Gt', 'Lt'] && {expression}.key in {texts(SHARING_LABELS)}",
    )


def _object_rules() -> tuple[Rule, ...]:
    shared = "exists(c, c.?opaque.?parameters.?sharing.hasValue())"
    devices = ("object.?spec.?devices.?config", "object.?spec.?spec.?devices.?config", "object.?spec.?config")
    priorities = "exists(p, p.?gpu.?gpuSharing.hasValue())"
    return (
        Rule(
            f"!({any_of(*(f'{path}.orValue([]).{shared}' for path in devices))})",
            "a claim's configuration may not share a GPU or a MIG instance among clients. Remove `sharing`.",
            control="HW2",
        ),
        Rule(
            f"request.kind.kind != 'ComputeClass' || !(object.?spec.?priorities.orValue([]).{priorities})",
            "a ComputeClass may not bring up nodes whose GPUs are shared. Remove `gpuSharing`.",
            control="HW2",
        ),
    )
