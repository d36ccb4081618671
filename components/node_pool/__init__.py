"""GKE node pools, each named by how its GPUs are divided."""

from components.node_pool.node_pool import NodePool, NodePoolArgs
from components.node_pool.replacement import FORCES_REPLACEMENT

__all__ = ["FORCES_REPLACEMENT", "NodePool", "NodePoolArgs"]
