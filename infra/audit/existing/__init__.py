"""What of that which exists on a cluster the admission policies would refuse, if it were sent once more."""

from infra.audit.existing.judge import ExistingReport, WouldBeRefused, judge_existing
from infra.audit.existing.read import read_existing

__all__ = ["ExistingReport", "WouldBeRefused", "judge_existing", "read_existing"]
