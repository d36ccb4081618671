"""The rules. Each is one function, belongs to at most one control, and holds while that control is in force."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from infra.blueprint.versions import require_version, version_floor
from infra.config.trust import ControlId
from infra.guard.model import Guard, GuardedResource, Violation, mapping
from infra.guard.pods import asks_for_gpus, containers, pod_specs
from infra.pins import FLOORS, IMAGES

SERVICE = "kubernetes:core/v1:Service"
NAMESPACE = "kubernetes:core/v1:Namespace"
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
BINDING_KINDS = frozenset({"ClusterRoleBinding", "ClusterRoleBindingPatch"})
GKE_CLUSTER = "gcp:container/cluster:Cluster"
NODE_POOL = "gcp:container/nodePool:NodePool"
PROTECTED_TYPES = frozenset({"gcp:sql/databaseInstance:DatabaseInstance"})
OPEN_SERVICE_TYPES = frozenset({"LoadBalancer", "NodePort"})
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
POD_SECURITY_LABEL = "pod-security.kubernetes.io/enforce"
POD_SECURITY_LEVELS = frozenset({"baseline", "restricted"})


@dataclass(frozen=True)
class ResourceRule:
    """A rule over one resource.

    Attributes:
        name: What it is called, in reports and in the policy pack.
        control: The control that it keeps; None: it holds in every tier.
        description: What it wants, in one sentence.
        check: What it objects to.
    """

    name: str
    control: ControlId | None
    description: str
    check: Callable[[GuardedResource, Guard], Iterator[str]]


@dataclass(frozen=True)
class StackRule:
    """A rule over all resources of a stack at once, for what must not be missing; its attributes are as above."""

    name: str
    control: ControlId | None
    description: str
    check: Callable[[Iterable[GuardedResource], Guard], Iterator[str]]


def violations(resources: Iterable[GuardedResource], guard: Guard) -> list[Violation]:
    """What all rules that hold object to, in the order of the rules and then of the resources."""
    known = tuple(resources)
    return [
        *violations_of_each(known, guard),
        *(
            Violation(rule.name, "", message)
            for rule in STACK_RULES
            if holds(rule, guard)
            for message in rule.check(known, guard)
        ),
    ]


def violations_of_each(resources: Iterable[GuardedResource], guard: Guard) -> list[Violation]:
    """What the rules over single resources object to: also where not all of a stack's resources are at hand."""
    known = tuple(resources)
    return [
        Violation(rule.name, resource.urn, message)
        for rule in RESOURCE_RULES
        if holds(rule, guard)
        for resource in known
        for message in rule.check(resource, guard)
    ]


def holds(rule: ResourceRule | StackRule, guard: Guard) -> bool:
    """Whether a rule holds in a stack."""
    return rule.control is None or rule.control in guard.in_force


# --- who reaches what -------------------------------------------------------------------------------------------


def _no_open_service(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    del guard
    spec = mapping(resource.properties.get("spec"))
    if resource.type != SERVICE:
        return
    if spec.get("type") in OPEN_SERVICE_TYPES:
        yield (
            f"a Service of type {spec['type']} is reached from outside the cluster, past the gateway's edge: keys,"
            " budgets and closed paths do not bind there. Write: type ClusterIP, and"
            " bulkhead:gateway.exposure for the gateway"
        )
    if spec.get("externalIPs"):
        yield (
            "a Service with externalIPs takes traffic to addresses of its choice (CVE-2020-8554). Write: no externalIPs"
        )


def _no_cluster_role_for_tenants(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    if not resource.is_kubernetes_object or resource.kind not in BINDING_KINDS:
        return
    for subject in cast("list[Any]", resource.properties.get("subjects") or []):
        known = mapping(subject)
        identity = (str(known.get("kind")), str(known.get("name")), str(known.get("namespace") or ""))
        if identity in guard.tenants:
            yield (
                f"{identity[0]} {identity[1]} acts for a tenant, and a ClusterRoleBinding reaches every namespace,"
                " other tenants' too. Write: a RoleBinding in the tenant's own namespace"
            )


def _no_policy_beside(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    """Network policies only ever add: whatever one of them lets pass, passes."""
    if resource.type != NETWORK_POLICY or resource.by_the_program:
        return
    if resource.namespace in guard.policed_namespaces:
        yield (
            f"namespace {resource.namespace} has the platform's own network policies, and a further one can"
            " only let more pass. Write: no policy there; what tenants need is set in the stack file"
        )


def _default_deny_is_there(resources: Iterable[GuardedResource], guard: Guard) -> Iterator[str]:
    closed = {resource.namespace for resource in resources if _denies_by_default(resource)}
    for namespace in sorted(guard.closed_namespaces - closed):
        yield (
            f"namespace {namespace} has no network policy that selects every pod and lets nothing pass: without it each"
            " pod that no other policy selects is open. Write: leave the platform's policy `default-deny` in place"
        )


def _denies_by_default(resource: GuardedResource) -> bool:
    spec = mapping(resource.properties.get("spec"))
    everything = resource.type == NETWORK_POLICY and not mapping(spec.get("podSelector"))
    kinds = set(cast("list[str]", spec.get("policyTypes") or []))
    return everything and kinds == {"Ingress", "Egress"} and not spec.get("ingress") and not spec.get("egress")


# --- what runs --------------------------------------------------------------------------------------------------


def _no_gpu_without_a_queue(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    del guard
    if not resource.is_kubernetes_object or resource.labels.get(QUEUE_LABEL):
        return
    if any(asks_for_gpus(spec) for spec in pod_specs(resource.properties)):
        yield (
            f"it asks for GPUs and names no queue, so that it takes them past every quota. Write: the label"
            f" {QUEUE_LABEL} with the name of a queue of its namespace"
        )


def _images_state_their_version(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    del guard
    if not resource.is_kubernetes_object:
        return
    images = {
        str(one["image"]) for spec in pod_specs(resource.properties) for one in containers(spec) if one.get("image")
    }
    for image in sorted(images):
        if fault := _tag_fault(image):
            yield (
                f"the image {image} {fault}: nobody can tell what runs. Write: a tag that states a version, or a digest"
            )


def _images_are_not_below_their_floors(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    del guard
    if not resource.is_kubernetes_object:
        return
    for spec in pod_specs(resource.properties):
        for container in containers(spec):
            yield from _below_floor(str(container.get("image") or ""))


def _below_floor(image: str) -> Iterator[str]:
    """The constructors' own rule, for an image of a program that has a floor, from whichever registry."""
    repository = image.rpartition("@")[0] or image
    for name, floor in FLOORS.items():
        if f"/{IMAGES[name].repository}:" in f"/{repository}":
            try:
                require_version(name, repository, version_floor(floor))
            except ValueError as error:
                yield str(error)


def _tag_fault(image: str) -> str:
    """What is wrong with an image's tag; empty where it, or a digest, says what is meant."""
    name = image.rpartition("/")[2]
    if "@" in name:
        return ""
    tag = name.partition(":")[2]
    return "" if tag and tag != "latest" else f"has the tag {tag}" if tag else "has no tag"


def _namespaces_state_pod_security(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    del guard
    if resource.type == NAMESPACE and resource.labels.get(POD_SECURITY_LABEL) not in POD_SECURITY_LEVELS:
        yield (
            "a namespace without a Pod Security level lets pods have the node's files, network and kernel. Write: the"
            f" label {POD_SECURITY_LABEL}: restricted, or baseline"
        )


# --- nodes and data ---------------------------------------------------------------------------------------------


def _no_sharing_of_gpus(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    del guard
    if resource.type != NODE_POOL:
        return
    node = mapping(resource.properties.get("nodeConfig"))
    for accelerator in cast("list[Any]", node.get("guestAccelerators") or []):
        if mapping(accelerator).get("gpuSharingConfig"):
            yield (
                "its GPUs are handed to several clients in turn, each of which can reach the whole GPU's memory,"
                " also on top of MIG. Write: no gpuSharingConfig; gpuPartitionSize divides a GPU in hardware"
            )


def _data_is_protected(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    wanted = resource.type in PROTECTED_TYPES or (resource.type == GKE_CLUSTER and guard.cluster_protected)
    if wanted and not resource.protect:
        yield (
            "it holds what cannot be made again, and `pulumi destroy` or a replacement would delete it. Write: the"
            " resource option protect=True"
        )
    if wanted and resource.properties.get("deletionProtection") is False:
        yield "its own deletion protection is switched off. Write: deletion_protection=True"


RESOURCE_RULES: tuple[ResourceRule, ...] = (
    ResourceRule("no-open-service", None, "No Service opens a way past the gateway.", _no_open_service),
    ResourceRule(
        "no-cluster-role-for-tenants",
        ControlId.NS3,
        "Tenants' subjects get roles in namespaces only.",
        _no_cluster_role_for_tenants,
    ),
    ResourceRule(
        "no-network-policy-beside",
        None,
        "Namespaces that the platform's network policies bound hold no others.",
        _no_policy_beside,
    ),
    ResourceRule(
        "no-gpu-without-a-queue",
        ControlId.SR2,
        "What asks for GPUs names a queue.",
        _no_gpu_without_a_queue,
    ),
    ResourceRule(
        "images-state-their-version", None, "Images have tags that state a version.", _images_state_their_version
    ),
    ResourceRule(
        "images-are-not-below-their-floors",
        None,
        "No image is older than what its known advisories ask for.",
        _images_are_not_below_their_floors,
    ),
    ResourceRule(
        "namespaces-state-pod-security", None, "Every namespace enforces Pod Security.", _namespaces_state_pod_security
    ),
    ResourceRule("no-sharing-of-gpus", ControlId.HW2, "No node pool shares GPUs in time.", _no_sharing_of_gpus),
    ResourceRule("data-is-protected", None, "Databases and protected clusters cannot be deleted.", _data_is_protected),
)
STACK_RULES: tuple[StackRule, ...] = (
    StackRule(
        "closed-namespaces-deny-by-default",
        None,
        "Every closed namespace has its default-deny network policy.",
        _default_deny_is_there,
    ),
)
