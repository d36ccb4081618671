"""The workflow files as data, and a way to run their steps here with stand-ins for what runs elsewhere."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).parents[3]
WORKFLOWS = sorted((CHECKOUT / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted((CHECKOUT / ".github" / "actions").glob("*/action.yml"))
EXPRESSION = re.compile(r"\$\{\{ *(?P<of>[^}]*?) *\}\}")

Document = dict[str, Any]


def loaded(path: Path) -> Document:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def jobs(path: Path) -> dict[str, Document]:
    return loaded(path)["jobs"]


def steps_of(path: Path) -> Iterator[Document]:
    """Every step of a workflow, or of a composite action."""
    document = loaded(path)
    if "jobs" not in document:
        yield from document["runs"]["steps"]
    for job in document.get("jobs", {}).values():
        yield from job["steps"]


@dataclass
class Runner:
    """Runs steps as GitHub's runner does: bash with errexit and pipefail, files for outputs and the summary.

    Attributes:
        folder: The checkout that the steps run in.
        beside: Where stand-ins and the runner's files are.
        context: Expression → its value; one that is missing fails the test that meets it.
    """

    folder: Path
    beside: Path
    context: dict[str, str]

    def run(self, step: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
        """Run one `run:` step; its outputs are there for the next one as `steps.ID.outputs.NAME`."""
        output = self.beside / "output"
        output.write_text("")
        own = {name: self.expanded(str(value)) for name, value in step.get("env", {}).items()}
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("PULUMI")},
            "PATH": os.pathsep.join([str(self.beside / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_PATH": str(self.beside / "path"),
            "GITHUB_STEP_SUMMARY": str(self.beside / "summary"),
            "GITHUB_REPOSITORY": "example/platform",
            "STAND_INS": str(self.beside),
            **own,
        }
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", self.expanded(step["run"])],
            cwd=self.folder / step.get("working-directory", "."),
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        for line in output.read_text().splitlines():
            name, _, value = line.partition("=")
            self.context[f"steps.{step['id']}.outputs.{name}"] = value
        return done

    def expanded(self, text: str) -> str:
        """`text` with its expressions replaced."""
        return EXPRESSION.sub(lambda found: self.context[found["of"]], text)


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True, timeout=60)


def commands(runner: Runner) -> list[str]:
    return (runner.beside / "commands").read_text().splitlines()
