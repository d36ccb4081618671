"""A plan as a table that a person reads at a glance."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.plan.model import SECRET, Json, Plan, PlannedResource
from infra.report.tables import plain_console, plain_table, print_table
from infra.report.text import printable


def print_plan(plan: Plan, stream: TextIO) -> None:
    """Print `plan` on `stream`: by component, each resource with what sets it apart."""
    console = plain_console(stream)
    made = [resource for resource in plan.resources if resource.custom or resource.remote]
    console.print(Text(printable(f"Stack {plan.stack}: {_counted(made)}"), style="bold"))
    console.print()
    print_table(console, _table(made, console))
    if plan.warnings:
        console.print()
    for warning in plan.warnings:
        console.print(Text(printable(f"warning {warning}"), style="yellow"))


def _counted(made: list[PlannedResource]) -> str:
    kinds = Counter("Google Cloud" if kind.startswith("gcp:") else kind.partition(":")[0] for kind in _types(made))
    parts = ", ".join(f"{count} {_PACKAGES.get(kind, kind)}" for kind, count in sorted(kinds.items()))
    return f"{len(made)} resources ({parts})"


_PACKAGES = {"kubernetes": "Kubernetes", "pulumi": "provider", "random": "generated secrets", "tls": "certificates"}


def _types(made: list[PlannedResource]) -> Iterator[str]:
    return (resource.type for resource in made)


def _table(made: list[PlannedResource], console: Console) -> Table:
    table = plain_table(console)
    for heading in ("Component", "Kind", "Object", "Notes"):
        table.add_column(heading, overflow="fold")
    shown = ""
    for component, resource in sorted(((resource.component, resource) for resource in made), key=_order):
        table.add_row(
            Text(printable(component) if component != shown else "", style="bold"),
            resource.type.rpartition(":")[2],
            printable(resource.object_name),
            ", ".join(_notes(resource)),
        )
        shown = component
    return table


def _order(row: tuple[str, PlannedResource]) -> tuple[str, str, str]:
    component, resource = row
    return component, resource.type, resource.name


def _notes(resource: PlannedResource) -> Iterator[str]:
    if resource.options.protect:
        yield "protected"
    if resource.options.retain_on_delete:
        yield "kept on delete"
    if resource.options.aliases:
        yield "renamed"
    if _holds_secret(resource.inputs):
        yield "secrets"


def _holds_secret(value: Json) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_secret(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_secret(item) for item in value)
    return value == SECRET
