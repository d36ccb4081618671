"""Reading what `pulumi preview --json` prints.

Source of its shape: `pkg/display/json.go` of the Pulumi repository, read at 3.259, and previews that were recorded.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from pydantic import ValidationError

from infra.config.paths import render
from infra.diff.keys import KeyChange, key_changes
from infra.diff.resources import Action, ResourceChange, gravest_first
from infra.guard import GuardedResource
from infra.plan.model import COMPUTED, SECRET, component_of, object_name, tenant_of
from infra.plan.urns import STACK_TYPE, Urn
from infra.plan.wire import UNKNOWN
from infra.preview.model import EnginePreview
from infra.preview.shape import Diagnostic, Document, Operation, State, Step
from infra.report.text import without_credentials

ACTIONS: Mapping[Operation, Action] = {
    Operation.CREATE: Action.CREATE,
    Operation.IMPORT: Action.CREATE,
    Operation.UPDATE: Action.UPDATE,
    Operation.DELETE: Action.DELETE,
    Operation.REPLACE: Action.REPLACE,
    Operation.CREATE_REPLACEMENT: Action.REPLACE,
    Operation.DELETE_REPLACED: Action.REPLACE,
    Operation.IMPORT_REPLACEMENT: Action.REPLACE,
}
"""The engine's operations that change something; a replacement may be told in parts."""
QUIET = frozenset(Operation) - ACTIONS.keys()
"""The engine's operations that change nothing in the world; what is discarded was only read."""

SECRET_KINDS = frozenset({"List", "Secret", "SecretList", "SecretPatch"})
"""Kinds of the cluster that are a Secret, change one, or may hold some."""
SECRET_CONTENT = frozenset({"data", "stringData", "kubectl.kubernetes.io/last-applied-configuration"})
"""Keys below which the content of a Secret stands; kubectl's annotation repeats the whole object."""
_TOLD = frozenset({"steps", "changeSummary", "diagnostics"})
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|<\{%[a-z]*%\}>")


class NotAPreviewError(ValueError):
    """The document is not what the engine prints; the text says what is missing."""


def read_preview(text: str) -> EnginePreview:
    """The preview that the engine printed as JSON, in an order that does not depend on how the engine went about it.

    Raises:
        NotAPreviewError: The text is no such document, or tells less than all that would change.
    """
    document = _document(text)
    steps = document.steps or []
    _require_states(steps)
    _require_all_steps(steps, document.change_summary or {})
    changes: dict[str, ResourceChange] = {}
    for change in _changes(steps):
        changes.setdefault(change.urn, change)
    # A replacement is told in parts, each with the same resource.
    resources = {resource.urn: resource for resource in _resources(steps)}
    diagnostics = [*_diagnostics(document.diagnostics or [])]
    return EnginePreview(
        changes=tuple(sorted(changes.values(), key=gravest_first)),
        errors=_of_severity(diagnostics, "error"),
        warnings=_of_severity(diagnostics, "warning"),
        resources=tuple(resources[urn] for urn in sorted(resources)),
    )


def _document(text: str) -> Document:
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise NotAPreviewError("it is no JSON") from None
    if not isinstance(found, Mapping) or not _TOLD & cast("Mapping[str, Any]", found).keys():
        raise NotAPreviewError("it has neither steps nor a summary of changes")
    try:
        return Document.model_validate_json(text)
    except ValidationError as refusal:
        (first, *_) = refusal.errors(include_url=False, include_input=False)
        where = render(first["loc"]) if first["loc"] else "it"
        if first["type"] == "enum":
            raise NotAPreviewError(f"{where} is an operation that is not known here") from None
        fault = "is missing" if first["type"] == "missing" else "is not of the form that the engine gives it"
        raise NotAPreviewError(f"{where} {fault}") from None


def _require_states(steps: Sequence[Step]) -> None:
    for index, step in enumerate(steps):
        if step.state is None:
            raise NotAPreviewError(f"steps[{index}] tells neither what was there nor what will be")


def _require_all_steps(steps: Sequence[Step], summary: Mapping[str, int]) -> None:
    """Refuse a document that counts more changes than it tells; fewer is what a preview that failed counts."""
    if unknown := sorted(set(summary) - set(Operation)):
        raise NotAPreviewError(f"changeSummary counts an operation that is not known here: {unknown[0]}")
    told = Counter(ACTIONS[step.op] for step in steps if step.op in ACTIONS)
    counted = Counter[Action]()
    for operation, count in summary.items():
        if (action := ACTIONS.get(Operation(operation))) is not None:
            counted[action] += count
    for action, count in counted.items():
        if count > told[action]:
            raise NotAPreviewError(f"changeSummary counts {count} to {action}, and steps tell {told[action]} of them")


def _changes(steps: Sequence[Step]) -> Iterator[ResourceChange]:
    for step in steps:
        state = step.state
        if step.op not in QUIET and state is not None and state.custom and state.type != STACK_TYPE:
            yield _change(step, state)


def _resources(steps: Sequence[Step]) -> Iterator[GuardedResource]:
    for step in steps:
        new = step.new_state
        if new is not None and new.custom and step.op not in QUIET:
            yield GuardedResource(step.urn, new.type, Urn.parse(step.urn).name, new.inputs, new.protect)


def _change(step: Step, state: State) -> ResourceChange:
    action, old, new = ACTIONS[step.op], step.old_state, step.new_state
    return ResourceChange(
        urn=step.urn,
        type=state.type,
        name=object_name(state.inputs, Urn.parse(step.urn).name),
        component=_component(state.parent or ""),
        tenant=tenant_of(state.inputs),
        action=action,
        keys=_keys(step, state.type, old, new) if old and new else (),
        forced_by=tuple(sorted(step.replace_reasons or ())) if action is Action.REPLACE else (),
        protected=action.destroys and old is not None and old.protect,
        kept=action is Action.DELETE and old is not None and old.retain_on_delete,
    )


def _component(parent: str) -> str:
    """The component around a resource, or the chart that it comes from."""
    urn = Urn.parse(parent) if parent else None
    if urn is None or urn.type == STACK_TYPE:
        return ""
    return component_of(parent) or urn.name


def _keys(step: Step, type_token: str, old: State, new: State) -> tuple[KeyChange, ...]:
    """The inputs that differ; where none does, what the provider names without values, as with drift."""
    changes = tuple(_concealed(change, type_token) for change in key_changes(_shown(old.inputs), _shown(new.inputs)))
    if changes:
        return changes
    paths = sorted(step.detailed_diff or step.diff_reasons or ())
    return tuple(KeyChange((path,), None, None) for path in paths)


def _shown(value: Any) -> Any:
    """Without what is internal to the engine, and with unknown values named."""
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, Any]", value)
        return {key: _shown(item) for key, item in entries.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [_shown(item) for item in cast("list[Any]", value)]
    return COMPUTED if value == UNKNOWN else value


def _concealed(change: KeyChange, type_token: str) -> KeyChange:
    """The engine conceals what it knows to be secret; a Secret's content and a URL's credentials are so in any case."""
    if _is_of_secrets(type_token) and not SECRET_CONTENT.isdisjoint(change.path):
        return KeyChange(change.path, change.before and SECRET, change.after and SECRET)
    before, after = (text and without_credentials(text) for text in (change.before, change.after))
    return KeyChange(change.path, before, after)


def _is_of_secrets(type_token: str) -> bool:
    return type_token.startswith("kubernetes:") and type_token.rpartition(":")[2] in SECRET_KINDS


def _diagnostics(entries: Sequence[Diagnostic]) -> Iterator[tuple[str, str]]:
    # What is looked at side by side is told of in any order; of one resource, and of none, the order has a meaning.
    for entry in sorted(entries, key=lambda entry: entry.urn):
        message = _COLOURS.sub("", entry.message).strip()
        if message:
            named = entry.urn.count("::") > 2 and STACK_TYPE not in entry.urn
            about = f"{Urn.parse(entry.urn).name}: " if named else ""
            told = f"{about}{message.removeprefix('error: ')}"
            yield entry.severity.removesuffix("#err"), without_credentials(told)


def _of_severity(diagnostics: list[tuple[str, str]], severity: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(message for found, message in diagnostics if found == severity))
