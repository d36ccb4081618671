"""The platform's namespaces."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components.shared import labels
from infra.blueprint.model import NamespacePart

POD_SECURITY_PREFIX = "pod-security.kubernetes.io"


@dataclass(frozen=True)
class NamespacesArgs:
    """Every namespace of the platform."""

    parts: tuple[NamespacePart, ...]


class Namespaces(pulumi.ComponentResource):
    """Namespaces that enforce, warn about and audit their Pod Security level.

    Attributes:
        by_name: The namespaces by the names that they have on the cluster.
    """

    by_name: "dict[str, kubernetes.core.v1.Namespace]"

    def __init__(self, name: str, args: NamespacesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bulkhead:namespaces:Namespaces", name, None, opts)
        self.by_name = {part.name: self._namespace(name, part) for part in args.parts}
        self.register_outputs({})

    def _namespace(self, name: str, part: NamespacePart) -> "kubernetes.core.v1.Namespace":
        return kubernetes.core.v1.Namespace(
            f"{name}-{part.name}",
            metadata={"name": part.name, "labels": namespace_labels(part)},
            opts=pulumi.ResourceOptions(parent=self, protect=part.protected or None),
        )


def namespace_labels(part: NamespacePart, tenant: str | None = None) -> dict[str, str]:
    """The namespace's labels: whose it is, what Kueue and policies select it by, and its Pod Security level.

    Args:
        part: The namespace.
        tenant: The tenant whose own it is, if any.
    """
    level = str(part.pod_security)
    security: dict[str, str] = {}
    for mode in ("audit", "enforce", "warn"):
        security[f"{POD_SECURITY_PREFIX}/{mode}"] = level
        security[f"{POD_SECURITY_PREFIX}/{mode}-version"] = part.pod_security_version
    return {**labels("namespace", part.name, tenant), **part.labels, **security}
