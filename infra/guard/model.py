"""What a rule looks at, and what it says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from infra.blueprint.model import GkeClusterPart
from infra.blueprint.network import NetworkPolicyPart
from infra.config.trust import ControlId
from infra.posture import Platform

OWN_COMPONENT = "bulkhead:"
"""In the chain of types of whatever a component of this program makes."""


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
    def by_the_program(self) -> bool:
        """Whether a component of this program makes it; whatever else is in the stack was written beside it."""
        return OWN_COMPONENT in self.urn.split("::", 3)[2]

    @property
    def is_kubernetes_object(self) -> bool:
        """Whether it becomes one object in the cluster."""
        return self.type.startswith("kubernetes:")

    @property
    def kind(self) -> str:
        """The last part of its type, as `Deployment`."""
        return self.type.rpartition(":")[2]

    @property
    def namespace(self) -> str:
        """The namespace that it is in; empty where it is in none or says none."""
        return str(mapping(self.properties.get("metadata")).get("namespace") or "")

    @property
    def labels(self) -> Mapping[str, Any]:
        """Its labels."""
        return mapping(mapping(self.properties.get("metadata")).get("labels"))


@dataclass(frozen=True)
class Guard:
    """What a stack's configuration makes the rules stand guard over.

    Attributes:
        in_force: The controls that act.
        tenants: (kind, name, namespace) of everybody who acts for a tenant, as a binding's `subjects` name them.
        policed_namespaces: Namespaces with network policies of the controls in force.
        closed_namespaces: Those of them where a policy selects every pod and lets nothing pass by itself.
        cluster_protected: Whether the cluster may not be deleted, as the stack file says.
    """

    in_force: frozenset[ControlId] = frozenset()
    tenants: frozenset[tuple[str, str, str]] = frozenset()
    policed_namespaces: frozenset[str] = frozenset()
    closed_namespaces: frozenset[str] = frozenset()
    cluster_protected: bool = False


@dataclass(frozen=True)
class Violation:
    """What a rule objects to.

    Attributes:
        rule: The rule's name.
        urn: The resource; empty where one is missing.
        message: What is wrong, what follows, and what to write instead.
    """

    rule: str
    urn: str
    message: str


def guard_of(platform: Platform) -> Guard:
    """What there is to guard in a stack."""
    blueprint = platform.blueprint
    policies = [
        *blueprint.network_policies,
        *(one for space in blueprint.tenant_spaces for one in space.network_policies),
    ]
    cluster = blueprint.cluster
    return Guard(
        in_force=platform.posture.in_force,
        tenants=frozenset(
            (str(subject.kind), subject.name, subject.namespace or "")
            for tenant in blueprint.tenants
            for subject in tenant.subjects
        ),
        policed_namespaces=frozenset(policy.namespace for policy in policies),
        closed_namespaces=frozenset(policy.namespace for policy in policies if _closes(policy)),
        cluster_protected=isinstance(cluster, GkeClusterPart) and cluster.deletion_protection,
    )


def _closes(policy: NetworkPolicyPart) -> bool:
    return not policy.pods and policy.ingress == () and policy.egress == ()


def mapping(value: Any) -> Mapping[str, Any]:
    """`value` where it is a mapping, else an empty one."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
