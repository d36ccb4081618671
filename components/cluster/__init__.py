"""The Kubernetes cluster: one that exists, or a GKE cluster that the stack creates.

`components.cluster.gke` is imported by its full name, and only by stacks that create a cluster: it loads the Google
provider's SDK, which is the largest part of the program.
"""

from components.cluster.connection import ClusterConnection
from components.cluster.existing import existing_cluster_connection

__all__ = ["ClusterConnection", "existing_cluster_connection"]
