"""Minutes of concurrent streams of two tenants on the running platform: what was answered, and whether the books agree.

Run, as root, with the lab up and a stack deployed that has two tenants, two gateway replicas and a cache that they
share, since counting together is what may go wrong: python -m benchmarks.soak [SECONDS]

Exits with 1 when an answer is wrong, a request is refused or lost, or the database has another sum than the clients;
with 2 when the deployed stack lacks one of the above.
"""

import json
import sys
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from benchmarks.platform import GATEWAY, deployed_keys, prices
from infra.blueprint.names import CACHE_URL_KEY, GATEWAY_SECRET
from lab import cluster
from tests.lab.ledger import DUST, Balance, Ledger
from tests.lab.load import Kind, Load, Report, service_url, together

SECONDS = 300.0
MODEL = "tiny"
TENANTS = 2
REPLICAS = 2
CONCURRENCY = 4
REQUEST_SECONDS = 120.0


def lacking(tenants: int, replicas: int, *, has_cache: bool) -> list[str]:
    """What the deployed stack has too little of, a sentence for each.

    Args:
        tenants: How many have a key.
        replicas: How many of the gateway are ready.
        has_cache: Whether they share one.
    """
    found: list[str] = []
    if tenants < TENANTS:
        found.append(f"{tenants} of {TENANTS} tenants are deployed: list more under `bulkhead:tenants`")
    if replicas < REPLICAS:
        found.append(f"{replicas} of {REPLICAS} gateway replicas are ready: set `bulkhead:gateway.replicas`")
    if not has_cache:
        found.append("the replicas share no cache: set `bulkhead:gateway.cache`")
    return found


def ready_replicas(kubectl: cluster.Kubectl) -> int:
    """How many replicas of the gateway are ready."""
    found = json.loads(kubectl.run("get", "deployment", "gateway", "--namespace", GATEWAY, "--output=json"))
    return found["status"].get("readyReplicas", 0)


def shares_a_cache(kubectl: cluster.Kubectl) -> bool:
    """Whether replicas are told of a cache; its address is not read."""
    found = json.loads(kubectl.run("get", "secret", GATEWAY_SECRET, "--namespace", GATEWAY, "--output=json"))
    return CACHE_URL_KEY in found["data"]


def is_sound(report: Report, added: Balance, cost: Decimal) -> bool:
    """Whether nothing was wrong, refused or lost, and every place has the clients' own sum."""
    failed = report.wrong or report.refused or report.lost or added.missing(report.answered)
    return not failed and added.agrees and abs(added.team - cost) < DUST


def row(tenant: str, report: Report, added: Balance, cost: Decimal) -> tuple[str, ...]:
    """One tenant's line of the table."""
    failures = (len(report.wrong), len(report.refused), len(report.lost), len(added.missing(report.answered)))
    figures = (report.latency(50), report.latency(95), report.first_token(50), report.first_token(95))
    tokens = f"{report.prompt_tokens} + {report.completion_tokens}"
    money = (f"{cost:.9f}", f"{added.logged:.9f}", f"{added.team:.9f}")
    return (tenant, str(len(report.answered)), *map(str, failures), *(f"{x:.2f}" for x in figures), tokens, *money)


def main() -> int:
    """Print the table, and return the exit code."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    kubectl = cluster.kubectl()
    deployed = sorted(deployed_keys().items())
    if missing := lacking(len(deployed), ready_replicas(kubectl), has_cache=shares_a_cache(kubectl)):
        print("\n".join(("The soak needs another stack, and `pulumi up`:", *missing)), file=sys.stderr)
        return 2
    address = service_url(kubectl)
    keys = dict(deployed[:TENANTS])
    loads = [
        Load(
            address,
            key,
            MODEL,
            concurrency=CONCURRENCY,
            kinds=(Kind.STREAM, Kind.STREAM, Kind.STREAM, Kind.PLAIN),
            seconds=seconds,
            request_seconds=REQUEST_SECONDS,
            pause_seconds=0.5,
        )
        for key in keys.values()
    ]
    ledgers = [Ledger(kubectl, key) for key in keys.values()]
    before = [ledger.at_rest() for ledger in ledgers]
    with together(loads) as runs:
        for run in runs:
            run.wait(seconds + 2 * REQUEST_SECONDS)
    title = f"{seconds:.0f} s of {CONCURRENCY} streams at once for each tenant; seconds, US dollars"
    table = Table(title=title, title_justify="left", show_edge=False)
    for column in (
        *("tenant", "answered", "wrong", "refused", "lost", "not logged", "p50", "p95", "first token p50", "p95"),
        *("tokens", "cost by the clients", "in the spend log", "in the team"),
    ):
        table.add_column(column)
    sound = True
    for tenant, run, ledger, balance in zip(keys, runs, ledgers, before, strict=True):
        report = run.report
        added = ledger.settled(balance, report.answered)
        cost = report.cost(*prices(MODEL))
        sound = sound and is_sound(report, added, cost)
        table.add_row(*row(tenant, report, added, cost))
    Console(width=220).print(table)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
