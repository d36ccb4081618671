"""Options that commands about a stack share, and how those lead to a configuration."""

import datetime
import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click

from infra.cli.group import JSON_WANTED
from infra.cli.project import STACK_HELP, stack_file_of
from infra.config.loader import load_stack_file
from infra.config.stack import StackConfig
from infra.config.trust import Tier

Result = TypeVar("Result")


@dataclass(frozen=True)
class StackSelection:
    """What the shared options say.

    Attributes:
        stack: `--stack NAME`; None when it is not given.
        stack_file: `--stack-file PATH`; None when it is not given.
        json: `--json`.
    """

    stack: str | None
    stack_file: Path | None
    json: bool

    def path(self) -> Path:
        """The stack file that is meant; raises FaultsFoundError when there is none or no telling which."""
        return self.stack_file or stack_file_of(self.stack, Path.cwd(), os.environ, elsewhere=True)

    def load(self, tier: Tier | None = None) -> tuple[str, StackConfig]:
        """The stack's name and its configuration, as it would be with another tier where one is given.

        Raises:
            FaultsFoundError: the file cannot be found or read, or is invalid; the shared group reports it.
        """
        return load_stack_file(self.path(), today(), tier)


def today() -> datetime.date:
    """The day on which waivers are judged: the same everywhere on earth, so UTC's."""
    return datetime.datetime.now(datetime.UTC).date()


def stack_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Give a command `--stack`, `--stack-file` and `--json`; its function gets a `StackSelection` first."""

    @click.option("--stack", metavar="NAME", help=STACK_HELP)
    @click.option(
        "--stack-file",
        metavar="PATH",
        type=click.Path(path_type=Path),
        help="A stack file anywhere, in place of --stack.",
    )
    @click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document on standard output.")
    @functools.wraps(command)
    def wrapped(stack: str | None, stack_file: Path | None, json_wanted: bool, **others: object) -> Result:
        want_json(json_wanted)
        if stack is not None and stack_file is not None:
            raise click.UsageError("--stack and --stack-file exclude each other: name one stack.")
        return command(StackSelection(stack, stack_file, json_wanted), **others)

    return wrapped


def want_json(wanted: bool) -> None:
    """Say whether faults of the running command are to be printed as JSON, too."""
    click.get_current_context().meta[JSON_WANTED] = wanted
