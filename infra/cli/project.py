"""Which stack file a command means."""

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from infra.config.stack import PROJECT
from infra.faults import Fault, FaultsFoundError

PROJECT_FILE = "Pulumi.yaml"
DEFAULT_STACK = "local"
STACK_VARIABLE = "PULUMI_STACK"
"""The environment variable by which Pulumi, too, selects a stack."""
STACK_HELP = (
    "The stack whose Pulumi.NAME.yaml in the project is meant."
    f" Unless said: the one that {STACK_VARIABLE} names, else {DEFAULT_STACK}, else the only one."
)

_OR_A_FILE = "; or --stack-file PATH"
_STACK_FILE = re.compile(r"^Pulumi\.(?P<stack>[A-Za-z0-9][-._A-Za-z0-9]{0,99})\.yaml$")
_STACK_NAME = re.compile(r"^([A-Za-z0-9][-._A-Za-z0-9]*/){0,2}(?P<stack>[A-Za-z0-9][-._A-Za-z0-9]{0,99})$")
"""A stack's name, with organisation and project before it where Pulumi's service needs them."""


def stack_file_of(stack: str | None, start: Path, environment: Mapping[str, str], *, elsewhere: bool = False) -> Path:
    """The stack file of `stack` in the project around `start`.

    Args:
        stack: The stack's name; None: the one that `PULUMI_STACK` names, else `local`, else the only one.
        start: The folder from which the project is looked for, upwards.
        environment: The process's environment.
        elsewhere: Whether the command takes a file anywhere as well, by --stack-file.

    Raises:
        FaultsFoundError: there is no project, no such stack, or no way to tell which one is meant.
    """
    folder = project_folder(start, elsewhere=elsewhere)
    stacks = stacks_in(folder)
    listed = f"one of: {_listed(stacks)}{_OR_A_FILE if elsewhere else ''}"
    if stack is not None:
        return _named(stack, "--stack", folder, stacks, listed)
    if selected := environment.get(STACK_VARIABLE):
        return _named(selected, STACK_VARIABLE, folder, stacks, listed)
    if DEFAULT_STACK in stacks:
        return stacks[DEFAULT_STACK]
    if len(stacks) == 1:
        return next(iter(stacks.values()))
    raise _refusal(
        "--stack",
        f"no stack is named, {STACK_VARIABLE} is not set, and there is no stack {DEFAULT_STACK}",
        "there is nothing to judge",
        f"--stack NAME, {listed}",
    )


def stack_file_at(stack: str | None, start: Path, environment: Mapping[str, str], *, elsewhere: bool = False) -> Path:
    """The stack file of `stack`, also where it is no longer there, as when a change takes a stack away.

    Arguments and refusals are those of `stack_file_of`, less that a stack that is named need not exist.
    """
    folder = project_folder(start, elsewhere=elsewhere)
    match = _STACK_NAME.match(stack) if stack else None
    if match:
        return folder / f"Pulumi.{match['stack']}.yaml"
    return stack_file_of(stack, start, environment, elsewhere=elsewhere)


def stack_of(name: str) -> str | None:
    """The stack whose file in the project has this name; None where it is no stack file's."""
    match = _STACK_FILE.match(name)
    return match["stack"] if match else None


def project_folder(start: Path, *, elsewhere: bool = False) -> Path:
    """The nearest folder at or above `start` whose Pulumi.yaml names this project.

    Args:
        start: The folder from which it is looked for, upwards.
        elsewhere: Whether the command takes a file anywhere as well, by --stack-file.

    Raises:
        FaultsFoundError: there is none.
    """
    for folder in (start, *start.parents):
        if _names_this_project(folder / PROJECT_FILE):
            return folder
    raise _refusal(
        PROJECT_FILE,
        f"no {PROJECT_FILE} with `name: {PROJECT}` in {start} or above it",
        "a stack's name leads to no file",
        f"the command inside the project{_OR_A_FILE if elsewhere else ''}",
    )


def stacks_in(folder: Path) -> dict[str, Path]:
    """Stack's name → its file in `folder`, sorted by name."""
    named = ((stack_of(path.name), path) for path in folder.iterdir())
    return dict(sorted((stack, path) for stack, path in named if stack is not None))


def _named(asked: str, where: str, folder: Path, stacks: Mapping[str, Path], listed: str) -> Path:
    match = _STACK_NAME.match(asked)
    if match is None:
        raise _refusal(
            where,
            "this is not a stack's name: letters, digits, '-', '_' and '.', 100 at most",
            "no stack file can be found by it",
            listed,
        )
    stack = match["stack"]
    if stack not in stacks:
        raise _refusal(
            where,
            f"there is no stack {stack}: {folder} holds no Pulumi.{stack}.yaml",
            "there is nothing to judge",
            listed,
        )
    return stacks[stack]


def _names_this_project(path: Path) -> bool:
    try:
        document: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False
    return isinstance(document, dict) and ("name", PROJECT) in document.items()


def _listed(stacks: Mapping[str, Path]) -> str:
    return ", ".join(stacks) or "none exists yet"


def _refusal(path: str, wrong: str, follows: str, write: str) -> FaultsFoundError:
    return FaultsFoundError("bulkhead", [Fault(path, wrong, follows, write)])
