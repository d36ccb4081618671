"""The `local` stack in a project folder of the tests' own: the same program, another state."""

import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.cluster import Cluster
from lab.engine.runner import Engine

PROJECT = Path(__file__).resolve().parents[2]
STACK = "local"
UNCHANGED = {"same"}


@dataclass(frozen=True)
class LocalStack:
    """A copy of the project's stack file that a test may edit, and the engine that deploys it."""

    folder: Path
    engine: Engine

    @property
    def file(self) -> Path:
        """The stack file."""
        return self.folder / f"Pulumi.{STACK}.yaml"

    def edit(self, key: str, value: object) -> None:
        """Replace the value of one `bulkhead:` key."""
        document = yaml.safe_load(self.file.read_text())
        document["config"][f"bulkhead:{key}"] = value
        self.file.write_text(yaml.safe_dump(document, sort_keys=False))

    def value(self, key: str) -> Any:
        """The value of one `bulkhead:` key."""
        return yaml.safe_load(self.file.read_text())["config"][f"bulkhead:{key}"]

    def restore(self) -> None:
        """Take the committed stack file again."""
        shutil.copy(PROJECT / self.file.name, self.file)

    def changes(self) -> dict[str, list[str]]:
        """Operation → names of the resources that an update would touch, unchanged ones left out."""
        steps = self.engine.preview_json()["steps"]
        found: dict[str, list[str]] = {}
        for step in steps:
            if step["op"] not in UNCHANGED:
                found.setdefault(step["op"], []).append(step["urn"].rpartition("::")[2])
        return found

    def interrupted_up(self, after_line: str, with_signal: signal.Signals) -> None:
        """Start an update and end it by a signal as soon as its output holds `after_line`."""
        command = [str(self.engine.choice.cli.path), "up", "--stack", STACK, "--yes", "--skip-preview"]
        with subprocess.Popen(
            [*command, "--non-interactive"],
            cwd=self.folder,
            env=self.engine.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as running:
            assert running.stdout is not None
            for line in running.stdout:
                if after_line in line:
                    running.send_signal(with_signal)
                    break
            running.stdout.read()


def make_local_stack(folder: Path, cluster: Cluster) -> LocalStack:
    """Lay the project out in `folder`: linked code, a copied stack file, a state of its own."""
    for name in ("Pulumi.yaml", "__main__.py", f"Pulumi.{STACK}.yaml"):
        shutil.copy(PROJECT / name, folder / name)
    (folder / ".charts").symlink_to(cluster.kubeconfig.parents[1] / "charts")
    state = folder / "state"
    state.mkdir(mode=0o700)
    overrides = {"PULUMI_BACKEND_URL": state.as_uri(), "KUBECONFIG": str(cluster.kubeconfig)}
    engine = Engine(folder, STACK, context=cluster.context, overrides=overrides)
    engine.stack_init_if_missing()
    return LocalStack(folder, engine)
