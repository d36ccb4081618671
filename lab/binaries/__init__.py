"""Real binaries from checksummed Go modules: built once, reused, bounded."""

from lab.binaries.assets import ensure_charts, ensure_simulated_node_stages
from lab.binaries.build import ensure
from lab.binaries.prune import prune
from lab.binaries.registry import BINARIES, CLUSTER_BINARIES, JUDGES

__all__ = [
    "BINARIES",
    "CLUSTER_BINARIES",
    "JUDGES",
    "ensure",
    "ensure_charts",
    "ensure_simulated_node_stages",
    "prune",
]
