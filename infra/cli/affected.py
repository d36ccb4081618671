"""`bulkhead affected`: the stacks that a change touches, for pipelines that treat each stack by itself."""

import json
from collections.abc import Collection, Iterable
from pathlib import Path

import click

from infra.cli.project import PROJECT_FILE, project_folder, stack_of, stacks_in
from infra.cli.revisions import changed_since

PROGRAM = ("infra/", "components/", "__main__.py", PROJECT_FILE, "requirements.lock", "requirements-bootstrap.lock")
"""What every stack is made from, by path in the project."""


@click.command()
@click.option("--base", metavar="REF", help="What has changed since the history parted from REF counts.")
@click.option("--every", is_flag=True, help="Every stack, whatever has changed.")
@click.option("--without", metavar="NAME", multiple=True, help="A stack to leave out, as the lab's own; repeatable.")
@click.option("--removed", is_flag=True, help="Also stacks whose file the change takes away, as for a preview of it.")
def affected(base: str | None, every: bool, without: tuple[str, ...], removed: bool) -> None:
    """Print the names of the stacks that a change touches, as one JSON list in one line.

    A stack is touched when its stack file has changed, is new, or when the program has changed, which is every stack's.
    One whose file goes is named on request only, since there is nothing left to deploy it from.

    Exits with 0 when the list is printed, 2 when there is no such commit, 3 when git cannot be asked.
    """
    if every == (base is not None):
        raise click.UsageError("Name what the change starts from with --base REF, or ask for --every stack.")
    folder = project_folder(Path.cwd())
    changed = changed_since(base, folder) if base is not None else [PROJECT_FILE]
    stacks = stacks_in(folder)
    gone = removed_stacks(changed, stacks) if removed else frozenset[str]()
    click.echo(json.dumps(affected_stacks(changed, gone.union(stacks), without)))


def removed_stacks(changed: Iterable[str], stacks: Collection[str]) -> frozenset[str]:
    """The stacks whose file is among the paths in the project that have `changed`, and that are none of `stacks`."""
    return frozenset(stack for path in changed if (stack := stack_of(path)) is not None and stack not in stacks)


def affected_stacks(changed: Iterable[str], stacks: Iterable[str], without: Collection[str]) -> list[str]:
    """Those of `stacks` that a change touches, in order.

    Args:
        changed: Paths in the project.
        stacks: The stacks that there are.
        without: Stacks to leave out.
    """
    paths = set(changed)
    everything = any(path.startswith(PROGRAM) for path in paths)
    return sorted(stack for stack in stacks if stack not in without and (everything or f"Pulumi.{stack}.yaml" in paths))
