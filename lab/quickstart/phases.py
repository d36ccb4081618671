"""Phases: what is being done, for how long, and how long each took in the end."""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Phases:
    """Announces each phase on standard error and remembers its seconds, for the summary and for benchmarks."""

    total: int
    seconds: dict[str, float] = field(default_factory=dict[str, float])

    @contextmanager
    def phase(self, name: str, what: str) -> Generator[None]:
        """Run one phase: `name` is its key in the summary, `what` tells a newcomer what happens in it."""
        print(f"[{len(self.seconds) + 1}/{self.total}] {what}", file=sys.stderr, flush=True)
        start = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - start

    def progress(self, line: str) -> None:
        """Show one line of what the running phase does."""
        print(f"      {line}", file=sys.stderr, flush=True)

    def summary(self) -> str:
        """One line with each phase's seconds and their sum."""
        parts = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in self.seconds.items())
        return f"{parts}; together {sum(self.seconds.values()):.0f} s"
