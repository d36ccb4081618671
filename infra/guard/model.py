"""What a rule looks at, and what it says."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from infra.blueprint import names
from infra.blueprint.model import Blueprint, EnginePart, GkeClusterPart, NamespacePart
from infra.blueprint.network import NetworkPolicyPart
from infra.config.trust import ControlId
from infra.trust.posture import Finding
from infra.values import mapping

OWN_COMPONENT = "bulkhead:"
"""What the type of each of this program's components begins with."""
PATCH = "Patch"
"""Ends the kinds by which pulumi-kubernetes changes single fields of an object that somebody else made."""
CORE = "core"

SubjectKey = tuple[str, str, str]
"""(kind, name, namespace), as a binding's `subjects` name somebody; the namespace of a service account alone."""


@dataclass(frozen=True)
class GuardedResource:
    """One resource that a stack registers.

    Attributes:
        urn: Its URN.
        type: Its type token.
        name: Its name in Pulumi.
        properties: Its inputs; secrets and unknown values stand as whatever the caller has for them.
        protect: Whether the engine refuses to delete it.
    """

    urn: str
    type: str
    name: str
    properties: Mapping[str, Any]
    protect: bool = False

    @property
    def by_hand(self) -> bool:
        """Whether it was written beside the platform: no component of this program makes it."""
        *above, _ = self.urn.split("::", 3)[2].split("$")
        return not any(component.startswith(OWN_COMPONENT) for component in above)

    @property
    def is_kubernetes_object(self) -> bool:
        """Whether it becomes one object in the cluster, or changes one."""
        return self.type.startswith("kubernetes:")

    @property
    def is_patch(self) -> bool:
        """Whether it changes fields of an object that exists, by server-side apply."""
        return self.is_kubernetes_object and self.type.endswith(PATCH)

    @property
    def kind(self) -> str:
        """The kind of object that it makes or changes, as `Deployment`."""
        kind = self.type.rpartition(":")[2]
        return kind.removesuffix(PATCH) if self.is_patch else kind

    @property
    def group(self) -> str:
        """The API group of an object of the cluster, as `apps`; Kubernetes' own is `core`, however it is written."""
        if not self.is_kubernetes_object:
            return ""
        group, versioned, _ = self.type.removeprefix("kubernetes:").rpartition(":")[0].partition("/")
        return group if versioned else CORE

    @property
    def namespace(self) -> str:
        """The namespace that it is in; empty where it is in none or says none."""
        return str(mapping(self.properties.get("metadata")).get("namespace") or "")

    @property
    def object_name(self) -> str:
        """Its name in the cluster or the cloud; empty where it says none."""
        named = mapping(self.properties.get("metadata")) if self.is_kubernetes_object else self.properties
        return str(named.get("name") or "")

    @property
    def labels(self) -> Mapping[str, Any]:
        """Its labels."""
        return mapping(mapping(self.properties.get("metadata")).get("labels"))

    @property
    def spec(self) -> Mapping[str, Any]:
        """Its `spec`; empty where it has none."""
        return mapping(self.properties.get("spec"))

    @property
    def title(self) -> str:
        """What it is called in a message, as `Service web/shop`."""
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.type.rpartition(':')[2]} {place}{self.object_name or self.name}"


@dataclass(frozen=True)
class Guard:
    """What a stack's configuration makes the rules stand guard over.

    Attributes:
        in_force: The controls that act.
        blueprint: What the stack deploys; it carries every control in force.
        objects: What realises each control in force, as `ClusterQueue/tenant-research`.
        admission_policies: The `spec` of each admission policy as the program writes it, by the policy's name.
        errors: What makes its posture unsound; what is deployed is not known here, so never that a tier is lowered.
    """

    in_force: frozenset[ControlId]
    blueprint: Blueprint
    objects: Mapping[ControlId, tuple[str, ...]]
    admission_policies: Mapping[str, Mapping[str, Any]]
    errors: tuple[Finding, ...] = ()

    @cached_property
    def subjects(self) -> frozenset[SubjectKey]:
        """Everybody who acts for a tenant."""
        return frozenset(
            (str(subject.kind), subject.name, subject.namespace or "")
            for tenant in self.blueprint.tenants
            for subject in tenant.subjects
        )

    @cached_property
    def tenant_namespaces(self) -> Mapping[str, str]:
        """Where tenants' workloads run: the namespace → its tenant, empty where tenants share it."""
        own = {space.namespace.name: space.tenant for space in self.blueprint.tenant_spaces}
        return {names.WORKLOADS_NAMESPACE: "", **own}

    @cached_property
    def namespaces(self) -> Mapping[str, NamespacePart]:
        """Every namespace that the platform makes, by its name."""
        own = (space.namespace for space in self.blueprint.tenant_spaces)
        return {part.name: part for part in (*self.blueprint.namespaces, *own)}

    @cached_property
    def network_policies(self) -> tuple[NetworkPolicyPart, ...]:
        """Those of the controls in force."""
        own = (policy for space in self.blueprint.tenant_spaces for policy in space.network_policies)
        return (*self.blueprint.network_policies, *own)

    @cached_property
    def policed_namespaces(self) -> frozenset[str]:
        """Namespaces with network policies of the controls in force."""
        return frozenset(policy.namespace for policy in self.network_policies)

    @cached_property
    def closed_namespaces(self) -> Mapping[str, str]:
        """Those of them where a policy selects every pod and lets nothing pass by itself → the control for which."""
        return {
            policy.namespace: policy.control
            for policy in self.network_policies
            if not policy.pods and policy.ingress == () and policy.egress == ()
        }

    @cached_property
    def engines(self) -> Mapping[str, EnginePart]:
        """The engines by the name of their Deployment."""
        return {part.service_name: part for part in self.blueprint.engines}

    @property
    def cluster_protected(self) -> bool:
        """Whether the cluster may not be deleted, as the stack file says."""
        cluster = self.blueprint.cluster
        return isinstance(cluster, GkeClusterPart) and cluster.deletion_protection


@dataclass(frozen=True)
class Violation:
    """What a rule objects to.

    Attributes:
        rule: The rule's name.
        urn: The resource; empty where one is missing.
        message: Which resource weakens which controls, what is wrong, what follows, and what to write instead.
    """

    rule: str
    urn: str
    message: str
