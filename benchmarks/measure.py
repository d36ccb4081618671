"""Seconds and memory of a fresh Python process: imports and registrations leave traces in one that has run."""

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

_EPILOGUE = """
import json, resource, time
print(json.dumps({
    "seconds": time.perf_counter() - _start,
    "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "extra": globals().get("extra"),
}))
"""


@dataclass(frozen=True)
class Measurement:
    """One run: wall-clock seconds, peak memory in MiB, and what the measured code left in `extra`."""

    seconds: float
    mebibytes: float
    extra: object


def measure(code: str, arguments: Sequence[str] = ()) -> Measurement:
    """Run `code` in a fresh interpreter and measure it; what it assigns to `extra` comes back.

    Raises:
        RuntimeError: When the code fails; carries its standard error.
    """
    program = f"import time\n_start = time.perf_counter()\n{code}\n{_EPILOGUE}"
    answer = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    if answer.returncode:
        raise RuntimeError(answer.stderr.strip())
    return Measurement(**json.loads(answer.stdout.strip().splitlines()[-1]))


def median(measurements: Sequence[Measurement]) -> Measurement:
    """The measurement with the median seconds (the lower one of two)."""
    middle = statistics.median_low([measurement.seconds for measurement in measurements])
    return next(measurement for measurement in measurements if measurement.seconds == middle)
