"""Admission policies without a cluster: Kyverno's own command line evaluates the very manifests that are deployed."""

import json
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, cast

from infra.audit.errors import impossible
from infra.audit.identity import Identity
from infra.audit.offline.selectors import selects
from infra.faults import CommandFailedError

SECONDS = 300
"""How long one evaluation may take; a hundred objects take a few seconds."""
WORDS_SHOWN = 500
"""Characters of what the command line printed instead of a report."""
_API = "cli.kyverno.io/v1alpha1"
_FAILED = frozenset({"fail", "error"})
_IRREGULAR = {"endpoints": "endpoints", "gateway": "gateways"}
"""Kinds in lower case → their plurals, where the rule goes wrong."""


def plural_of(kind: str) -> str:
    """What a kind is called in paths and rules, mostly as `meta.UnsafeGuessKindToResource` of Kubernetes builds it."""
    lower = kind.lower()
    if lower in _IRREGULAR:
        return _IRREGULAR[lower]
    match lower[-1]:
        case "s":
            return f"{lower}es"
        case "y":
            return f"{lower[:-1]}ies"
        case _:
            return f"{lower}s"


@dataclass(frozen=True)
class Objection:
    """What one policy has against one object.

    Attributes:
        name: The object's name.
        policy: The policy's name.
        message: The policy's words.
    """

    name: str
    policy: str
    message: str


class PolicyEvaluation(Protocol):
    """Policies that can be asked without a cluster."""

    def objections(self, identity: Identity, objects: Sequence[Mapping[str, Any]]) -> list[Objection]:
        """What the policies have against the creation of objects with names of their own by `identity`."""
        ...


class PolicyCommand:
    """Kyverno's command line with the policies and namespaces of one platform.

    Args:
        program: The command line.
        policies: The policies' manifests.
        namespaces: Name of a namespace → its labels, which policies select by.
        otherwise: What whoever asks can do where the command line gives no report.
    """

    def __init__(
        self,
        program: Path,
        policies: Sequence[Mapping[str, Any]],
        namespaces: Mapping[str, Mapping[str, str]],
        otherwise: str,
    ) -> None:
        self._program = program
        self._policies = policies
        self._namespaces = namespaces
        self._otherwise = otherwise

    def denials(self, identity: Identity, objects: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Name of an object → why its creation by `identity` is refused; objects that pass are left out.

        Args:
            identity: Who creates them.
            objects: Manifests with names of their own.

        Raises:
            CommandFailedError: The command line gave no report, or none in time.
        """
        found: dict[str, str] = {}
        for one in self.objections(identity, objects):
            # All of them, as nobody can say which policy a server would name first.
            found[one.name] = "; ".join(filter(None, (found.get(one.name, ""), f"{one.message} ({one.policy})")))
        return found

    def objections(self, identity: Identity, objects: Sequence[Mapping[str, Any]]) -> list[Objection]:
        """What the policies have against the creation of objects by `identity`, whether they refuse or only audit.

        Args:
            identity: Who creates them.
            objects: Manifests with names of their own.

        Raises:
            CommandFailedError: The command line gave no report, or none in time.
        """
        found: list[Objection] = []
        for names, alike in self._by_policies(objects).items():
            policies = [policy for policy in self._policies if policy["metadata"]["name"] in names]
            with TemporaryDirectory(prefix="bulkhead-policies-") as folder:
                found += _objections(self._report(Path(folder), identity, policies, alike))
        # The command judges several at once, and reports them as they come.
        return sorted(found, key=lambda one: (one.name, one.policy, one.message))

    def _by_policies(self, objects: Sequence[Mapping[str, Any]]) -> dict[frozenset[str], list[Mapping[str, Any]]]:
        """The objects by the policies that look at their kind where they are, without those that none looks at.

        The command compiles each policy for each object, and gives no report where no policy looks at any.
        """
        found: dict[frozenset[str], list[Mapping[str, Any]]] = defaultdict(list)
        for one in objects:
            names = frozenset(str(policy["metadata"]["name"]) for policy in self._policies if self._sees(policy, one))
            if names:
                found[names].append(one)
        return found

    def _sees(self, policy: Mapping[str, Any], one: Mapping[str, Any]) -> bool:
        """Whether a policy looks at an object; namespaces are no matter to what is in none."""
        if plural_of(str(one["kind"])) not in _looks_at(policy):
            return False
        namespace = one["metadata"].get("namespace")
        selector = cast("Mapping[str, Any]", policy["spec"]["matchConstraints"].get("namespaceSelector") or {})
        return not namespace or selects(selector, self._namespaces.get(namespace, {}))

    def _report(
        self,
        folder: Path,
        identity: Identity,
        policies: Sequence[Mapping[str, Any]],
        objects: Sequence[Mapping[str, Any]],
    ) -> dict[str, Any]:
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
        inputs = (
            str(_written(folder / "policies.yaml", policies)),
            *("--resource", str(_written(folder / "objects.yaml", objects))),
            *("--userinfo", str(_written(folder / "user.yaml", [user]))),
            *("--values-file", str(_written(folder / "values.yaml", [values]))),
        )
        done = self._apply(*inputs, "--policy-report", "--output-format", "json", "--continue-on-fail")
        report = _report_in(done.stdout)
        if report is None:
            # Asked for JSON, it keeps to itself that a policy's expression does not compile.
            raise self._no_report(f"({_words(done) or _words(self._apply(*inputs)) or 'it printed nothing'})")
        return report

    def _apply(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self._program), "apply", *arguments]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise self._no_report(f"within {SECONDS} s") from None

    def _no_report(self, why: str) -> CommandFailedError:
        return impossible(f"{self._program.name} gave no report {why}", self._otherwise)


def _report_in(text: str) -> dict[str, Any] | None:
    """The report that a program printed, perhaps after other words; None where there is none."""
    start = text.find("{")
    try:
        found: object = json.JSONDecoder().raw_decode(text[start:])[0] if start >= 0 else None
    except json.JSONDecodeError:
        return None
    report = cast("dict[str, Any] | None", found)
    return report if report and "results" in report else None


def _words(done: subprocess.CompletedProcess[str]) -> str:
    """The end of what a program printed, on either stream, in one line."""
    return " ".join(f"{done.stdout} {done.stderr}".split())[-WORDS_SHOWN:]


def _looks_at(policy: Mapping[str, Any]) -> frozenset[str]:
    """The resources whose creation a policy looks at, in the plural and without subresources."""
    rules = cast("list[dict[str, Any]]", policy["spec"]["matchConstraints"]["resourceRules"])
    creating = (rule for rule in rules if "CREATE" in rule["operations"])
    return frozenset(resource.partition("/")[0] for rule in creating for resource in rule["resources"])


def _written(path: Path, documents: Sequence[Mapping[str, Any]]) -> Path:
    """JSON is YAML that no reader takes for anything else."""
    path.write_text("\n---\n".join(json.dumps(document) for document in documents), encoding="utf-8")
    return path


def _objections(report: Mapping[str, Any]) -> list[Objection]:
    return [
        Objection(named["name"], str(result.get("policy", "")), str(result.get("message", "")))
        for result in cast("list[dict[str, Any]]", report.get("results") or [])
        if result.get("result") in _FAILED
        for named in cast("list[dict[str, str]]", result.get("resources") or [])
    ]
