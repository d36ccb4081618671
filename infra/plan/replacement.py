"""Which changes of a resource its provider cannot make in place, so that it is replaced.

Each rule stands where the provider's behaviour is kept: Kubernetes' in the lab's stand-in for the real provider, and
node pools' beside their component.
"""

from collections.abc import Sequence

from components.node_pool.replacement import FORCES_REPLACEMENT
from infra.plan.model import PlannedResource
from lab.engine.differences import Change, Difference
from lab.engine.kubernetes.immutability import forces_replacement

NODE_POOL = "gcp:container/nodePool:NodePool"
GOOGLE_IDENTITY = frozenset({"location", "name", "project", "region", "zone"})
"""What Google Cloud identifies a thing by: the Google provider marks each of them as forcing a new one."""
KUBERNETES_PROVIDER = "pulumi:providers:kubernetes"
CLUSTER_IDENTIFIER = "clusterIdentifier"
"""The Kubernetes provider's word for which cluster it is; another one means that everything is made anew there."""

Path = tuple[str, ...]


def forcing_paths(resource: PlannedResource, changed: Sequence[Path]) -> list[Path]:
    """Those of the changed paths that replace `resource`, given as it will be."""
    return [path for path in changed if _forces(resource, path)]


def _forces(resource: PlannedResource, path: Path) -> bool:
    if resource.is_kubernetes_object:
        return forces_replacement(resource.inputs, Difference(path, Change.UPDATE))
    if resource.type == KUBERNETES_PROVIDER:
        return path == (CLUSTER_IDENTIFIER,)
    if resource.type == NODE_POOL:
        return _is_under(path, FORCES_REPLACEMENT)
    if resource.type.startswith("gcp:"):
        return len(path) == 1 and path[0] in GOOGLE_IDENTITY
    # These providers make a value once, from all of its inputs; when a certificate is renewed is no part of it.
    return resource.type.startswith(("random:", "tls:")) and path != ("earlyRenewalHours",)


def _is_under(path: Path, properties: frozenset[str]) -> bool:
    return any(".".join(path[: depth + 1]) in properties for depth in range(len(path)))
