"""The platform's own namespaces: whatever stands in one of them, beside the platform, works with its rights.

A pod mounts any Secret of its namespace, a binding opens all of them, and a patch changes what is there: so these
namespaces are the program's alone. What has a rule of its own, as network policies and queues, is left to it.
"""

import re
from collections.abc import Iterator

from infra.blueprint import names
from infra.blueprint.model import NewListenerPart, SecretCertificatePart
from infra.config.trust import ControlId
from infra.guard.model import Guard, GuardedResource
from infra.guard.rule import ResourceRule
from infra.guard.rules.network import is_network_policy
from infra.guard.rules.queues import KUEUE_GROUP


def _beside(resource: GuardedResource, namespace: str) -> bool:
    if not (resource.is_kubernetes_object and resource.by_hand and resource.namespace == namespace):
        return False
    return resource.group != KUEUE_GROUP and not is_network_policy(resource)


def _elsewhere(what: str) -> str:
    return f"Write: nothing there; {what}, and what is yours belongs into a namespace of its own"


def _gateway_namespace_is_the_platforms(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    if _beside(resource, guard.blueprint.gateway.namespace) and not _is_the_certificate(resource, guard):
        yield (
            "it stands among the gateway's objects, where the master key and every tenant's key lie and where budgets,"
            f" limits and salts are set. {_elsewhere('bulkhead:gateway sets the gateway')}"
        )


def _is_the_certificate(resource: GuardedResource, guard: Guard) -> bool:
    """The one object that a stack file asks for beside the gateway: what its listener shows."""
    route = guard.blueprint.gateway.route
    listener = route.listener if route is not None else None
    if not isinstance(listener, NewListenerPart) or not isinstance(listener.certificate, SecretCertificatePart):
        return False
    name = listener.certificate.name
    if resource.kind == "Certificate" and resource.group == "cert-manager.io":
        return resource.spec.get("secretName") == name
    return resource.kind == "Secret" and resource.object_name == name


def _engines_namespace_is_the_platforms(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    del guard
    if _beside(resource, names.ENGINES_NAMESPACE):
        yield (
            "it stands among the engines' objects, where their keys lie: from there engines are called past the"
            " gateway, take other requests, or run otherwise than the stack file says."
            f" {_elsewhere('bulkhead:models sets the engines')}"
        )


def _kueue_namespace_is_the_platforms(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    if _beside(resource, guard.blueprint.quota.namespace):
        yield (
            "it stands beside Kueue, whose account lets any workload go and whose configuration says what it counts."
            f" {_elsewhere('the platform sets Kueue')}"
        )


def _kyverno_namespace_is_the_platforms(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    if _beside(resource, guard.blueprint.admission.namespace):
        yield (
            "it stands beside Kyverno, whose account may change every admission policy."
            f" {_elsewhere('bulkhead:trust.admission sets Kyverno')}"
        )


def _observability_namespace_is_the_platforms(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    part = guard.blueprint.observability
    if part is not None and _beside(resource, part.namespace):
        yield (
            "it stands beside Prometheus, whose pods are let through to the engines' port."
            f" {_elsewhere('bulkhead:observability sets Prometheus')}"
        )


def _tenants_keys_are_the_platforms(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    named = resource.kind == "Secret" and resource.object_name == names.TENANT_KEY_SECRET
    if resource.by_hand and named and resource.namespace in guard.tenant_namespaces:
        yield (
            "it is where the platform lays the tenant's virtual key, and another one there makes the tenant call as"
            " somebody else. Write: no such Secret; a key is drawn anew by bulkhead:tenants[].key_generation"
        )


CONTROLLERS = ("kueue", "kyverno")
"""What the names of everything begin or end with that their charts make outside namespaces."""
CLUSTER_WIDE_KINDS = frozenset(
    {
        "APIService",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    }
)


def _controllers_are_the_charts(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    del guard
    if not (resource.by_hand and resource.is_kubernetes_object and resource.kind in CLUSTER_WIDE_KINDS):
        return
    labels = (resource.labels.get("app.kubernetes.io/name"), resource.labels.get("app.kubernetes.io/part-of"))
    named = {part for name in (resource.object_name, *map(str, labels)) for part in re.split("[.:-]", name)}
    if not named.isdisjoint(CONTROLLERS):
        yield (
            "it is called as what Kueue or Kyverno brings, and a change of that stops quota or admission without a"
            " word. Write: nothing of that name; the charts of the platform make it"
        )


RULES = (
    ResourceRule(
        "gateway-namespace-is-the-platforms",
        (ControlId.AC1, ControlId.AC2, ControlId.SR3, ControlId.KV1),
        "The gateway's namespace holds nothing beside the platform but the certificate that the stack file names.",
        _gateway_namespace_is_the_platforms,
    ),
    ResourceRule(
        "engines-namespace-is-the-platforms",
        (ControlId.SR1, ControlId.KV1, ControlId.KV2, ControlId.KV3),
        "The engines' namespace holds nothing beside the platform.",
        _engines_namespace_is_the_platforms,
    ),
    ResourceRule(
        "kueue-namespace-is-the-platforms",
        (ControlId.AC3, ControlId.SR2),
        "Kueue's namespace holds nothing beside Kueue.",
        _kueue_namespace_is_the_platforms,
    ),
    ResourceRule(
        "kyverno-namespace-is-the-platforms",
        (ControlId.SR2, ControlId.NS3, ControlId.HW2, ControlId.HW3),
        "Kyverno's namespace holds nothing beside Kyverno.",
        _kyverno_namespace_is_the_platforms,
    ),
    ResourceRule(
        "observability-namespace-is-the-platforms",
        (ControlId.SR1,),
        "The namespace of the platform's Prometheus holds nothing beside it.",
        _observability_namespace_is_the_platforms,
    ),
    ResourceRule(
        "tenants-keys-are-the-platforms",
        (ControlId.AC1,),
        "Nothing takes the place of the Secret with a tenant's virtual key.",
        _tenants_keys_are_the_platforms,
    ),
    ResourceRule(
        "controllers-are-the-charts",
        (ControlId.AC3, ControlId.SR2, ControlId.NS3, ControlId.HW2, ControlId.HW3),
        "Definitions, webhooks and roles of Kueue and Kyverno are what their charts make.",
        _controllers_are_the_charts,
    ),
)
