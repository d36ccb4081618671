"""`bulkhead destroy`: the engine's destroy, behind the stack's own name."""

from collections.abc import Sequence
from pathlib import Path

import click

from infra.cli import exit_codes
from infra.cli.offline import stand_in_secrets
from infra.cli.options import today
from infra.cli.project import stack_file_of
from infra.cli.pulumi_command import run_pulumi
from infra.config.loader import load_what_runs
from infra.diff.resources import ResourceChange, resource_changes
from infra.faults import CommandFailedError, Fault, FaultsFoundError
from infra.plan import plan
from infra.plan.replacement import forcing_paths
from infra.posture import platform_of
from infra.report.text import printable


@click.command()
@click.option("--stack", metavar="NAME", required=True, help="The stack; never a default, since everything of it goes.")
@click.option("--confirm", metavar="NAME", help="The stack's name once more, where nobody can be asked.")
def destroy(stack: str, confirm: str | None) -> None:
    """Delete everything that a stack has made, after its name was typed once more.

    Says first what goes that cannot be made again. What is protected the engine refuses to delete, and then deletes
    nothing: `deletion_protection: false` and an update lift that, or `pulumi state unprotect`, one resource at a time.

    Exits with 0 when the stack is destroyed, 2 when the name is not confirmed, 3 when the engine refused or failed.
    """
    path = stack_file_of(stack, Path.cwd(), {})
    name, tenants, going = _what_goes(path)
    click.echo(f"Stack {name}: {len(going)} resources of {len(tenants)} tenant(s) ({', '.join(tenants)}) go.", err=True)
    for change in (one for one in going if one.loses_data):
        note = ", protected" if change.protected else ""
        click.echo(f"  cannot be made again: {change.kind} {printable(change.name)}{note}", err=True)
    typed = confirm if confirm is not None else click.prompt("Type the stack's name to go on", default="", err=True)
    if typed != name:
        fault = Fault(
            "--confirm",
            f"what was typed is not the stack's name, {name}",
            "nothing was deleted",
            f"--confirm {name}, if that stack is to go",
        )
        raise FaultsFoundError("bulkhead destroy", [fault])
    # As it was given: with organisation and project where the engine needs them.
    if _destroy(stack, path.parent):
        return
    if protected := [change for change in going if change.protected]:
        raise CommandFailedError("bulkhead destroy", [_protected(protected)])
    click.get_current_context().exit(exit_codes.FAILED)


def _protected(changes: Sequence[ResourceChange]) -> Fault:
    """What to do about the resources that the stack file protects; the engine names them by their URNs alone."""
    named = ", ".join(f"{change.kind} {printable(change.name)}" for change in changes)
    return Fault(
        "bulkhead:gateway.database.deletion_protection",
        f"the engine did not destroy the stack, as it says above; the stack file protects {named}, which is one reason",
        "what is protected is not deleted, nor what it rests on; whatever else went is gone",
        "where it is that reason: deletion_protection: false under bulkhead:gateway.database or bulkhead:cluster, then"
        " `pulumi up`, then this command again; what is protected without a key of the stack file, `pulumi state"
        " unprotect` lifts",
    )


def _what_goes(path: Path) -> tuple[str, list[str], tuple[ResourceChange, ...]]:
    """The stack's name, its tenants, and what its plan holds.

    An unsound posture may be what is to be ended, also one whose waiver has ended.
    """
    name, config = load_what_runs(path)
    made = plan(platform_of(name, config, today()), stand_in_secrets(path))
    return name, sorted(tenant.name for tenant in config.tenants), resource_changes(made, None, forcing_paths)


def _destroy(stack: str, project: Path) -> bool:
    """Whether the engine destroyed it."""
    try:
        return run_pulumi(["destroy", "--yes", "--non-interactive", "--stack", stack], project) == 0
    except FileNotFoundError:
        fault = Fault(
            "pulumi", "there is no pulumi on PATH", "nothing was deleted", "the command where pulumi is installed"
        )
        raise CommandFailedError("bulkhead destroy", [fault]) from None
