"""From two stack files to the difference between them."""

import datetime
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from infra.cli.offline import stand_in_secrets
from infra.cli.revisions import file_since
from infra.config.loader import load_stack_file, load_what_runs
from infra.config.stack import StackConfig
from infra.config.stack_file import read_stack_file
from infra.diff import Side, StackDifference, compare
from infra.diff.compare import secrets_of
from infra.faults import FaultsFoundError
from infra.plan import plan
from infra.plan.replacement import forcing_paths
from infra.posture import platform_of
from infra.transition.state import state_of
from infra.transition.way import lasting_findings
from infra.trust.lowering import DeployedPosture, with_lowering

WORKING_TREE = "the working tree"
Load = Callable[[Path], tuple[str, StackConfig]]
"""From a stack file to the stack's name and configuration."""


def difference_since(revision: str, path: Path, day: datetime.date) -> StackDifference:
    """What changed in a stack file since history parted from a revision; it may be missing on either side, not on both.

    Both sides are judged as of one day.

    Raises:
        FaultsFoundError: a side is no valid stack file, or there is no such revision.
        CommandFailedError: git cannot be asked.
    """
    content = file_since(revision, path)
    with tempfile.TemporaryDirectory(prefix="bulkhead-diff-") as folder:
        base = Path(folder) / path.name
        if content is not None:
            base.write_bytes(content)
        # A path that is nowhere is read all the same, since its refusal says what to do.
        after = path if path.exists() or content is None else None
        return difference_between(base if content is not None else None, after, (revision, WORKING_TREE), day)


def difference_between(
    before: Path | None, after: Path | None, labels: tuple[str, str], day: datetime.date
) -> StackDifference:
    """What differs between two stack files, both taken for the later one's stack and as of one day.

    Raises:
        FaultsFoundError: one of them is no valid stack file.
    """
    named = after or before
    if named is None:
        raise ValueError("a difference needs a side")
    stack = read_stack_file(named).stack
    was = _side_that_was(before, labels[0], stack, day) if before else None
    now = _side_to_be(after, labels[1], was, day) if after else None
    return compare(was, now, stack=stack, forcing=forcing_paths, today=day)


def _side_that_was(path: Path, label: str, stack: str, day: datetime.date) -> Side:
    """The side before: what runs, with its posture judged as of the day."""
    return _side(path, label, stack, day, load_what_runs)


def _side(path: Path, label: str, stack: str, day: datetime.date, load: Load) -> Side:
    """One side; it is planned even where its posture is unsound."""
    try:
        _, config = load(path)
    except FaultsFoundError as error:
        # A file that was named is called as it was; one of a revision is there for a moment, in a folder of its own.
        origin = label if label == str(path) else f"{path.name} of {label}"
        raise FaultsFoundError(origin, error.faults) from None
    platform = platform_of(stack, config, day)
    made = plan(platform, stand_in_secrets(path))
    return Side(label, config, platform, made, secrets_of(read_stack_file(path).document))


def _side_to_be(path: Path, label: str, was: Side | None, day: datetime.date) -> Side:
    """The side that is to be: refused as the program would refuse it, and without a plan then."""
    side = _side(path, label, read_stack_file(path).stack, day, lambda file: load_stack_file(file, day))
    deployed = DeployedPosture(was.posture.tier, was.posture.in_force) if was else None
    posture = with_lowering(side.posture, side.config.trust.allow_lowering, deployed)
    if was:
        # Pools that go are no fault: a pull request may well ask for a way of two updates, which the difference tells.
        found = lasting_findings(side.platform, state_of(was.config, was.platform.blueprint))
        posture = replace(posture, findings=(*posture.findings, *found))
    return replace(side, platform=replace(side.platform, posture=posture), plan=side.plan if posture.sound else None)
