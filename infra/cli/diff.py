"""`bulkhead diff`: what a change of a stack file changes, before anything is deployed."""

import os
import sys
from enum import StrEnum
from pathlib import Path

import click

from infra.cli import exit_codes
from infra.cli.differences import difference_between, difference_since
from infra.cli.offline import chosen_format, format_option
from infra.cli.options import StackSelection, stack_options, today
from infra.cli.project import stack_file_at
from infra.diff import StackDifference
from infra.report.diff_json import difference_json
from infra.report.diff_markdown import difference_markdown
from infra.report.diff_table import print_difference

DEFAULT_BASE = "HEAD"


class Format(StrEnum):
    """How a difference is printed."""

    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"


@click.command()
@stack_options
@click.option(
    "--base", metavar="REF", help="Compare with the stack file where history parted from REF; HEAD unless said."
)
@click.option("--from", "before", metavar="FILE", type=click.Path(path_type=Path), help="The stack file before.")
@click.option("--to", "after", metavar="FILE", type=click.Path(path_type=Path), help="The stack file afterwards.")
@format_option(Format, "table (for people, the default), markdown (for a pull request), json.")
def diff(
    selection: StackSelection, base: str | None, before: Path | None, after: Path | None, wanted: str | None
) -> None:
    """Show what a change of a stack file changes: controls, waivers, tenants, models, GPUs, cost, and what is deleted.

    Both sides are read by this version of the program, and nothing is asked of a cluster or a cloud: `bulkhead preview`
    shows what the engine would do to what is deployed.

    Exits with 0 when the difference is printed, 1 when the posture afterwards is unsound, 2 when a stack file is
    invalid.
    """
    form = chosen_format(selection, wanted, Format)
    difference = _difference(selection, base, before, after)
    match form:
        case Format.TABLE:
            print_difference(difference, sys.stdout)
        case Format.MARKDOWN:
            click.echo(difference_markdown(difference))
        case Format.JSON:
            click.echo(difference_json(difference))
    click.get_current_context().exit(exit_codes.UNSOUND if difference.errors else exit_codes.SOUND)


def _difference(
    selection: StackSelection, base: str | None, before: Path | None, after: Path | None
) -> StackDifference:
    if before is None and after is None:
        path = selection.stack_file or stack_file_at(selection.stack, Path.cwd(), os.environ, elsewhere=True)
        return difference_since(DEFAULT_BASE if base is None else base, path, today())
    if before is None or after is None:
        raise click.UsageError("--from and --to go together: name the stack file before and the one afterwards.")
    if base is not None or selection.stack is not None or selection.stack_file is not None:
        raise click.UsageError("--from and --to name two files: leave --base, --stack and --stack-file out.")
    return difference_between(before, after, (str(before), str(after)), today())
