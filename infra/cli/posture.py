"""`bulkhead posture`: which controls are in force, and why."""

import sys

import click

from infra.cli import exit_codes
from infra.cli.options import StackSelection, stack_options, today
from infra.posture import posture_of
from infra.report.posture_json import posture_json
from infra.report.posture_table import print_posture


@click.command()
@stack_options
def posture(selection: StackSelection) -> None:
    """Show every control's state, why it has it, and what is wrong.

    Exits with 0 when the posture is sound, 1 when a required control is missing, 2 when the stack file or the
    command line is invalid, 3 when the command could not do its work.
    """
    stack, config = selection.load()
    found = posture_of(stack, config, today())
    if selection.json:
        click.echo(posture_json(found))
    else:
        print_posture(found, sys.stdout)
    click.get_current_context().exit(exit_codes.SOUND if found.sound else exit_codes.UNSOUND)
