"""Who may use which GPUs, as a table for people and as JSON for programs."""

import json
from typing import TextIO, TypedDict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.blueprint.model import MigPart
from infra.blueprint.placement import EngineUse, Placement, PoolPlacement
from infra.config.words import first_of
from infra.report.tables import plain_console, plain_table, print_table
from infra.report.text import printable

_SHOWN = 4
_NOBODY = "-"


class EngineDocument(TypedDict):
    """One model's engines on a pool; `serves` are the tenants whose prompts they work on.

    `spare` counts the engines for whose devices the pool keeps room, so that a successor comes first.
    """

    name: str
    replicas: int
    spare: int
    devices: int
    serves: list[str]


class JobsDocument(TypedDict):
    """One tenant's jobs on a pool; `borrows`: whether they may take more than is guaranteed."""

    tenant: str
    guaranteed: int
    borrows: bool


class PoolDocument(TypedDict):
    """One pool: what separates the tenants on its GPUs, who uses it, and what it has when it has grown."""

    pool: str
    boundary: str
    tenants_meet_on_a_gpu: bool
    dedicated_to: str | None
    engines: list[EngineDocument]
    jobs: list[JobsDocument]
    devices_promised: int
    devices: int
    nodes: int
    gpus_per_node: int
    devices_per_gpu: int


def placement_json(placement: Placement) -> str:
    """`placement` as JSON text in ASCII; no final line break."""
    return json.dumps({"pools": [_document(use) for use in placement.pools]}, indent=2)


def _document(use: PoolPlacement) -> PoolDocument:
    pool = use.pool
    return {
        "pool": pool.name,
        "boundary": boundary(use),
        "tenants_meet_on_a_gpu": use.tenants_meet_on_a_gpu,
        "dedicated_to": pool.dedicated_to,
        "engines": [
            {
                "name": engine.name,
                "replicas": engine.replicas,
                "spare": engine.spare,
                "devices": engine.devices,
                "serves": sorted(engine.serves),
            }
            for engine in use.engines
        ],
        "jobs": [
            {"tenant": queue.tenant, "guaranteed": queue.guaranteed, "borrows": queue.borrows} for queue in use.queues
        ],
        "devices_promised": use.promised,
        "devices": pool.devices,
        "nodes": pool.nodes_max,
        "gpus_per_node": pool.gpus_per_node,
        "devices_per_gpu": pool.devices_per_gpu,
    }


def print_placement(placement: Placement, stream: TextIO) -> None:
    """Print `placement` on `stream`, a row for each pool with GPUs."""
    console = plain_console(stream)
    if not placement.pools:
        console.print(Text("No pool has GPUs."))
        return
    print_table(console, _table(placement, console))
    console.print()
    console.print(Text(_LEGEND))


_LEGEND = (
    "Engines run the platform's code, +1 where devices are kept free for a successor; jobs run the tenants' own. Jobs:"
    " devices guaranteed, + for those that may borrow more. Devices: promised of all that the pool has at its largest."
)


def _table(placement: Placement, console: Console) -> Table:
    table = plain_table(console)
    table.add_column("Pool", no_wrap=True)
    table.add_column("Between tenants", overflow="fold")
    table.add_column("Engines", overflow="fold")
    table.add_column("Jobs", overflow="fold")
    table.add_column("Devices", overflow="fold")
    for use in placement.pools:
        table.add_row(
            printable(use.pool.name),
            Text(boundary(use), style="bold red" if use.tenants_meet_on_a_gpu else "green"),
            _listed([f"{engine.name} {_engines(engine)} x {engine.devices}" for engine in use.engines]),
            _listed([f"{queue.tenant} {queue.guaranteed}{'+' if queue.borrows else ''}" for queue in use.queues]),
            _devices(use),
        )
    return table


def _engines(engine: EngineUse) -> str:
    return f"{engine.replicas}+{engine.spare}" if engine.spare else str(engine.replicas)


def boundary(use: PoolPlacement) -> str:
    """What separates the tenants who use a pool, in words."""
    pool = use.pool
    if pool.dedicated_to is not None:
        return f"nodes of {pool.dedicated_to} alone"
    if use.tenants_meet_on_a_gpu:
        return "NONE: GPUs shared in time" if use.shared_in_time else "NONE: GPUs pass from one to another"
    if isinstance(pool.partition, MigPart):
        return f"MIG instances ({pool.partition.size})"
    if len(use.tenants) > 1:
        return "whole GPUs, engines only"
    return f"used by {next(iter(use.tenants))} alone" if use.tenants else "used by nobody"


def _listed(names: list[str]) -> str:
    return printable(first_of(names, _SHOWN)) or _NOBODY


def _devices(use: PoolPlacement) -> str:
    pool = use.pool
    nodes = f"{pool.nodes_max} node{'' if pool.nodes_max == 1 else 's'}"
    return f"{use.promised} of {pool.devices} = {nodes} x {pool.gpus_per_node} x {pool.devices_per_gpu}"
