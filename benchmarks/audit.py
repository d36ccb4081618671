"""How long an audit takes with 2, 10 and 50 tenants.

Run: python -m benchmarks.audit STACK_FILE [STACK_FILE ...]

One stack file for each number of tenants on a cluster where the largest of them is deployed. What is timed is the whole
command, with the start of Python. Admission is played for every tenant, packets between all pairs of tenants.
"""

import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

PROBES = ("admission", "packets", "access")


def main() -> None:
    """Print the table."""
    if len(sys.argv) < 2:
        sys.exit("usage: python -m benchmarks.audit STACK_FILE [STACK_FILE ...], one for each number of tenants")
    table = Table(title="bulkhead audit, one run each", title_justify="left", show_edge=False)
    for column in ("stack file", "probe", "seconds", "exit"):
        table.add_column(column)
    for path in sys.argv[1:]:
        for probe in PROBES:
            seconds, status = _timed(Path(path), probe)
            table.add_row(Path(path).name, probe, f"{seconds:.1f}", str(status))
    Console().print(table)


def _timed(stack_file: Path, probe: str) -> tuple[float, int]:
    program = Path(sys.executable).parent / "bulkhead"
    start = time.perf_counter()
    command = [str(program), "audit", "--stack-file", str(stack_file), "--only", probe, "--json"]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    return time.perf_counter() - start, done.returncode


if __name__ == "__main__":
    main()
