"""Admission policies without a cluster: Kyverno's own command line evaluates the very manifests that are deployed."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import yaml

from infra.audit.errors import impossible
from infra.audit.identity import Identity

SECONDS = 300
"""How long one evaluation may take; a hundred objects take a few seconds."""
_API = "cli.kyverno.io/v1alpha1"
_FAILED = frozenset({"fail", "error"})


class PolicyCommand:
    """Kyverno's command line with the policies and namespaces of one platform.

    Args:
        program: The command line.
        policies: The policies' manifests.
        namespaces: Name of a namespace → its labels, which policies select by.
    """

    def __init__(
        self, program: Path, policies: Sequence[Mapping[str, Any]], namespaces: Mapping[str, Mapping[str, str]]
    ) -> None:
        self._program = program
        self._policies = policies
        self._namespaces = namespaces

    def denials(self, identity: Identity, objects: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Name of an object → why its creation by `identity` is refused; objects that pass are left out.

        Args:
            identity: Who creates them.
            objects: Manifests with names of their own.

        Raises:
            CommandFailedError: The command line did not run, or its answer is not understood.
        """
        if not self._policies or not objects:
            return {}
        with TemporaryDirectory(prefix="bulkhead-policies-") as folder:
            return _denials(self._report(Path(folder), identity, objects))

    def _report(self, folder: Path, identity: Identity, objects: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        values = {
            "apiVersion": _API,
            "kind": "Values",
            "namespaceSelector": [{"name": name, "labels": dict(labels)} for name, labels in self._namespaces.items()],
        }
        user = {
            "apiVersion": _API,
            "kind": "UserInfo",
            "userInfo": {"username": identity.user, "groups": list(identity.groups)},
        }
        policies = _written(folder / "policies.yaml", self._policies)
        command = [
            *(
                str(self._program),
                "apply",
                str(policies),
                "--resource",
                str(_written(folder / "objects.yaml", objects)),
            ),
            *("--userinfo", str(_written(folder / "user.yaml", [user]))),
            *("--values-file", str(_written(folder / "values.yaml", [values]))),
            *("--policy-report", "--output-format", "json", "--continue-on-fail"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
        start = done.stdout.find("{")
        if start < 0:
            raise impossible(
                f"{self._program.name} gave no report ({(done.stderr or done.stdout).strip()[-300:]})",
                "run the audit on a cluster, which needs no such program",
            )
        return cast("dict[str, Any]", json.JSONDecoder().raw_decode(done.stdout[start:])[0])


def _written(path: Path, documents: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text(yaml.safe_dump_all([dict(document) for document in documents], sort_keys=False), encoding="utf-8")
    return path


def _denials(report: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for result in cast("list[dict[str, Any]]", report.get("results") or []):
        if result.get("result") in _FAILED:
            for named in cast("list[dict[str, str]]", result.get("resources") or []):
                found.setdefault(named["name"], f"{result.get('message', '')} ({result.get('policy', '')})")
    return found
