"""Whom a request is made as: what the API server sees of a tenant's subject."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from infra.blueprint.access import SubjectKind, SubjectPart

AUTHENTICATED = "system:authenticated"
STAND_IN = "bulkhead-audit"
"""The user name of a request that is made as a group; with a tenant's name, that of a tenant without subjects."""


@dataclass(frozen=True)
class Identity:
    """A user with groups, as the API server's impersonation takes them."""

    user: str
    groups: tuple[str, ...]

    def with_group(self, group: str) -> "Identity":
        """The same user, in one more group."""
        return replace(self, groups=(*self.groups, group))

    def headers(self) -> Iterator[tuple[str, str]]:
        """The impersonation headers; each group is a header of its own."""
        yield "Impersonate-User", self.user
        for group in self.groups:
            yield "Impersonate-Group", group

    def __str__(self) -> str:
        named = [group for group in self.groups if group != AUTHENTICATED and not group.startswith("system:service")]
        return f"group {named[0]}" if self.user == STAND_IN and named else self.user


def identity_of(subject: SubjectPart) -> Identity:
    """What the API server sees when `subject` calls it.

    Groups of service accounts: Kubernetes' documentation on authentication.
    """
    match subject.kind:
        case SubjectKind.USER:
            return Identity(subject.name, (AUTHENTICATED,))
        case SubjectKind.GROUP:
            return Identity(STAND_IN, (subject.name, AUTHENTICATED))
        case SubjectKind.SERVICE_ACCOUNT:
            return service_account(subject.namespace or "", subject.name)


def service_account(namespace: str, name: str) -> Identity:
    """What the API server sees when a pod calls it with that account's token."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
    return Identity(f"system:serviceaccount:{namespace}:{name}", groups)


def nobody_of(tenant: str) -> Identity:
    """A user without rights that stands for a tenant whose record declares no subject."""
    return Identity(f"{STAND_IN}:{tenant}", (AUTHENTICATED,))


ADMINISTRATOR = Identity("kubernetes-admin", ("system:masters", AUTHENTICATED))
"""Who asks for the work of a tenant for whom nobody acts, and stands for an administrator where no API server is asked.

Whoever audits need not be in that group: on GKE an administrator is one by IAM, for whom SR2's policies have no word.
"""
