"""Namespaces and what a tenant's own may hold: NS1 and NS2."""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.blueprint.model import NamespacePart, WorkloadLimitsPart
from infra.blueprint.names import MANAGED_NAMESPACE_LABELS, TENANT_LABEL
from infra.config.trust import ControlId
from infra.guard.model import Guard, GuardedResource
from infra.guard.rule import ResourceRule
from infra.values import differing

POD_SECURITY_LABEL = "pod-security.kubernetes.io/enforce"
POD_SECURITY_LEVELS = frozenset({"baseline", "restricted"})
TELLING_LABELS = (TENANT_LABEL, *MANAGED_NAMESPACE_LABELS)
"""Labels by which quota and admission policies tell whose a namespace is, and whether GPUs are handed out there."""
LIMIT_KINDS = frozenset({"LimitRange", "ResourceQuota"})


def _is_namespace(resource: GuardedResource) -> bool:
    return resource.is_kubernetes_object and resource.group == "core" and resource.kind == "Namespace"


def _namespaces_state_pod_security(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    """A patch may leave the level as it is, and may not lower it."""
    if not _is_namespace(resource) or resource.object_name in guard.namespaces:
        return
    level = resource.labels.get(POD_SECURITY_LABEL)
    if level not in POD_SECURITY_LEVELS and not (resource.is_patch and level is None):
        yield (
            "a namespace without a Pod Security level lets pods have the node's files, network and kernel. Write: the"
            f" label {POD_SECURITY_LABEL}: restricted, or baseline"
        )


def _namespaces_are_the_platforms(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    part = guard.namespaces.get(resource.object_name) if _is_namespace(resource) else None
    if part is None:
        return
    if resource.by_hand:
        yield (
            "it takes the place of a namespace of the platform's, or changes the labels by which Pod Security, quota"
            " and policies know it. Write: another namespace; the stack file sets this one"
        )
    elif wrong := _differing_labels(resource, part, guard):
        yield (
            f"its label {' and '.join(wrong)} is not what the stack file makes it, by which Pod Security, quota and"
            " policies know it. Write: no transformation of it; its labels follow from the tier and the tenant"
        )


def _differing_labels(resource: GuardedResource, part: NamespacePart, guard: Guard) -> list[str]:
    """Labels that the platform writes and that are missing or others, and telling ones that it does not write."""
    owner = {TENANT_LABEL: tenant} if (tenant := guard.tenant_namespaces.get(part.name)) else {}
    level = {POD_SECURITY_LABEL: str(part.pod_security), f"{POD_SECURITY_LABEL}-version": part.pod_security_version}
    wanted = {**owner, **part.labels, **level}
    return [key for key in sorted({*wanted, *TELLING_LABELS}) if resource.labels.get(key) != wanted.get(key)]


def _namespaces_belong_to_whom_they_say(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    if not _is_namespace(resource) or not resource.by_hand or resource.object_name in guard.namespaces:
        return
    if claimed := [label for label in TELLING_LABELS if label in resource.labels]:
        yield (
            f"by the label {' and '.join(claimed)} queues and policies take it for a namespace of a tenant's, which"
            " nobody has bounded. Write: no such label; bulkhead:tenants makes their namespaces"
        )


def _limits_are_the_platforms(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    if resource.group != "core" or resource.kind not in LIMIT_KINDS:
        return
    space = next(
        (one for one in guard.blueprint.tenant_spaces if one.namespace.name == resource.namespace),
        None,
    )
    if space is None or space.limits is None:
        return
    if resource.by_hand:
        yield (
            f"it changes what tenant {space.tenant} may take, beside what the stack file says. Write: no"
            f" {resource.kind} there; bulkhead:tenants[].workloads sets the tenant's"
        )
    elif changed := differing(resource.spec, _spec_of(resource.kind, space.limits)):
        yield (
            f"its {', '.join(changed)} is not what tenant {space.tenant} may take by the stack file. Write: no"
            " transformation of it; bulkhead:tenants[].workloads sets it"
        )


def _spec_of(kind: str, part: WorkloadLimitsPart) -> Mapping[str, Any]:
    if kind == "ResourceQuota":
        return {"hard": part.hard}
    of_containers = {"type": "Container", "defaultRequest": part.default_requests, "default": part.default_limits}
    of_volumes = {"type": "PersistentVolumeClaim", "max": {"storage": part.volume_maximum}}
    return {"limits": [of_containers, of_volumes]}


RULES = (
    ResourceRule(
        "namespaces-state-pod-security", (), "Every namespace enforces Pod Security.", _namespaces_state_pod_security
    ),
    ResourceRule(
        "namespaces-are-the-platforms",
        (ControlId.AC3, ControlId.SR2, ControlId.NS1, ControlId.HW3),
        "The platform's and tenants' namespaces have the labels that the stack file makes, and no other telling ones.",
        _namespaces_are_the_platforms,
    ),
    ResourceRule(
        "namespaces-belong-to-whom-they-say",
        (ControlId.SR2, ControlId.NS1, ControlId.HW3),
        "No other namespace passes for a tenant's.",
        _namespaces_belong_to_whom_they_say,
    ),
    ResourceRule(
        "limits-are-the-stack-files",
        (ControlId.NS2,),
        "A tenant's ResourceQuota and LimitRange are what the stack file says.",
        _limits_are_the_platforms,
    ),
)
