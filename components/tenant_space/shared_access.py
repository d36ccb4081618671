"""Access to the namespace that tenants share."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components.shared import labels
from components.tenant_space.roles import ROLE_NAME, role_reference, rules, subjects
from infra.blueprint.model import SharedAccessPart

OBJECT_NAME = "tenant-access"


@dataclass(frozen=True)
class SharedAccessArgs:
    """The role and whom it is bound to; the namespace must exist."""

    part: SharedAccessPart


class SharedAccess(pulumi.ComponentResource):
    """One role for all tenants, and a binding for each that names subjects: they see each other's work, on purpose."""

    def __init__(self, name: str, args: SharedAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bulkhead:tenant:SharedAccess", name, None, opts)
        namespace = args.part.namespace
        role = kubernetes.rbac.v1.Role(
            f"{name}-role",
            metadata={"name": ROLE_NAME, "namespace": namespace, "labels": labels(OBJECT_NAME)},
            rules=rules(args.part.rules),
            opts=pulumi.ResourceOptions(parent=self),
        )
        for tenant, parts in args.part.subjects:
            kubernetes.rbac.v1.RoleBinding(
                f"{name}-binding-{tenant}",
                metadata={
                    "name": f"{ROLE_NAME}-{tenant}",
                    "namespace": namespace,
                    "labels": labels(OBJECT_NAME, tenant, tenant),
                },
                role_ref=role_reference(),
                subjects=subjects(parts),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[role]),
            )
        self.register_outputs({})
