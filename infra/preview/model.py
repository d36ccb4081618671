"""What the engine would do, as frozen data."""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.diff.resources import Action, ResourceChange
from infra.guard import GuardedResource


@dataclass(frozen=True)
class EnginePreview:
    """One preview; nothing in it depends on when it was made.

    Attributes:
        changes: What becomes of each resource that changes, what loses data first; components only group others.
        errors: What the engine could not do; the preview then ends before its end.
        warnings: What the program and the providers warn of.
        resources: What will be of everything that changes, for the platform's own rules to look at.
    """

    changes: tuple[ResourceChange, ...]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    resources: tuple[GuardedResource, ...] = ()

    @property
    def destructive(self) -> tuple[ResourceChange, ...]:
        """What is deleted or replaced."""
        return tuple(change for change in self.changes if change.action.destroys)

    @property
    def groups(self) -> Mapping[tuple[str, str], tuple[ResourceChange, ...]]:
        """(component, tenant) → what is changed in place or made there; in order."""
        found: dict[tuple[str, str], list[ResourceChange]] = {}
        for change in self.changes:
            if not change.action.destroys:
                found.setdefault((change.component, change.tenant), []).append(change)
        return {place: tuple(found[place]) for place in sorted(found)}

    @property
    def counts(self) -> Mapping[Action, int]:
        """How many resources each action meets; those that meet none are left out."""
        actions = [change.action for change in self.changes]
        return {action: actions.count(action) for action in Action if action in actions}
