"""`bulkhead rotate`: draw a key anew by a number in the stack file."""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial, wraps
from pathlib import Path
from typing import Any

import click

from infra.cli.options import StackSelection, stack_options, today
from infra.config.loader import load_stack_file
from infra.config.paths import render
from infra.config.stack import StackConfig
from infra.config.text_edit import NotEditableError, with_value
from infra.config.words import listed, near_miss
from infra.faults import CommandFailedError, Fault, FaultsFoundError
from infra.report.text import printable
from infra.transition import rotation
from infra.transition.rotation import Change, NoFormerKeyError, Rotation


@click.group(no_args_is_help=True)
def rotate() -> None:
    """Draw a key anew: raises its generation in the stack file, and says what `pulumi up` will do.

    Nothing else in the file changes, and nothing is deployed. LiteLLM's salt key has no generation: what is encrypted
    with it could not be read any more.
    """


_end_former = click.option("--end-former", is_flag=True, help="End the former key, which has been taken beside it.")


def _rotating(command: Callable[..., Change]) -> Callable[..., None]:
    """Carry out in the stack file what a command returns, and say so."""

    @stack_options
    @wraps(command)
    def wrapped(selection: StackSelection, **given: Any) -> None:
        _carry_out(selection, command(**given))

    return wrapped


@rotate.command(name="tenant-key")
@click.argument("name")
@_end_former
@_rotating
def tenant_key(name: str, end_former: bool) -> Change:
    """A new virtual key for the tenant NAME; the one in use goes on working until it is ended."""
    return partial(_of_tenant, name=name, end_former=end_former)


@rotate.command(name="engine-keys")
@_end_former
@_rotating
def engine_keys(end_former: bool) -> Change:
    """A new key between the gateway and its engines; engines take the former one until it is ended."""
    return rotation.end_engine_keys if end_former else rotation.engine_keys


@rotate.command(name="master-key")
@_rotating
def master_key() -> Change:
    """A new key for the gateway's administration."""
    return rotation.master_key


@rotate.command()
@_rotating
def salt() -> Change:
    """A new root for the salts by which caches are isolated."""
    return rotation.salt


def _of_tenant(config: StackConfig, name: str, end_former: bool) -> Rotation:
    try:
        return (rotation.end_tenant_key if end_former else rotation.tenant_key)(config, name)
    except KeyError:
        known = [tenant.name for tenant in config.tenants]
        near = near_miss(name, known)
        write = near or listed(sorted(known), "or")
        fault = Fault("NAME", f"there is no tenant `{printable(name)}`", "the stack file is as it was", write)
        raise FaultsFoundError("bulkhead rotate", [fault]) from None


def _carry_out(selection: StackSelection, change: Change) -> None:
    path = selection.path()
    stack, config = selection.load()
    try:
        made = change(config)
    except NoFormerKeyError:
        fault = Fault(
            "--end-former",
            "no former key is taken",
            "the stack file is as it was",
            "the command without --end-former, for a new key",
        )
        raise FaultsFoundError("bulkhead rotate", [fault]) from None
    _write(path, made)
    # As it was given: with organisation and project where the engine needs them.
    selected = selection.stack or stack
    named = f"--stack-file {selection.stack_file}" if selection.stack_file else f"--stack {selected}"
    made = replace(made, afterwards=tuple(line.replace(rotation.SELECTED, named) for line in made.afterwards))
    if selection.json:
        edits = {render(place): value for place, value in made.edits.items()}
        document = {"stack": stack, "edits": edits, "update": made.update, "afterwards": made.afterwards}
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo("\n".join(_lines(path, selected, made)))


def _write(path: Path, made: Rotation) -> None:
    """Write the edits into the file, all or none."""
    text = path.read_bytes().decode("utf-8")
    try:
        for place, value in made.edits.items():
            text = with_value(text, place, value)
        _require_valid(path, text)
    except NotEditableError as error:
        wanted = ", ".join(f"{render(place)}: {value}" for place, value in made.edits.items())
        fault = Fault(path.name, f"it cannot be edited: {error}", "it is as it was", f"by hand: {wanted}")
        raise CommandFailedError("bulkhead rotate", [fault]) from None
    # Beside it first: a disk that is full must not cost the file. Where the path is a link, beside what it leads to.
    file = path.resolve()
    written = file.with_name(f"{file.name}.new")
    written.write_bytes(text.encode())
    shutil.copymode(file, written)
    written.replace(file)


def _require_valid(path: Path, text: str) -> None:
    """Refuse a text that the stack file may not have, before it has it.

    Raises:
        FaultsFoundError: What is wrong with it, as for any stack file.
    """
    with tempfile.TemporaryDirectory(prefix="bulkhead-") as folder:
        edited = Path(folder) / path.name
        edited.write_bytes(text.encode())
        load_stack_file(edited, today())


def _lines(path: Path, stack: str, made: Rotation) -> list[str]:
    return [
        *(f"{path.name}: {render(place)}: {value}" for place, value in made.edits.items()),
        f"`pulumi up --stack {stack}` will do this:",
        *(f"  - {line}" for line in made.update),
        *(["Afterwards:"] if made.afterwards else []),
        *(f"  - {line}" for line in made.afterwards),
    ]
