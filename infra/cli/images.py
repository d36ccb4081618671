"""`bulkhead images`: everything that a stack pulls."""

import sys
from enum import StrEnum

import click

from infra import pins
from infra.cli.offline import chosen_format, format_option, helm_binary, sound_platform, stand_in_secrets
from infra.cli.options import StackSelection, stack_options
from infra.plan import plan as plan_of
from infra.plan.charts import FolderChartRenderer
from infra.plan.images import Pulls, images_json, pulls_of
from infra.report.tables import plain_console, plain_table, print_table
from infra.report.text import printable
from lab.paths import charts_directory


class Format(StrEnum):
    """How the artifacts are printed."""

    TABLE = "table"
    JSON = "json"
    LIST = "list"


@click.command()
@stack_options
@format_option(
    Format, "table (for people, the default), json (with reasons), list (one upstream reference a line, to copy from)."
)
def images(selection: StackSelection, wanted: str | None) -> None:
    """List every image and chart that a stack pulls, for mirrors that must hold them and scanners that read them.

    `bulkhead:sources.mirror` points all of them at a mirror; the table then shows both ends.

    Exits with 0 when the list is printed, 1 when a required control is missing (nothing would be pulled), 2 when the
    stack file or the command line is invalid, 3 when the list cannot be made.
    """
    form = chosen_format(selection, wanted, Format)
    platform = sound_platform(selection, json=form is Format.JSON)
    project = selection.path().absolute().parent
    renderer = FolderChartRenderer(project, charts_directory(), helm_binary())
    pulls = pulls_of(
        plan_of(platform, stand_in_secrets(selection.path())), renderer, pins.IMAGES.values(), pins.CHARTS.values()
    )
    for chart in pulls.unread:
        click.echo(
            f"bulkhead images: chart {chart}, so only the images that this stack sets in its values are listed; "
            "images of the chart's own defaults are not.",
            err=True,
        )
    _print(platform.posture.stack, pulls, form)


def _print(stack: str, pulls: Pulls, form: Format) -> None:
    match form:
        case Format.TABLE:
            _print_table(pulls)
        case Format.JSON:
            click.echo(images_json(stack, pulls))
        case Format.LIST:
            for pulled in pulls.artifacts:
                click.echo(pulled.upstream)


def _print_table(pulls: Pulls) -> None:
    console = plain_console(sys.stdout)
    mirrored = any(pulled.upstream != pulled.reference for pulled in pulls.artifacts)
    table = plain_table(console)
    for heading in ("Kind", "Reference", *(("Mirrored from",) if mirrored else ()), "Used by"):
        table.add_column(heading, overflow="fold")
    for pulled in pulls.artifacts:
        upstream = (printable(pulled.upstream),) if mirrored else ()
        table.add_row(str(pulled.kind), printable(pulled.reference), *upstream, printable(", ".join(pulled.used_by)))
    print_table(console, table)
