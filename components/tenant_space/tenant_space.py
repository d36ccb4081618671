"""One tenant's own namespace."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes

from components.namespaces import namespace_labels
from components.network_policies import network_policy
from components.shared import labels
from components.shared.metadata import ADOPTED, control_labels
from components.tenant_space.roles import ROLE_NAME, role_reference, rules, subjects
from infra.blueprint.model import TenantAccessPart, TenantSpacePart, WorkloadLimitsPart
from infra.blueprint.network import NetworkPolicyPart
from infra.blueprint.platform_network import DEFAULT_DENY

if TYPE_CHECKING:
    from pulumi_kubernetes.core.v1 import LimitRangeItemArgsDict

OBJECT_NAME = "tenant-space"
LIMITS_NAME = "tenant"


@dataclass(frozen=True)
class TenantSpaceArgs:
    """What a tenant's namespace is made from."""

    part: TenantSpacePart


class TenantSpace(pulumi.ComponentResource):
    """A tenant's namespace with its quota, limits, role and network policies, as far as its part has them.

    Its provider has to take up objects that exist (`upsertExistingObjects`): Kubernetes makes the default service
    account, and a tenant that comes back finds its namespace. When the tenant leaves, its role, its binding and
    whatever its policies opened go; where its data is to be kept, the namespace stays, closed: no connection, no token,
    and the quota that it had.

    Attributes:
        namespace: The namespace; whoever puts something into it waits for it.
    """

    namespace: "kubernetes.core.v1.Namespace"

    def __init__(self, name: str, args: TenantSpaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bulkhead:tenant:TenantSpace", name, None, opts)
        self._name = name
        self._part = args.part
        self.namespace = kubernetes.core.v1.Namespace(
            f"{name}-namespace",
            metadata={
                "name": args.part.namespace.name,
                "labels": namespace_labels(args.part.namespace, args.part.tenant),
                "annotations": ADOPTED,
            },
            opts=self._kept(pulumi.ResourceOptions(parent=self)),
        )
        bounds = [*self._make_network_policies(), *self._make_limits()]
        if args.part.access is not None:
            self._make_access(args.part.access, bounds)
        self.register_outputs({})

    def _inside(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=[self.namespace])

    def _kept(self, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
        if not self._part.keep_data:
            return opts
        return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(retain_on_delete=True))

    def _metadata(self, name: str, control: str, force: bool = False) -> "kubernetes.meta.v1.ObjectMetaArgsDict":
        tenant = self._part.tenant
        metadata: kubernetes.meta.v1.ObjectMetaArgsDict = {
            "name": name,
            "namespace": self._part.namespace.name,
            "labels": {**labels(OBJECT_NAME, tenant, tenant), **control_labels(control)},
        }
        if force:
            metadata["annotations"] = ADOPTED
        return metadata

    def _make_network_policies(self) -> list[pulumi.Resource]:
        return [self._make_network_policy(part) for part in self._part.network_policies]

    def _make_network_policy(self, part: NetworkPolicyPart) -> pulumi.Resource:
        opts = self._kept(self._inside()) if part.name == DEFAULT_DENY else self._inside()
        return network_policy(self._name, part, opts, tenant=self._part.tenant)

    def _make_limits(self) -> list[pulumi.Resource]:
        part = self._part.limits
        if part is None:
            return []
        quota = kubernetes.core.v1.ResourceQuota(
            f"{self._name}-quota",
            metadata=self._metadata(LIMITS_NAME, part.control, force=True),
            spec={"hard": dict(sorted(part.hard.items()))},
            opts=self._kept(self._inside()),
        )
        limits = kubernetes.core.v1.LimitRange(
            f"{self._name}-limits",
            metadata=self._metadata(LIMITS_NAME, part.control),
            spec={"limits": _limits(part)},
            opts=self._inside(),
        )
        return [quota, limits]

    def _make_access(self, part: TenantAccessPart, bounds: list[pulumi.Resource]) -> None:
        """The tenant's role; nobody is bound to it before `bounds` are there, or work could start without them."""
        account = kubernetes.core.v1.ServiceAccount(
            f"{self._name}-default-account",
            metadata=self._metadata("default", part.control, force=True),
            automount_service_account_token=False,
            opts=self._kept(self._inside()),
        )
        role = kubernetes.rbac.v1.Role(
            f"{self._name}-role",
            metadata=self._metadata(ROLE_NAME, part.control),
            rules=rules(part.rules),
            opts=self._inside(),
        )
        if part.subjects:
            kubernetes.rbac.v1.RoleBinding(
                f"{self._name}-binding",
                metadata=self._metadata(ROLE_NAME, part.control),
                role_ref=role_reference(),
                subjects=subjects(part.subjects),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[role, account, *bounds]),
            )


def _limits(part: WorkloadLimitsPart) -> "list[LimitRangeItemArgsDict]":
    return [
        {
            "type": "Container",
            "default_request": dict(sorted(part.default_requests.items())),
            "default": dict(sorted(part.default_limits.items())),
        },
        {"type": "PersistentVolumeClaim", "max": {"storage": part.volume_maximum}},
    ]
