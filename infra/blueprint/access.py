"""Who acts for a tenant on the cluster, and what a role allows."""

from dataclasses import dataclass
from enum import StrEnum


class SubjectKind(StrEnum):
    """Who can be bound to a role, as Kubernetes spells it."""

    USER = "User"
    GROUP = "Group"
    SERVICE_ACCOUNT = "ServiceAccount"


@dataclass(frozen=True, order=True)
class SubjectPart:
    """A person, a group or a program that acts for a tenant; `namespace` for a service account only."""

    kind: SubjectKind
    name: str
    namespace: str | None

    @property
    def identity(self) -> str:
        """The user name or group by which the API server knows the subject."""
        if self.kind is SubjectKind.SERVICE_ACCOUNT:
            return f"system:serviceaccount:{self.namespace}:{self.name}"
        return self.name


@dataclass(frozen=True)
class AccessRulePart:
    """Verbs on resources of some API groups (the empty one is Kubernetes' core)."""

    api_groups: tuple[str, ...]
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
