"""What the real engine takes on the lab: a preview of everything, and an update that changes nothing.

Run, as root, with the lab up and nothing deployed: python -m benchmarks.engine_scale

The `local` stack is deployed with 10 and with 100 tenants into a state of its own, and destroyed in the end.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from lab import cluster
from tests.days import in_days
from tests.lab.local_stack import make_engine, plain_yaml

PROJECT = Path(__file__).resolve().parents[1]
STACK = "local"
TENANTS = (10, 100)


def with_tenants(document: dict[str, Any], count: int) -> dict[str, Any]:
    """The stack file's document with its one tenant `count` times; only the first has a GPU quota."""
    config = dict(document["config"])
    (tenant,) = config["bulkhead:tenants"]
    others = [{**tenant, "name": f"team-{index:03d}", "gpu_quota": 0} for index in range(1, count)]
    waivers = [
        {"control": control, "owner": "benchmarks", "reason": "measured without it", "expires": in_days(100)}
        for control in ("SR1", "SR2", "SR3")
    ]
    config["bulkhead:tenants"] = [tenant, *others]
    # One tenant alone requires none of them, and a waiver of what nothing requires is refused.
    config["bulkhead:trust"] = {**config["bulkhead:trust"], "waivers": waivers if count > 1 else []}
    return {**document, "config": config}


def seconds(action: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.monotonic()
    action()
    return time.monotonic() - start


def main() -> None:
    """Print the table."""
    table = Table(title="The engine on the lab, seconds, one run each", title_justify="left", show_edge=False)
    for column in ("tenants", "resources", "first preview", "first up", "preview without a change", "up without one"):
        table.add_column(column)
    committed = yaml.safe_load((PROJECT / f"Pulumi.{STACK}.yaml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = make_engine(folder, cluster.cluster(), folder / "state")
        engine.stack_init_if_missing()
        try:
            for count in TENANTS:
                document = plain_yaml(with_tenants(committed, count))
                (folder / f"Pulumi.{STACK}.yaml").write_text(document, encoding="utf-8")
                first_preview = seconds(engine.preview_json)
                first_up = seconds(lambda: engine.up("--suppress-progress"))
                preview = seconds(engine.preview_json)
                up = seconds(lambda: engine.up("--suppress-progress"))
                resources = len(engine.capture("stack", "--show-urns").stdout.split("URN:")) - 1
                figures = (first_preview, first_up, preview, up)
                table.add_row(str(count), str(resources), *(f"{figure:.1f}" for figure in figures))
        finally:
            engine.destroy("--suppress-progress")
    Console().print(table)


if __name__ == "__main__":
    main()
