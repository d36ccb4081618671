"""What the gateway costs: against the engine alone, with 1, 10 and 100 tenants, and in memory.

Run, as root, with the lab up and the platform deployed by `./quickstart`:

    python -m benchmarks.gateway [overhead] [memory] [tenants]

`overhead` sends the same questions to the engine and through the gateway, in turns, so that a slow minute of the
machine slows both; the ratio is the figure to look at. `memory` sums each pod's containers as well, since a replica is
more than LiteLLM. `tenants` deploys a platform of its own, lets every tenant call, and needs a lab that carries none.
"""

import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any, cast

import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.engine_scale import with_tenants
from benchmarks.platform import GATEWAY, PROJECT, STACK, deployed_keys, memory, secret_value, start_seconds
from lab import cluster
from tests.lab.load import Load, Report, service_url
from tests.lab.local_stack import make_engine, plain_yaml

MODEL = "tiny"
ENGINES = "bulkhead-engines"
ROUNDS = 3
REQUESTS = 60
CONCURRENCY = (1, 4)
TENANTS = (1, 10, 100)
REQUESTS_OF_A_TENANT = 3
"""The fewest that a tenant sends, however many there are: the first of a key is looked up, the next ones are known."""
CALLING_SECONDS = 1200.0
"""The longest in which tenants begin to call, one after another; a process for each takes seconds by itself."""
REQUESTS_PER_MINUTE = 100_000
"""More than the machine can: the limits are not what is measured here."""

Targets = dict[str, tuple[str, str]]


def joined(reports: Sequence[Report]) -> Report:
    """Several reports as one: all outcomes, and the seconds of all together."""
    return Report(
        tuple(outcome for report in reports for outcome in report.outcomes), sum(report.seconds for report in reports)
    )


def measured(targets: Targets, concurrency: int) -> dict[str, Report]:
    """Each target's report: rounds in turns, streams and plain answers half and half, no pause between requests."""
    found: dict[str, list[Report]] = {name: [] for name in targets}
    for _ in range(ROUNDS):
        for name, (address, key) in targets.items():
            load = Load(
                address, key, MODEL, concurrency=concurrency, requests=REQUESTS // ROUNDS, pause_seconds=0, seconds=240
            )
            found[name].append(load.run())
    return {name: joined(reports) for name, reports in found.items()}


def figures(report: Report) -> tuple[float, float, float, float]:
    """p50 and p95 seconds, p50 seconds to a stream's first token, whole answers a second."""
    return report.latency(50), report.latency(95), report.first_token(50), report.answered_per_second


def overhead(kubectl: cluster.Kubectl) -> Table:
    """The engine alone and the engine behind the gateway, side by side."""
    targets: Targets = {
        "engine": (
            service_url(kubectl, ENGINES, f"engine-{MODEL}"),
            secret_value(kubectl, f"gateway-engine-{MODEL}", "api-key"),
        ),
        "gateway": (service_url(kubectl), min(deployed_keys().items())[1]),
    }
    table = _table("Overhead of the gateway, one run", "at once", "through", "answered", "failed", *_FIGURES)
    for concurrency in CONCURRENCY:
        found = measured(targets, concurrency)
        for name, report in found.items():
            failed = len(report.outcomes) - len(report.answered)
            numbers = (f"{value:.3f}" for value in figures(report))
            table.add_row(str(concurrency), name, str(len(report.answered)), str(failed), *numbers)
        pairs = zip(figures(found["gateway"]), figures(found["engine"]), strict=True)
        ratios = (f"x {through / alone:.2f}" if alone else "" for through, alone in pairs)
        table.add_row(str(concurrency), "ratio", "", "", *ratios)
    return table


_FIGURES = ("p50 s", "p95 s", "first token p50 s", "answers/s")


ALL = "all together"


def with_sums(containers: Mapping[tuple[str, str], float]) -> Iterator[tuple[str, str, float]]:
    """Pod, container and MiB of each container, sorted, and after those of a pod what they take together."""
    pods: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for (pod, container), mebibytes in containers.items():
        pods[pod][container] = mebibytes
    for pod, parts in sorted(pods.items()):
        yield from ((pod, container, mebibytes) for container, mebibytes in sorted(parts.items()))
        yield pod, ALL, sum(parts.values())


def memory_table(kubectl: cluster.Kubectl) -> Table:
    """The working set of every container, and of every pod."""
    table = _table("Memory at rest or as it is, MiB", "pod", "container", "working set")
    for pod, container, mebibytes in with_sums(memory(kubectl)):
        table.add_row(pod, container, f"{mebibytes:.0f}")
    return table


def called_by_all(
    keys: Sequence[str], call: Callable[[str, int], Report], clock: Callable[[], float] = time.monotonic
) -> list[Report]:
    """One report for each tenant that called before `CALLING_SECONDS` were over, one tenant after another.

    Args:
        keys: The tenants' keys.
        call: Sends so many requests with a key.
        clock: Seconds, from any beginning.
    """
    requests = max(ceil(REQUESTS / len(keys)), REQUESTS_OF_A_TENANT)
    last = clock() + CALLING_SECONDS
    reports: list[Report] = []
    for key in keys:
        if clock() > last:
            break
        reports.append(call(key, requests))
    return reports


def tenants(kubectl: cluster.Kubectl) -> Table:
    """Latency and start time of a gateway with few and with many tenants, all of whom call."""
    table = _table(
        "The gateway with more tenants, one run", "tenants", "callers", "start s", "answered", "failed", *_FIGURES
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = make_engine(folder, cluster.cluster(), folder / "state")
        engine.stack_init_if_missing()
        try:
            for count, document in _stack_files():
                (folder / f"Pulumi.{STACK}.yaml").write_text(document, encoding="utf-8")
                engine.up("--suppress-progress")
                kubectl.run("rollout", "restart", "deployment/gateway", "--namespace", GATEWAY)
                wait = ("rollout", "status", "deployment/gateway", "--namespace", GATEWAY, "--timeout=600s")
                kubectl.run(*wait, timeout=630)
                selector = "--selector=app.kubernetes.io/name=gateway"
                pods = cast("list[dict[str, Any]]", kubectl.items("pods", "--namespace", GATEWAY, selector))
                started = max(start_seconds(pod) for pod in pods if "deletionTimestamp" not in pod["metadata"])
                keys = sorted(engine.outputs(show_secrets=True)["tenant_keys"].values())
                address = service_url(kubectl)

                def call(key: str, requests: int, address: str = address) -> Report:
                    return Load(address, key, MODEL, concurrency=2, requests=requests, seconds=60).run()

                reports = called_by_all(keys, call)
                report = joined(reports)
                failed = len(report.outcomes) - len(report.answered)
                numbers = (f"{value:.3f}" for value in figures(report))
                counted = (count, len(reports), f"{started:.0f}", len(report.answered), failed)
                table.add_row(*map(str, counted), *numbers)
        finally:
            engine.destroy("--suppress-progress")
    return table


def _stack_files() -> Iterator[tuple[int, str]]:
    committed = yaml.safe_load((PROJECT / f"Pulumi.{STACK}.yaml").read_text(encoding="utf-8"))
    for count in TENANTS:
        document = with_tenants(committed, count)
        limits = {"requests_per_minute": REQUESTS_PER_MINUTE, "tokens_per_minute": 100 * REQUESTS_PER_MINUTE}
        parts = [{**tenant, "rate_limit": limits} for tenant in document["config"]["bulkhead:tenants"]]
        document["config"]["bulkhead:tenants"] = parts
        yield count, plain_yaml(document)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", show_edge=False)
    for column in columns:
        table.add_column(column)
    return table


def main() -> None:
    """Print the tables that were asked for; without a word, those of the running platform."""
    kubectl = cluster.kubectl()
    tables = {"overhead": overhead, "memory": memory_table, "tenants": tenants}
    for name in sys.argv[1:] or ("overhead", "memory"):
        Console(width=160).print(tables[name](kubectl), "")


if __name__ == "__main__":
    main()
