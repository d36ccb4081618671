"""How planning grows with tenants, beside a bare program that registers the same resources.

Run: python -m benchmarks.plan_scale

The bare program is given every resource as it was planned, type, name and inputs, and registers one after another:
what remains between the two is what reading, judging and composing cost, and the SDK's typed classes, which the bare
program goes around.
"""

import json

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Measurement, measure, median

TENANTS = (1, 10, 100, 1000)
RUNS = 3

_PREPARE = """
import json, sys
from benchmarks.documents import TODAY, document_with_tenants
from infra.config.loader import parse
from infra.plan import plan, record
from infra.posture import platform_of
import pulumi, pulumi_kubernetes, pulumi_random
tenants = int(sys.argv[1])

def planned():
    config = parse(document_with_tenants(tenants), TODAY)
    assert not isinstance(config, list), config[0]
    return plan(platform_of("benchmark", config, TODAY))
"""

_WHOLE = f"""{_PREPARE}
planned()  # what the SDK loads at the first use is import_cost's to measure, and the bare program has it loaded, too
_start = time.perf_counter()
result = planned()
extra = {{"resources": len(result.resources)}}
"""

_BARE = f"""{_PREPARE}
resources = planned().resources

def bare():
    for resource in resources:
        if resource.custom:
            pulumi.CustomResource(resource.type, resource.urn, dict(resource.inputs))
        else:
            pulumi.ComponentResource(resource.type, resource.urn, dict(resource.inputs))

_start = time.perf_counter()
result = record("benchmark", bare)
extra = {{"resources": len(result.resources)}}
"""


def _resources(measurement: Measurement) -> int:
    return int(json.loads(json.dumps(measurement.extra))["resources"])


def main() -> None:
    """Print the table."""
    table = Table(title=f"plan, median of {RUNS} fresh processes each", title_justify="left", show_edge=False)
    for column in ("tenants", "resources", "seconds", "bare, seconds", "ratio", "ms a resource", "MiB"):
        table.add_column(column)
    for tenants in TENANTS:
        whole = median([measure(_WHOLE, [str(tenants)]) for _ in range(RUNS)])
        bare = median([measure(_BARE, [str(tenants)]) for _ in range(RUNS)])
        count = _resources(whole)
        if count != _resources(bare):
            raise RuntimeError(f"the bare program registered {_resources(bare)} resources, the plan {count}")
        table.add_row(
            str(tenants),
            str(count),
            f"{whole.seconds:.2f}",
            f"{bare.seconds:.2f}",
            f"{whole.seconds / bare.seconds:.2f}",
            f"{1000 * whole.seconds / count:.2f}",
            f"{whole.mebibytes:.0f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
