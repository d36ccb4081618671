"""What a run of the program would register, as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.blueprint.names import TENANT_LABEL
from infra.plan.urns import Urn

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""A JSON value."""

SECRET = "[secret]"  # noqa: S105 - what stands in a secret's place
"""Stands where a value is a Pulumi secret; the value itself is not kept."""
COMPONENT_PREFIX = "bulkhead:"
"""How the types of this program's own components begin."""
VALIDATING_POLICY = ":ValidatingPolicy"
"""How the type of a resource ends that is an admission policy of Kyverno's."""
COMPUTED = "[computed]"
"""Stands where a value is known only once the resource exists."""


@dataclass(frozen=True)
class Timeouts:
    """How long the provider may wait, as Go durations (`30m`); empty: its own default."""

    create: str = ""
    update: str = ""
    delete: str = ""


@dataclass(frozen=True)
class ResourceOptions:
    """The options that a resource was registered with; every tuple is sorted.

    Attributes:
        parent: The parent's URN; empty for the stack itself.
        provider: The URN of an explicit provider; empty where the default one serves.
        protect: Whether deletion is refused.
        retain_on_delete: Whether the real thing stays when the resource goes.
        delete_before_replace: Whether a replacement deletes first.
        dependencies: URNs that it is made after, for whatever reason.
        aliases: URNs that it had before.
        deleted_with: The URN of what takes it along; empty: nothing.
        ignore_changes: Properties whose differences count for nothing.
        additional_secret_outputs: Outputs that are secrets.
        timeouts: How long the provider may wait.
    """

    parent: str = ""
    provider: str = ""
    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool = False
    dependencies: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    deleted_with: str = ""
    ignore_changes: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    timeouts: Timeouts = Timeouts()


@dataclass(frozen=True)
class PlannedResource:
    """One resource that the program would register.

    Attributes:
        urn: Its URN.
        type: Its type token, as `kubernetes:apps/v1:Deployment`.
        name: Its name in Pulumi.
        custom: Whether a provider makes it; a component only groups others.
        remote: Whether its provider makes its children, as with a Helm chart.
        inputs: Its inputs, with `[secret]` and `[computed]` where values must not or cannot stand.
        options: What it was registered with.
    """

    urn: str
    type: str
    name: str
    custom: bool
    remote: bool
    inputs: Mapping[str, Json]
    options: ResourceOptions

    @property
    def is_kubernetes_object(self) -> bool:
        """Whether it becomes one object in the cluster."""
        return self.custom and self.type.startswith("kubernetes:")

    @property
    def is_chart(self) -> bool:
        """Whether it becomes the objects of a Helm chart."""
        return self.type == "kubernetes:helm.sh/v4:Chart"

    @property
    def component(self) -> str:
        """The component directly around it; empty where there is none of this program's."""
        return component_of(self.options.parent)

    @property
    def object_name(self) -> str:
        """Namespace and name in the cluster, or the name at the provider, or the one in Pulumi."""
        return object_name(self.inputs, self.name, self.is_chart)


def component_of(parent: str) -> str:
    """The name of the parent where that is a component of this program; its URN may be empty."""
    urn = Urn.parse(parent) if parent else None
    return urn.name if urn and urn.type.startswith(COMPONENT_PREFIX) else ""


def object_name(inputs: Mapping[str, Json], name: str, is_chart: bool = False) -> str:
    """How people call a resource with these inputs, whose name in Pulumi is `name`."""
    metadata = mapping(inputs.get("metadata"))
    shown = metadata.get("name") or inputs.get("name") or name
    namespace = metadata.get("namespace") or (inputs.get("namespace") if is_chart else None)
    return f"{namespace}/{shown}" if namespace else str(shown)


def tenant_of(inputs: Mapping[str, Json]) -> str:
    """The tenant that a Kubernetes object is labelled with; empty where it is nobody's own."""
    return str(mapping(mapping(inputs.get("metadata")).get("labels")).get(TENANT_LABEL) or "")


def mapping(value: Json) -> Mapping[str, Json]:
    """`value` where it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


@dataclass(frozen=True)
class Plan:
    """Everything that one run would register.

    Attributes:
        stack: The stack's name.
        resources: The resources, sorted by URN; the stack's own is not among them.
        outputs: The stack's outputs.
        warnings: What the run would warn of, in order.
    """

    stack: str
    resources: tuple[PlannedResource, ...]
    outputs: Mapping[str, Json]
    warnings: tuple[str, ...]

    def of_type(self, type_token: str) -> tuple[PlannedResource, ...]:
        """The resources of one type."""
        return tuple(resource for resource in self.resources if resource.type == type_token)

    @property
    def admission_policies(self) -> tuple[Mapping[str, Any], ...]:
        """The manifests of the admission policies, which are all Kyverno's in form."""
        return tuple(resource.inputs for resource in self.resources if resource.type.endswith(VALIDATING_POLICY))

    def named(self, name: str) -> PlannedResource:
        """The resource of that name in Pulumi; raises KeyError when there is none or more than one."""
        found = [resource for resource in self.resources if resource.name == name]
        if len(found) != 1:
            raise KeyError(name)
        return found[0]
