"""What starting costs: seconds and memory of importing each entry, beside Pulumi's own.

Run: python -m benchmarks.import_cost
"""

from rich.console import Console
from rich.table import Table

from benchmarks.measure import measure, median

RUNS = 5
IMPORTS = {
    "nothing": "",
    "the pure core (bulkhead posture)": "import infra.posture, infra.config.loader",
    "the command line (bulkhead --help)": "import infra.cli.main",
    "pulumi": "import pulumi",
    "pulumi, pulumi_kubernetes": "import pulumi, pulumi_kubernetes",
    "the program (pulumi up)": "import infra.program",
}


def main() -> None:
    """Print the table."""
    table = Table(title=f"Imports, median of {RUNS} fresh processes", title_justify="left", show_edge=False)
    for column in ("import", "seconds", "MiB"):
        table.add_column(column)
    for name, code in IMPORTS.items():
        result = median([measure(code) for _ in range(RUNS)])
        table.add_row(name, f"{result.seconds:.2f}", f"{result.mebibytes:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
