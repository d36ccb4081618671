"""The `local` stack in a project folder of the tests' own: the same program, another state."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab import paths
from lab.cluster import Cluster
from lab.engine.runner import Engine
from tests.lab.midway import Kill, changing, killed_midway

PROJECT = Path(__file__).resolve().parents[2]
STACK = "local"
UNCHANGED = {"same"}


class _PlainDumper(yaml.SafeDumper):
    """Writes a value that stands twice twice, as stack files may hold no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def plain_yaml(document: object) -> str:
    """A stack file's text."""
    return yaml.dump(document, Dumper=_PlainDumper, sort_keys=False)


@dataclass(frozen=True)
class LocalStack:
    """A copy of the project's stack file that a test may edit, and the engine that deploys it."""

    folder: Path
    engine: Engine
    state: Path

    @property
    def file(self) -> Path:
        """The stack file."""
        return self.folder / f"Pulumi.{STACK}.yaml"

    def edit(self, **values: object) -> None:
        """Replace the values of some `bulkhead:` keys; Kyverno stays as large as the lab's one node has room for."""
        document = yaml.safe_load(self.file.read_text())
        if "trust" in values:
            values["trust"] = _on_one_node(values["trust"])
        document["config"].update({f"bulkhead:{key}": value for key, value in values.items()})
        self.file.write_text(plain_yaml(document))

    @contextmanager
    def edited(self, **values: object) -> Generator[None]:
        """Replace the values of some `bulkhead:` keys, and take the stack file as it was before afterwards."""
        before = self.file.read_text()
        self.edit(**values)
        try:
            yield
        finally:
            self.file.write_text(before)

    def deploy(self) -> None:
        """Bring the cluster to what the stack file says."""
        self.engine.up("--suppress-progress")

    def value(self, key: str) -> Any:
        """The value of one `bulkhead:` key."""
        return yaml.safe_load(self.file.read_text())["config"][f"bulkhead:{key}"]

    def changes(self) -> dict[str, list[str]]:
        """Operation → names of the resources that an update would touch, unchanged ones left out."""
        steps = self.engine.preview_json()["steps"]
        found: dict[str, list[str]] = {}
        for step in steps:
            if step["op"] not in UNCHANGED:
                found.setdefault(step["op"], []).append(step["urn"].rpartition("::")[2])
        return found

    def changing(self) -> frozenset[str]:
        """The names of the objects that an update would touch."""
        return changing(self.engine.preview_json())

    def killed_midway(self, objects: frozenset[str], share: float) -> Kill:
        """Start an update, and kill it and all it started once a share of the objects that it is to change is through.

        Args:
            objects: Their names, as `changing` told them before.
            share: Above 0 and below 1.
        """
        return killed_midway(self._update(), self.folder, self.engine.environment, objects, share)

    def killed_up(self, when: Callable[[], bool], *arguments: str) -> int:
        """Start an update, kill it and all it started as soon as `when` holds, and return its exit status.

        An update that ends before is returned with the status that it ended with.
        """
        with subprocess.Popen(
            [*self._update(), *arguments],
            cwd=self.folder,
            env=self.engine.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as running:
            try:
                while running.poll() is None and not when():
                    pass
            finally:
                if running.poll() is None:
                    os.killpg(running.pid, signal.SIGKILL)
            return running.wait()

    def _update(self) -> list[str]:
        """The command of an update, for whoever is to kill it."""
        cli = str(self.engine.choice.cli.path)
        return [cli, "up", "--stack", STACK, "--yes", "--skip-preview", "--non-interactive"]


def make_engine(folder: Path, cluster: Cluster, state: Path) -> Engine:
    """Lay the program out in `folder`, without a stack file: the same environment, its state in `state`."""
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(PROJECT / name, folder / name)
    (folder / ".charts").symlink_to(paths.charts_directory())
    # A published language host looks for the environment that Pulumi.yaml names.
    (folder / ".venv").symlink_to(sys.prefix)
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    overrides = {"PULUMI_BACKEND_URL": state.as_uri(), "KUBECONFIG": str(cluster.kubeconfig)}
    return Engine(folder, STACK, context=cluster.context, overrides=overrides)


def make_local_stack(folder: Path, cluster: Cluster, state: Path) -> LocalStack:
    """Lay the project out in `folder`: the same environment, a copied stack file, its state in `state`."""
    shutil.copy(PROJECT / f"Pulumi.{STACK}.yaml", folder)
    engine = make_engine(folder, cluster, state)
    engine.stack_init_if_missing()
    return LocalStack(folder, engine, state)


def _on_one_node(trust: Any) -> dict[str, Any]:
    return {**trust, "admission": {"replicas": 1, **trust.get("admission", {})}}
