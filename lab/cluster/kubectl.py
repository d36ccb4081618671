"""The lab's own calls to its cluster, by the `kubectl` it built and the administrator's kubeconfig."""

import json
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from lab.cluster.commands import run

Manifest = dict[str, object]


@dataclass(frozen=True)
class Kubectl:
    """The command, bound to one cluster.

    Attributes:
        binary: The `kubectl` program.
        kubeconfig: The kubeconfig it uses, whatever KUBECONFIG says.
    """

    binary: Path
    kubeconfig: Path

    def run(self, *arguments: str, given: str | None = None, timeout: float = 60.0) -> str:
        """Run kubectl and return its standard output.

        Raises:
            LabError: When it fails.
        """
        doing = f"kubectl {' '.join(arguments[:2])} on the lab"
        return run([*self._command(), *arguments], doing=doing, given=given, timeout=timeout)

    def apply(self, manifests: Iterable[Manifest]) -> None:
        """Apply objects server-side under the lab's own field manager, taking fields back from whoever changed them."""
        document = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        manager = ["--server-side", "--force-conflicts", "--field-manager=bulkhead-lab"]
        self.run("apply", *manager, "-f", "-", given=document)

    def items(self, kind: str, *arguments: str) -> list[Manifest]:
        """Return all objects of a kind."""
        listed = json.loads(self.run("get", kind, "-o", "json", *arguments))
        return cast("list[Manifest]", listed["items"])

    def pass_through(self, arguments: Sequence[str]) -> int:
        """Run kubectl on the terminal's own streams and return its exit code."""
        return subprocess.run([*self._command(), *arguments], check=False).returncode

    def _command(self) -> list[str]:
        return [str(self.binary), f"--kubeconfig={self.kubeconfig}"]
