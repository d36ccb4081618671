"""The command group: loads a command only when it is used, and turns every expected failure into one clear ending."""

import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import click

from infra.cli import exit_codes
from infra.faults import CommandFailedError, FaultsFoundError
from infra.report.faults import faults_json, faults_text

JSON_WANTED = "infra.cli.json_wanted"
"""The key in click's shared `meta` that says whether faults are printed as JSON, too."""


@dataclass(frozen=True)
class LazyCommand:
    """Where a command is, so that it need not be imported before somebody calls it.

    Attributes:
        module: The module that holds it.
        attribute: Its name there.
        summary: Its line in the group's help.
    """

    module: str
    attribute: str
    summary: str

    @property
    def exists(self) -> bool:
        """Whether its module is installed."""
        try:
            return importlib.util.find_spec(self.module) is not None
        except ModuleNotFoundError:
            return False

    def load(self) -> click.Command:
        """Import the command."""
        command: object = getattr(importlib.import_module(self.module), self.attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.module}.{self.attribute} is no click command")
        return command


class LazyGroup(click.Group):
    """A group of commands that are imported only when they are called.

    `FaultsFoundError` from any command is reported on standard error, and on standard output too where JSON is wanted;
    Ctrl-C and a closed pipe end quietly, and what the operating system refuses is said in one line. Whatever else
    escapes is a bug.
    """

    def __init__(self, name: str, lazy: Mapping[str, LazyCommand], help: str) -> None:  # noqa: A002 - click's own name
        super().__init__(name, help=help, no_args_is_help=True)
        self._lazy = {command: where for command, where in lazy.items() if where.exists}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands' names, in the order in which they were given."""
        del ctx
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None when there is none of that name."""
        del ctx
        where = self._lazy.get(cmd_name)
        return where.load() if where else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        del ctx
        rows = [(name, where.summary) for name, where in self._lazy.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command and end as the shared exit codes say."""
        try:
            return self._ended(ctx)
        except BrokenPipeError:
            _close_quietly()
            ctx.exit(exit_codes.PIPE_CLOSED)

    def _ended(self, ctx: click.Context) -> object:
        """Run the command; what is said of its failure may meet a closed pipe, too."""
        try:
            return super().invoke(ctx)
        except CommandFailedError as error:
            _report(error, as_json=bool(ctx.meta.get(JSON_WANTED)))
            ctx.exit(exit_codes.FAILED)
        except FaultsFoundError as error:
            _report(error, as_json=bool(ctx.meta.get(JSON_WANTED)))
            ctx.exit(exit_codes.INVALID)
        except BrokenPipeError:
            raise
        except OSError as error:
            click.echo(f"bulkhead: {error}", err=True)
            ctx.exit(exit_codes.FAILED)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(exit_codes.INTERRUPTED)


def _report(error: FaultsFoundError, *, as_json: bool) -> None:
    click.echo(faults_text(error), err=True)
    if as_json:
        click.echo(faults_json(error))


def _close_quietly() -> None:
    """Point what is printed at nothing: the interpreter flushes it once more at its end, and would complain."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nothing, stream.fileno())
