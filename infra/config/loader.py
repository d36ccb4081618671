"""From a stack file, or from the engine's configuration, to a typed and coherent configuration, or to every fault."""

import datetime
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from infra.config.coherence.rules import incoherences
from infra.config.keys import check_keys, check_not_secret, check_secrets_are_encrypted, is_ours
from infra.config.paths import Location, is_mapping, nearest, positions, render
from infra.config.plain import Plainness
from infra.config.problem import Problem
from infra.config.stack import PROJECT, SECRET_KEYS, StackConfig
from infra.config.stack_file import read_stack_file
from infra.config.structure import StructureReader
from infra.config.trust import Tier
from infra.faults import Fault, FaultsFoundError


def parse(document: Mapping[str, object], today: datetime.date) -> StackConfig | list[Fault]:
    """The configuration that `document` holds, or every fault in it, in the order of the document.

    Args:
        document: Full keys, as `bulkhead:trust`, → decoded values. Other namespaces are ignored; secret keys are looked
            at for their presence, and for being encrypted (`{secure: …}`), only.
        today: The day on which waivers are judged.
    """
    result = _read(document, today)
    return result if isinstance(result, StackConfig) else _faults(document, result)


def load_stack_file(path: Path, today: datetime.date | None, tier: Tier | None = None) -> tuple[str, StackConfig]:
    """The stack's name and configuration from `Pulumi.<stack>.yaml`.

    Args:
        path: The file.
        today: The day on which waivers are judged; None: whenever they end, they are taken.
        tier: Read it as if it named this tier; None: as it is.

    Raises:
        FaultsFoundError: the file cannot be read or is not right; it carries every fault.
    """
    file = read_stack_file(path)
    if tier is not None:
        file = replace(file, document=_with_tier(file.document, tier))
    problems = list(file.problems)
    result = _read(file.document, today)
    if isinstance(result, StackConfig):
        if not problems and not file.faults:
            return file.stack, result
    else:
        problems.extend(result)
    raise FaultsFoundError(path.name, [*file.faults, *_faults(file.document, problems)])


def _with_tier(document: Mapping[str, object], tier: Tier) -> Mapping[str, object]:
    """`document` with another tier, and without the permission to lower the deployed one to that which it names."""
    key = f"{PROJECT}:trust"
    trust = document.get(key, {})
    if not is_mapping(trust):
        return document
    kept = {name: value for name, value in trust.items() if name != "allow_lowering"}
    return {**document, key: {**kept, "tier": str(tier)}}


def load_what_runs(path: Path) -> tuple[str, StackConfig]:
    """The same of a file that was deployed, whenever its waivers end.

    What runs is read also where a waiver has ended since, or lasts longer than a file may say by now, as a change or
    the stack's end may be there to mend that.

    Raises:
        FaultsFoundError: the file cannot be read or is not right; it carries every fault.
    """
    return load_stack_file(path, None)


def document_from_engine(values: Mapping[str, str], encrypted: Collection[str]) -> dict[str, object]:
    """The engine's configuration, in which structured values are JSON text, as a document for `parse`.

    The values of secrets are left out, as nothing that reads the document needs more than whether they are encrypted:
    such a secret looks as in a stack file, and one in the clear is None.

    Args:
        values: Full key → text, secrets decrypted.
        encrypted: The full keys that the engine holds as secrets.
    """
    secrets = {
        f"{PROJECT}:{name}": {"secure": ""} if f"{PROJECT}:{name}" in encrypted else None for name in SECRET_KEYS
    }
    return {key: secrets[key] if key in secrets else _decoded(value) for key, value in values.items()}


def _decoded(value: str) -> object:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _read(document: Mapping[str, object], today: datetime.date | None) -> StackConfig | list[Problem]:
    plainness = Plainness()
    ours = {key: plainness.plain(value, (key,)) for key, value in document.items() if is_ours(key)}
    already_said = [*plainness.problems, *check_not_secret(ours)]
    reader = StructureReader({**ours, **{key: None for key in document if key not in ours}})
    draft = reader.draft(today)
    structural = [problem for problem in reader.problems if not _is_said(problem.location, already_said)]
    problems = [
        *check_keys(document),
        *check_secrets_are_encrypted(document),
        *already_said,
        *structural,
        *incoherences(draft),
    ]
    if problems:
        return problems
    return StackConfig.model_validate_json(
        json.dumps({key.removeprefix(f"{PROJECT}:"): value for key, value in ours.items()}), strict=True
    )


def _is_said(location: Location, problems: Iterable[Problem]) -> bool:
    """Whether one of `problems` stands at `location` or above it."""
    return any(location[: len(problem.location)] == problem.location for problem in problems)


def _faults(document: Mapping[str, object], problems: Iterable[Problem]) -> list[Fault]:
    order = positions(document)
    located = {
        Fault(render(place), problem.wrong, problem.follows, problem.write): (order[place], len(problem.location))
        for problem in problems
        for place in [nearest(document, problem.location)]
    }
    return sorted(located, key=lambda fault: (located[fault], fault))
