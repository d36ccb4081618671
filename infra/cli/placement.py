"""`bulkhead placement`: who may use which GPUs."""

import sys

import click

from infra.cli import exit_codes
from infra.cli.options import StackSelection, stack_options, today
from infra.posture import platform_of
from infra.report.placement_table import placement_json, print_placement


@click.command()
@stack_options
def placement(selection: StackSelection) -> None:
    """Show, for each pool, what separates tenants on its GPUs, whose engines and jobs may run there, and what is left.

    Exits with 0 when the stack's posture is sound, 1 when it is not, 2 when the stack file is invalid; what is wrong
    is told by `bulkhead posture`.
    """
    stack, config = selection.load()
    platform = platform_of(stack, config, today())
    if selection.json:
        click.echo(placement_json(platform.placement))
    else:
        print_placement(platform.placement, sys.stdout)
    if not platform.posture.sound:
        click.echo("bulkhead placement: this stack is refused as it is; `bulkhead posture` says why", err=True)
    click.get_current_context().exit(exit_codes.SOUND if platform.posture.sound else exit_codes.UNSOUND)
