"""Reading what `pulumi preview --json` prints.

Source of its shape: `pkg/display/json.go` of the Pulumi repository, read at 3.259, and previews that were recorded.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from infra.diff.keys import KeyChange, key_changes
from infra.diff.resources import Action, ResourceChange, gravest_first
from infra.guard import GuardedResource
from infra.plan.model import COMPUTED, SECRET, component_of, object_name, tenant_of
from infra.plan.urns import STACK_TYPE, Urn
from infra.plan.wire import UNKNOWN
from infra.preview.model import EnginePreview

ACTIONS: Mapping[str, Action] = {
    "create": Action.CREATE,
    "import": Action.CREATE,
    "update": Action.UPDATE,
    "delete": Action.DELETE,
    "replace": Action.REPLACE,
    "create-replacement": Action.REPLACE,
    "delete-replaced": Action.REPLACE,
    "import-replacement": Action.REPLACE,
}
"""The engine's operations that change something; a replacement may be told in parts."""
QUIET = frozenset(
    {"same", "read", "read-replacement", "discard", "discard-replaced", "refresh", "remove-pending-replace"}
)
"""The engine's operations that change nothing in the world; what is discarded was only read."""

SECRET_OBJECT = "kubernetes:core/v1:Secret"  # noqa: S105 - a type
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@]+(?=@)")
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|<\{%[a-z]*%\}>")


class NotAPreviewError(ValueError):
    """The document is not what the engine prints; the text says what is missing."""


def read_preview(text: str) -> EnginePreview:
    """The preview that the engine printed as JSON.

    Raises:
        NotAPreviewError: The text is no such document.
    """
    try:
        document: Any = json.loads(text)
    except ValueError:
        raise NotAPreviewError("it is no JSON") from None
    told = _mapping(document)
    if not {"steps", "changeSummary", "config"} & told.keys():
        raise NotAPreviewError("it has neither steps nor a summary of changes")
    changes: dict[str, ResourceChange] = {}
    for change in _changes(told.get("steps") or ()):
        changes.setdefault(change.urn, change)
    diagnostics = [*_diagnostics(told.get("diagnostics") or ())]
    return EnginePreview(
        changes=tuple(sorted(changes.values(), key=gravest_first)),
        errors=_of_severity(diagnostics, "error"),
        warnings=_of_severity(diagnostics, "warning"),
        resources=tuple(_resources(told.get("steps") or ())),
    )


def _changes(steps: Any) -> Iterator[ResourceChange]:
    for step in steps:
        operation = str(step.get("op"))
        old, new = _mapping(step.get("oldState")), _mapping(step.get("newState"))
        state = new or old
        if operation in QUIET or not state.get("custom") or state.get("type") == STACK_TYPE:
            continue
        # An operation that a later engine adds is shown, too: as a change.
        yield _change(step, ACTIONS.get(operation, Action.UPDATE), old, new)


def _resources(steps: Any) -> Iterator[GuardedResource]:
    for step in steps:
        new = _mapping(step.get("newState"))
        if new.get("custom") and str(step.get("op")) not in QUIET:
            urn = str(step["urn"])
            inputs, protect = _mapping(new.get("inputs")), bool(new.get("protect"))
            yield GuardedResource(urn, str(new.get("type")), Urn.parse(urn).name, inputs, protect)


def _change(step: Mapping[str, Any], action: Action, old: Mapping[str, Any], new: Mapping[str, Any]) -> ResourceChange:
    state = new or old
    urn, type_token, inputs = str(step["urn"]), str(state.get("type")), _mapping(state.get("inputs"))
    return ResourceChange(
        urn=urn,
        type=type_token,
        name=object_name(inputs, Urn.parse(urn).name),
        component=_component(str(state.get("parent") or "")),
        tenant=tenant_of(inputs),
        action=action,
        keys=_keys(step, type_token, old, new) if old and new else (),
        forced_by=tuple(sorted(map(str, step.get("replaceReasons") or ()))) if action is Action.REPLACE else (),
        protected=action.destroys and bool(old.get("protect")),
        kept=action is Action.DELETE and bool(old.get("retainOnDelete")),
    )


def _component(parent: str) -> str:
    """The component around a resource, or the chart that it comes from."""
    urn = Urn.parse(parent) if parent else None
    if urn is None or urn.type == STACK_TYPE:
        return ""
    return component_of(parent) or urn.name


def _keys(
    step: Mapping[str, Any], type_token: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> tuple[KeyChange, ...]:
    """The inputs that differ; where none does, what the provider names without values, as with drift."""
    found = key_changes(_shown(old.get("inputs")), _shown(new.get("inputs")))
    changes = tuple(_concealed(change, type_token) for change in found)
    if changes:
        return changes
    paths = sorted(map(str, step.get("detailedDiff") or step.get("diffReasons") or ()))
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
    if type_token == SECRET_OBJECT and change.path[0] in {"data", "stringData"}:
        return KeyChange(change.path, change.before and SECRET, change.after and SECRET)
    return KeyChange(change.path, _without_credentials(change.before), _without_credentials(change.after))


def _without_credentials(text: str | None) -> str | None:
    return _CREDENTIALS.sub(SECRET, text) if text else text


def _diagnostics(entries: Any) -> Iterator[tuple[str, str]]:
    for entry in entries:
        message = _COLOURS.sub("", str(entry.get("message") or "")).strip()
        severity = str(entry.get("severity") or "").removesuffix("#err")
        if message:
            urn = str(entry.get("urn") or "")
            about = f"{Urn.parse(urn).name}: " if urn.count("::") > 2 and STACK_TYPE not in urn else ""
            yield severity, _CREDENTIALS.sub(SECRET, f"{about}{message.removeprefix('error: ')}")


def _of_severity(diagnostics: list[tuple[str, str]], severity: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(message for found, message in diagnostics if found == severity))


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
