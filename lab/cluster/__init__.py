"""A real single-node Kubernetes on this machine, without Docker: up, status, down."""

from lab.cluster.addresses import CONTEXT, NODE_NAME, PROBE_IMAGE
from lab.cluster.image_store import ensure_image_store
from lab.cluster.images import import_image, imported_images
from lab.cluster.kubectl import Kubectl
from lab.cluster.lifecycle import Cluster, cluster, down, kubectl, up
from lab.cluster.status import LabStatus, PartStatus, State, status

__all__ = [
    "CONTEXT",
    "NODE_NAME",
    "PROBE_IMAGE",
    "Cluster",
    "Kubectl",
    "LabStatus",
    "PartStatus",
    "State",
    "cluster",
    "down",
    "ensure_image_store",
    "import_image",
    "imported_images",
    "kubectl",
    "status",
    "up",
]
