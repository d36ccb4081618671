"""Requests to the lab's API server under an identity of the test's choice, and how they were answered."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.cluster import Kubectl

Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What came of a request: whether it passed, and what was said."""

    passed: bool
    said: str


@dataclass(frozen=True)
class Requester:
    """Somebody who talks to the API server; nobody in particular is the cluster's administrator."""

    kubectl: Kubectl
    user: str | None = None
    groups: tuple[str, ...] = ()

    def create(self, manifest: Manifest, *, dry_run: bool = True) -> Answer:
        """Create an object, or ask whether it could be created: admission is the same for both."""
        return self.call("create", *(["--dry-run=server"] if dry_run else []), "-f", "-", given=manifest)

    def call(self, *arguments: str, given: Manifest | None = None) -> Answer:
        """Run kubectl as this requester."""
        command = [str(self.kubectl.binary), f"--kubeconfig={self.kubectl.kubeconfig}", *arguments]
        command += ["--as", self.user] if self.user else []
        command += [f"--as-group={group}" for group in self.groups]
        done = subprocess.run(
            command,
            input=json.dumps(given) if given is not None else None,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Answer(done.returncode == 0, (done.stdout + done.stderr).strip())
