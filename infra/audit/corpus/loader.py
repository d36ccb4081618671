"""Reading the corpus from its files, and holding it to its own rules."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

from infra.audit.corpus.case import Case, CorpusFile, Prop

CASES = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Corpus:
    """Every case and every prop, in the order of the files' names and within them as written."""

    cases: tuple[Case, ...]
    props: tuple[Prop, ...]

    def case(self, identifier: str) -> Case:
        """The case of that id; raises KeyError when there is none."""
        return _by_id(self.cases, identifier)

    def prop(self, identifier: str) -> Prop:
        """The prop of that id; raises KeyError when there is none."""
        return _by_id(self.props, identifier)

    def manifest(self, case: Case) -> dict[str, Any]:
        """What the case sends, with placeholders; empty where it deletes and says no more.

        Raises:
            KeyError: It is based on a case that does not exist.
        """
        if case.manifest is not None:
            start = case.manifest
        elif case.based_on is not None:
            start = self.manifest(self.case(case.based_on))
        else:
            return {}
        changed = cast("dict[str, Any]", merge_patched(start, case.merge))
        return _with_pod(changed, case) if case.pod or case.container else changed


@cache
def load_corpus() -> Corpus:
    """The corpus that is part of the project.

    Raises:
        ValueError: A file is malformed, two cases have one id, or one refers to what does not exist.
    """
    files = [
        CorpusFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        for path in sorted(CASES.glob("*.yaml"))
    ]
    corpus = Corpus(
        cases=tuple(case for file in files for case in file.cases),
        props=tuple(prop for file in files for prop in file.props),
    )
    if faults := _faults(corpus):
        raise ValueError("; ".join(faults))
    return corpus


def merge_patched(value: Any, patch: Any) -> Any:
    """`value` after the JSON merge patch `patch` (RFC 7386): null removes a key, and lists are replaced whole."""
    if not isinstance(patch, dict):
        return patch
    start = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    merged = dict(start)
    for key, item in cast("dict[str, Any]", patch).items():
        if item is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patched(start.get(key), item)
    return merged


_POD_PATHS: dict[str, tuple[str | int, ...]] = {
    "Pod": ("spec",),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    "JobSet": ("spec", "replicatedJobs", 0, "template", "spec", "template", "spec"),
    "LeaderWorkerSet": ("spec", "leaderWorkerTemplate", "workerTemplate", "spec"),
    "RayCluster": ("spec", "workerGroupSpecs", 0, "template", "spec"),
    "RayJob": ("spec", "rayClusterSpec", "workerGroupSpecs", 0, "template", "spec"),
}
"""Kind → where its pod's specification stands; all others keep it in `spec.template.spec`."""


def pod_path(kind: str) -> tuple[str | int, ...]:
    """Where objects of `kind` keep a pod's specification."""
    return _POD_PATHS.get(kind, ("spec", "template", "spec"))


def _with_pod(manifest: dict[str, Any], case: Case) -> dict[str, Any]:
    def change(spec: dict[str, Any]) -> dict[str, Any]:
        return _changed_pod(spec, case)

    return _at(manifest, pod_path(str(manifest["kind"])), change)


def _changed_pod(spec: dict[str, Any], case: Case) -> dict[str, Any]:
    changed = cast("dict[str, Any]", merge_patched(spec, case.pod))
    first, *others = cast("list[dict[str, Any]]", changed["containers"])
    return {**changed, "containers": [merge_patched(first, case.container), *others]}


def _at(value: Any, path: tuple[str | int, ...], change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if not path:
        return change(value)
    key, rest = path[0], path[1:]
    if isinstance(key, int):
        items = list(cast("list[Any]", value))
        items[key] = _at(items[key], rest, change)
        return items
    return {**value, key: _at(value[key], rest, change)}


def _by_id(things: tuple[Any, ...], identifier: str) -> Any:
    for thing in things:
        if thing.id == identifier:
            return thing
    raise KeyError(identifier)


def _faults(corpus: Corpus) -> list[str]:
    ids = Counter(case.id for case in corpus.cases)
    allowed = {case.id for case in corpus.cases if not case.is_attack}
    props = {prop.id for prop in corpus.props}
    found = [f"{identifier}: {count} cases have this id" for identifier, count in ids.items() if count > 1]
    for case in corpus.cases:
        if case.based_on is not None and case.based_on not in allowed:
            found.append(f"{case.id}: based_on {case.based_on}, which is no legitimate case")
        if case.is_attack and case.positive not in allowed:
            found.append(f"{case.id}: its twin {case.positive} is no legitimate case")
        if case.target is not None and case.target not in props:
            found.append(f"{case.id}: its target {case.target} is no prop")
    return found
