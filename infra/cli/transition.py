"""`bulkhead transition`: from what is deployed to what the stack file says, in updates that lose nothing."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.blueprint.nodes import POOL_LABEL
from infra.cli import exit_codes
from infra.cli.offline import format_option
from infra.cli.options import today, want_json
from infra.cli.project import stack_file_of
from infra.cli.pulumi_command import Stream, is_held_by_another, run_pulumi
from infra.cli.situation import Situation, failed, no_pulumi, situation, step_file
from infra.config.loader import load_stack_file
from infra.faults import CommandFailedError, Fault, FaultsFoundError
from infra.guard.stack import STACK_FILE_VARIABLE
from infra.posture import Platform, platform_of
from infra.program import refusal
from infra.report.text import printable
from infra.report.transition_text import transition_json, transition_text
from infra.transition.steps import Step
from infra.transition.way import early_words, with_way
from infra.trust.lowering import with_lowering

if TYPE_CHECKING:
    from infra.live.cluster import LiveCluster

LOOK_SECONDS = 10.0
"""Between two looks at a pool that is to go."""
EMPTY_LOOKS = 2
"""How often in a row a pool has to be seen empty before it goes."""


class Format(StrEnum):
    """How the way is printed."""

    TABLE = "table"
    JSON = "json"


@dataclass(frozen=True)
class Updates:
    """How the updates of a way are made.

    Attributes:
        prints_to: Where what `pulumi` prints goes.
        policy_pack: The folder of rules that each has to pass; None for none.
    """

    prints_to: Stream
    policy_pack: Path | None

    @property
    def arguments(self) -> tuple[str, ...]:
        """Further arguments of `pulumi up`."""
        return ("--policy-pack", str(self.policy_pack.absolute())) if self.policy_pack else ()


@click.command()
@click.option("--stack", metavar="NAME", required=True, help="The stack; never a default, since it is changed.")
@click.option(
    "--to",
    "target",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The stack file to get to; the stack's own unless said.",
)
@click.option("--plan", "plan_only", is_flag=True, help="Print the way, and change nothing.")
@click.option("--yes", is_flag=True, help="Begin without asking.")
@click.option(
    "--policy-pack",
    metavar="FOLDER",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Rules that each update has to pass as well, such as `policy`; handed to `pulumi up`.",
)
@format_option(Format, "table (for people, the default), json.")
def transition(  # noqa: PLR0913 - one for each option
    *, stack: str, target: Path | None, plan_only: bool, yes: bool, policy_pack: Path | None, wanted: str | None
) -> None:
    """Get from what is deployed to what the stack file says, by as few updates as lose no job and no request.

    Each is a plain `pulumi up` of a stack file that is valid by itself. The way is told from the deployment alone, so
    that whoever was interrupted runs the same command again. Lowering a tier takes `allow_lowering`, as ever.

    With `--format json` the way alone is on standard output, and what `pulumi` prints on standard error.

    Exits with 0 when all is made, or the way printed, 1 when the posture would be unsound, 2 when the stack file or the
    command line is invalid, 3 when an update failed.
    """
    want_json(wanted == Format.JSON)
    own = stack_file_of(stack, Path.cwd(), {})
    name, file = own.name.removeprefix("Pulumi.").removesuffix(".yaml"), target or own
    found = situation(stack, file, own.parent, today(), stack=name)
    _require_sound(found)
    show = transition_json if wanted == Format.JSON else transition_text
    click.echo(show(name, found.tiers, found.way))
    if plan_only:
        return
    if not yes:
        _require_consent()
    updates = Updates(Stream.ERROR if wanted == Format.JSON else Stream.OUTPUT, policy_pack)
    while True:
        step, *later = found.way
        _carry_out(step, found, updates)
        if not later:
            return
        found = situation(stack, file, own.parent, today(), stack=name)


def _require_consent() -> None:
    try:
        agreed = click.confirm("Carry it out?", err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        fault = Fault("--yes", "nobody has agreed", "nothing was begun", "--yes, where nobody can be asked")
        raise FaultsFoundError("bulkhead transition", [fault])


def _require_sound(found: Situation) -> None:
    """End with 1 where the first update would be refused: an unsound posture, a lowering without a reason.

    Of the target itself, what it says of pools is judged, too: between the steps anybody may deploy it as it is.
    """
    with step_file(found.way[0], found) as file:
        _, config = load_stack_file(file, today())
    first = platform_of(found.stack, config, today())
    posture = with_lowering(first.posture, config.trust.allow_lowering, found.posture)
    posture = with_way(replace(first, posture=posture), found.state)
    if found.state is not None:
        early = early_words(found.state, found.target.config.emptied_pools)
        posture = replace(posture, findings=(*posture.findings, *early))
    if not posture.sound:
        click.echo(refusal(posture), err=True)
        click.get_current_context().exit(exit_codes.UNSOUND)


def _carry_out(step: Step, found: Situation, updates: Updates) -> None:
    click.echo(f"{found.stack}: {step.title}", err=True)
    if step.empty:
        _wait_until_empty(step.empty, found.target)
    with step_file(step, found) as file:
        named = ("--stack", found.selected, "--config-file", str(file))
        command = ["up", "--yes", "--skip-preview", "--non-interactive", *named, *updates.arguments]
        status, held = _update(command, found.project, updates.prints_to, {STACK_FILE_VARIABLE: str(file)})
    if held:
        raise _held(found.selected)
    if status:
        raise failed(f"the update `{step.title}` failed", "the same command again, once its reason is mended")


def _wait_until_empty(pools: tuple[str, ...], target: Platform) -> None:
    """Look until nothing is at work on any of the pools, so many times in a row.

    One look may fall between two pods of a job, or between its admission and the first of them.
    """
    from infra.live.cluster import connect  # noqa: PLC0415 - loads the Kubernetes client, which takes a second

    cluster = connect(target.blueprint.cluster, None)
    told: tuple[str, ...] = ()
    empty = 0
    while empty < EMPTY_LOOKS:
        working = tuple(work for pool in pools for work in _at_work(cluster, pool))
        empty = 0 if working else empty + 1
        if working and working != told:
            click.echo(f"waiting for {len(working)}: {printable(', '.join(working[:5]))}", err=True)
            told = working
        if empty < EMPTY_LOOKS:
            time.sleep(LOOK_SECONDS)


def _at_work(cluster: "LiveCluster", pool: str) -> Iterator[str]:
    yield from (f"pod {name}" for name in cluster.working_pods(POOL_LABEL, pool))
    yield from (f"workload {name}, which is admitted" for name in cluster.admitted_workloads(pool))


def _update(arguments: list[str], project: Path, prints_to: Stream, told: Mapping[str, str]) -> tuple[int, bool]:
    """The engine's exit status, and whether it began nothing since the stack is locked."""
    locks: list[str] = []

    def hear(line: str) -> None:
        if is_held_by_another(line):
            locks.append(line)

    try:
        status = run_pulumi(arguments, project, prints_to, told, hear)
    except FileNotFoundError:
        raise no_pulumi() from None
    return status, bool(status and locks)


def _held(selected: str) -> CommandFailedError:
    """What to do about a lock, of which the engine alone cannot tell whether its holder still lives."""
    fault = Fault(
        "pulumi",
        f"the lock of stack {selected} is held: by a deployment that runs, or by one that was killed and left it there",
        "this update began nothing, and no other does until the lock is gone; taken from a deployment that runs, two of"
        " them would write one state",
        "the same command once the other deployment has ended; where nobody is deploying (the engine names above who"
        f" took the lock, and when): pulumi cancel --yes --stack {selected}, and then the same command, which"
        " finishes what the killed one left; docs/how-to/raise-a-tier.md says what of it may need a hand",
    )
    return CommandFailedError("bulkhead transition", [fault])
