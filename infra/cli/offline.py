"""What commands that run the program offline share."""

import shutil
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import click

from infra.cli import exit_codes
from infra.cli.options import StackSelection, today, want_json
from infra.config.stack import PROJECT, SECRET_KEYS
from infra.config.stack_file import read_stack_file
from infra.posture import Platform, platform_of
from infra.program import refusal
from infra.report.posture_json import posture_json
from lab.paths import binaries_directory

Format = TypeVar("Format", bound=StrEnum)
TABLE = "table"
JSON = "json"
"""What every command's formats hold beside its own."""


def format_option(formats: type[StrEnum], text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command `--format`; its function gets what is asked for as `wanted`."""
    return click.option("--format", "wanted", type=click.Choice([str(choice) for choice in formats]), help=text)


def chosen_format(selection: StackSelection, wanted: str | None, formats: type[Format]) -> Format:
    """The format that `--format` or `--json` asks for, else a table; faults of the command are then printed as well.

    Raises:
        click.UsageError: Both are given and differ.
    """
    chosen = formats(wanted or (JSON if selection.json else TABLE))
    json = str(chosen) == JSON
    if selection.json and not json:
        raise click.UsageError("--json and --format exclude each other: --json means --format json.")
    want_json(json)
    return chosen


def sound_platform(selection: StackSelection, *, json: bool) -> Platform:
    """The platform of the stack that is meant; where its posture is not sound, the command says so and ends with 1.

    Args:
        selection: The stack.
        json: Whether the posture is printed as JSON as well, which is then the one document on standard output.

    Raises:
        FaultsFoundError: The stack file cannot be found or read, or is invalid.
    """
    stack, config = selection.load()
    platform = platform_of(stack, config, today())
    if not platform.posture.sound:
        click.echo(refusal(platform.posture, selection.stack_file), err=True)
        if json:
            click.echo(posture_json(platform.posture))
        click.get_current_context().exit(exit_codes.UNSOUND)
    return platform


def stand_in_secrets(stack_file: Path) -> dict[str, str]:
    """Stand-ins for the secrets that the stack file sets; what they hold stays encrypted."""
    document = read_stack_file(stack_file).document
    return {name: f"the secret {name}" for name in sorted(SECRET_KEYS) if f"{PROJECT}:{name}" in document}


def helm_binary() -> Path | None:
    """The `helm` on PATH, or the one that the lab has built."""
    on_path = shutil.which("helm")
    if on_path:
        return Path(on_path)
    built = binaries_directory() / "helm"
    return built if built.is_file() else None


def kyverno_binary() -> Path | None:
    """Kyverno's command line: the `kyverno` on PATH, or the one that the lab has built under a name of its own."""
    built = binaries_directory() / "kyverno-cli"
    if built.is_file():
        return built
    on_path = shutil.which("kyverno")
    # The lab's own `kyverno` is the controller, which would start instead of answering.
    return Path(on_path) if on_path and Path(on_path).parent != binaries_directory() else None
