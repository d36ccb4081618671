"""How every ClusterQueue orders what waits, and whom it drives out, as Kueue spells it."""

from collections.abc import Mapping
from typing import Any

QUEUEING_STRATEGY = "BestEffortFIFO"
PREEMPTION: Mapping[str, Any] = {
    "reclaimWithinCohort": "Any",
    "borrowWithinCohort": {"policy": "Never"},
    "withinClusterQueue": "LowerPriority",
}
"""A tenant gets its guaranteed devices back from whoever borrowed them, and within a queue engines go before jobs;
nobody preempts in order to borrow."""
