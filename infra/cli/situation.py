"""What is deployed and what shall be, as `pulumi` and a stack file tell it, and the files of the updates between."""

import datetime
import json
import os
import subprocess
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import yaml

from infra.config.loader import load_stack_file
from infra.config.stack import PROJECT
from infra.config.yaml_text import read_yaml
from infra.faults import CommandFailedError, Fault
from infra.posture import Platform, platform_of
from infra.report.text import printable
from infra.transition.state import Deployed, deployed_state, state_of
from infra.transition.steps import Step, steps
from infra.transition.way import is_refused_as_one
from infra.trust.lowering import DeployedPosture, deployed_posture

RETIRING_KEY = f"{PROJECT}:retiring_pools"
EMPTIED_KEY = f"{PROJECT}:emptied_pools"
NOTHING = "nothing"
"""What is called deployed before the first update."""


@dataclass(frozen=True)
class Situation:
    """What is deployed, and what shall be.

    Attributes:
        stack: The stack's name.
        selected: The same as it was given, with organisation and project where the engine needs them.
        file: The stack file to get to.
        project: The folder that holds Pulumi.yaml.
        posture: What the deployment claims; None where nothing is deployed.
        state: What it made; None where nothing is deployed, or by a version that told nothing of it.
        target: What shall be.
    """

    stack: str
    selected: str
    file: Path
    project: Path
    posture: DeployedPosture | None
    state: Deployed | None
    target: Platform

    @property
    def tiers(self) -> tuple[str, str]:
        """The tier before and the tier after."""
        return str(self.posture.tier) if self.posture else NOTHING, str(self.target.posture.tier)

    @property
    def way(self) -> tuple[Step, ...]:
        """The updates that are left."""
        if self.posture is None:
            return (Step("create", "Nothing is deployed yet."),)
        if self.state is None:
            known = state_of(self.target.config, self.target.blueprint)
            (only,) = steps(known, self.posture, self.target)
            told = "The version that deployed last told nothing of pools, engines and queues: see `pulumi preview`."
            return (replace(only, stays=(told,)),)
        return steps(self.state, self.posture, self.target)

    @property
    def refuses_one_update(self) -> bool:
        """Whether a plain update is refused for the pools that it would delete, so that it takes the way."""
        return self.state is not None and is_refused_as_one(self.target, self.state)


def situation(selected: str, file: Path, project: Path, day: datetime.date, *, stack: str) -> Situation:
    """What is deployed on a stack, and what its file, or another, wants.

    Args:
        selected: The stack as the engine needs it named.
        file: The stack file to get to.
        project: The folder that holds Pulumi.yaml.
        day: The day on which waivers are judged.
        stack: The stack's name.

    Raises:
        FaultsFoundError: The file is no valid stack file.
        CommandFailedError: There is no engine, or what is deployed cannot be told.
    """
    _, config = load_stack_file(file, day)
    outputs = _outputs(selected, project)
    try:
        posture, state = deployed_posture(outputs.get("posture")), deployed_state(outputs.get("deployed"))
    except ValueError as error:
        raise failed(f"what is deployed cannot be told: {error}", "the version that deployed last, or newer") from None
    return Situation(stack, selected, file, project, posture, state, platform_of(stack, config, day))


@contextmanager
def step_file(step: Step, found: Situation) -> Generator[Path]:
    """The stack file of one step: the target's, with the pools that stay for a while or have been seen empty.

    It is made anew and gone afterwards. Of the target nothing is changed, so that an interruption leaves nothing to
    clear away.
    """
    if not (step.retiring or step.empty):
        yield found.file.absolute()
        return
    document = cast("dict[str, dict[str, Any]]", read_yaml(found.file.read_text(encoding="utf-8-sig")).value)
    config = document["config"]
    if step.retiring:
        config.pop(EMPTIED_KEY, None)
        config[RETIRING_KEY] = [dict(record) for record in step.retiring]
    if step.empty:
        config[EMPTIED_KEY] = sorted({*config.get(EMPTIED_KEY, ()), *step.empty})
    with tempfile.TemporaryDirectory(prefix="bulkhead-") as folder:
        path = Path(folder) / f"Pulumi.{found.stack}.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        yield path


def no_pulumi() -> CommandFailedError:
    """There is no engine."""
    fault = Fault(
        "pulumi",
        "there is no pulumi on PATH",
        "what is deployed cannot be told, and nothing is begun, also with --plan",
        "the command where pulumi is installed; `bulkhead diff` compares two stack files without it",
    )
    return CommandFailedError("bulkhead transition", [fault])


def failed(wrong: str, write: str) -> CommandFailedError:
    """What the engine could not do."""
    follows = "what was made stays, and nothing else is begun"
    return CommandFailedError("bulkhead transition", [Fault("pulumi", wrong, follows, write)])


def _outputs(stack: str, project: Path) -> Mapping[str, Any]:
    """The stack's outputs; none where it has not been deployed yet."""
    done = _asked(["stack", "output", "--json", "--non-interactive", "--stack", stack], project)
    if done.returncode != 0:
        told = " ".join(printable(line.strip()) for line in done.stderr.strip().splitlines()[-3:])
        raise failed(
            f"pulumi stack output failed: {told or f'exit {done.returncode}'}", "log in and select the stack first"
        )
    try:
        outputs: object = {} if (found := json.loads(done.stdout)) is None else found
    except ValueError:
        outputs = done.stdout
    # What cannot be read is never taken for a stack on which nothing is deployed: that would be another way.
    if not isinstance(outputs, Mapping):
        raise failed(
            "pulumi stack output printed no JSON document",
            "the same command, once `pulumi stack output --json` prints one",
        )
    return cast("Mapping[str, Any]", outputs)


def _asked(arguments: list[str], project: Path) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            ["pulumi", *arguments],
            cwd=project,
            env=os.environ,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise no_pulumi() from None
