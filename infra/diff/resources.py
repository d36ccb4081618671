"""What an update would delete, replace, change and make, from two plans of one stack."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from infra.diff.keys import KeyChange, Path, key_changes
from infra.plan.model import Plan, PlannedResource, tenant_of
from infra.plan.urns import former_urns

ForcingPaths = Callable[[PlannedResource, Sequence[Path]], Sequence[Path]]
"""Which of the changed paths of a resource, given as it will be, its provider cannot change in place."""

PROVIDER_REPLACED: Path = ("provider",)
"""Stands for the cause where another cluster is meant: everything is made anew there."""

HOLDS_DATA = frozenset(
    {
        "gcp:container/cluster:Cluster",
        "gcp:sql/database:Database",
        "gcp:sql/databaseInstance:DatabaseInstance",
        "gcp:sql/user:User",
        "kubernetes:apps/v1:StatefulSet",
        "kubernetes:core/v1:Namespace",
        "kubernetes:core/v1:PersistentVolumeClaim",
    }
)
"""Types that hold what cannot be made again, or take it along when they go."""

SECRET_PACKAGE = "random:"  # noqa: S105 - how the types of generated secrets begin
"""Generated secrets: keys that tenants hold, and what stored data is encrypted with."""


class Action(StrEnum):
    """What an update does to a resource, the gravest first."""

    DELETE = "delete"
    REPLACE = "replace"
    UPDATE = "update"
    CREATE = "create"

    @property
    def destroys(self) -> bool:
        """Whether what exists goes."""
        return self in {Action.DELETE, Action.REPLACE}


@dataclass(frozen=True)
class ResourceChange:
    """What becomes of one resource.

    Attributes:
        urn: Its URN afterwards, or before it goes.
        type: Its type token.
        name: Namespace and name in the cluster, or the name at the provider.
        component: The component around it; empty where there is none.
        tenant: The tenant whose own it is; empty where it is nobody's.
        action: What becomes of it.
        keys: What changes in it; empty where it comes or goes.
        forced_by: The keys that cannot change in place; empty unless it is replaced.
        protected: Whether the engine refuses to delete it, and so the whole update.
        kept: Whether the real thing stays when the resource goes.
    """

    urn: str
    type: str
    name: str
    component: str
    tenant: str
    action: Action
    keys: tuple[KeyChange, ...] = ()
    forced_by: tuple[str, ...] = ()
    protected: bool = False
    kept: bool = False

    @property
    def loses_data(self) -> bool:
        """Whether something goes that cannot be made again."""
        return self.action.destroys and not self.kept and holds_data(self.type)

    @property
    def kind(self) -> str:
        """The last part of the type, as `Deployment`, or `provider`."""
        return "provider" if _is_provider(self) else self.type.rpartition(":")[2]


def holds_data(type_token: str) -> bool:
    """Whether resources of a type hold what cannot be made again: data, or a generated secret."""
    return type_token in HOLDS_DATA or type_token.startswith(SECRET_PACKAGE)


def resource_changes(before: Plan | None, after: Plan | None, forcing: ForcingPaths) -> tuple[ResourceChange, ...]:
    """What an update from `before` to `after` does: deletions and replacements first, those that lose data before all.

    A resource that was renamed with an alias counts as the same one. Values that are secret or known only after
    creation are taken to stay as they are.

    Args:
        before: The plan of what is deployed; None where nothing is.
        after: The plan of what is to be; None where everything goes.
        forcing: Which changes force a replacement.
    """
    was = _made(before)
    now = _made(after)
    pairs = dict(_pairs(was, after, now))
    changed = [_compared(was[pairs[urn]], now[urn], forcing) for urn in now if urn in pairs]
    replaced_providers = {one.urn for one in changed if one and one.action is Action.REPLACE and _is_provider(one)}
    found = [
        *(_change(was[urn], Action.DELETE) for urn in was.keys() - pairs.values()),
        *(_change(now[urn], Action.CREATE) for urn in now.keys() - pairs.keys()),
        *(one for one in changed if one and not _moves(now[one.urn], replaced_providers)),
        *(
            _change(now[urn], Action.REPLACE, forced_by=PROVIDER_REPLACED)
            for urn in pairs
            if _moves(now[urn], replaced_providers)
        ),
    ]
    return tuple(sorted(found, key=gravest_first))


def _made(plan: Plan | None) -> dict[str, PlannedResource]:
    """What exists in the world: components only group."""
    return {resource.urn: resource for resource in plan.resources if _exists(resource)} if plan else {}


def _exists(resource: PlannedResource) -> bool:
    return resource.custom or resource.remote


def _pairs(
    was: Mapping[str, PlannedResource], after: Plan | None, now: Mapping[str, PlannedResource]
) -> Iterator[tuple[str, str]]:
    """(URN now, URN before) of every resource that is on both sides."""
    everything: Sequence[PlannedResource] = after.resources if after else ()
    former = former_urns(
        {resource.urn: resource.options.aliases for resource in everything},
        {resource.urn: resource.options.parent for resource in everything},
    )
    for urn in now:
        known = next((one for one in (urn, *sorted(former[urn])) if one in was), None)
        if known is not None:
            yield urn, known


def _compared(was: PlannedResource, now: PlannedResource, forcing: ForcingPaths) -> ResourceChange | None:
    ignored = now.options.ignore_changes
    keys = tuple(
        change
        for change in key_changes(was.inputs, now.inputs)
        if not any(_is_below(change.key, one) for one in ignored)
    )
    if not keys:
        return None
    forced_by = forcing(now, [change.path for change in keys])
    action = Action.REPLACE if forced_by else Action.UPDATE
    return _change(now, action, keys, tuple(".".join(path) for path in forced_by))


def _is_below(key: str, ancestor: str) -> bool:
    return key == ancestor or key.startswith(f"{ancestor}.")


def _change(
    resource: PlannedResource, action: Action, keys: tuple[KeyChange, ...] = (), forced_by: tuple[str, ...] = ()
) -> ResourceChange:
    return ResourceChange(
        urn=resource.urn,
        type=resource.type,
        name=resource.object_name,
        component=resource.component,
        tenant=tenant_of(resource.inputs),
        action=action,
        keys=keys,
        forced_by=forced_by,
        protected=resource.options.protect,
        kept=resource.options.retain_on_delete,
    )


def _is_provider(change: ResourceChange) -> bool:
    return change.type.startswith("pulumi:providers:")


def _moves(resource: PlannedResource, replaced_providers: Iterable[str]) -> bool:
    return resource.options.provider in replaced_providers


def gravest_first(change: ResourceChange) -> tuple[bool, int, str, str]:
    """A key that sorts what loses data first, then what else goes, then by component."""
    return not change.loses_data, list(Action).index(change.action), change.component, change.urn
