"""Whether the cluster's nodes are divided and kept apart as the stack file says of its pools (HW1 to HW3)."""

from infra.audit.nodes.judge import nodes_judged
from infra.audit.nodes.read import Node, nodes_of

__all__ = ["Node", "nodes_judged", "nodes_of"]
