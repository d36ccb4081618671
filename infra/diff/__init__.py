"""What a change of a stack file changes: in trust first, then in who is served, what it costs and what is destroyed."""

from infra.diff.compare import Side, compare
from infra.diff.model import StackDifference

__all__ = ["Side", "StackDifference", "compare"]
