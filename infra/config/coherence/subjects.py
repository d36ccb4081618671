"""Subjects: each acts for one tenant, and none is Kubernetes' or the platform's own."""

from collections.abc import Iterator

from infra.config.coherence.names import RESERVED_PREFIXES
from infra.config.draft import Draft, at
from infra.config.paths import Location
from infra.config.problem import Problem
from infra.config.tenants import TENANT_NAMESPACE_PREFIX, ServiceAccountSubject, Subject

RESERVED_NAMESPACES = frozenset({"default", "kyverno"})
SYSTEM_PREFIX = "system:"


def check_subjects(draft: Draft) -> Iterator[Problem]:
    """Subjects of two tenants, of Kubernetes itself, and of namespaces whose accounts are not the tenant's."""
    owners: dict[tuple[str, ...], str] = {}
    for index, tenant in draft.tenants.read.items():
        for position, subject in enumerate(tenant.subjects):
            where = at("tenants", index, "subjects", position)
            owner = owners.setdefault(_identity(subject), tenant.name)
            if owner != tenant.name:
                yield Problem(
                    where,
                    f"this {_noun(subject)} acts for `{owner}` as well",
                    "nobody could tell for which of the two it acts, and it could use either's quota and data",
                    "each subject under one tenant",
                )
            if isinstance(subject, ServiceAccountSubject):
                yield from _foreign_namespace(where, subject, tenant.name)
            elif subject.name.startswith(SYSTEM_PREFIX):
                yield Problem(
                    (*where, "name"),
                    f"names that begin with `{SYSTEM_PREFIX}` are Kubernetes' own",
                    "whoever Kubernetes counts to it, possibly everybody, would act for the tenant",
                    "a group or user of your own, or kind: service_account with name and namespace",
                )


def _identity(subject: Subject) -> tuple[str, ...]:
    namespace = (subject.namespace,) if isinstance(subject, ServiceAccountSubject) else ()
    return (subject.kind, *namespace, subject.name)


def _noun(subject: Subject) -> str:
    return subject.kind.replace("_", " ")


def _foreign_namespace(where: Location, subject: ServiceAccountSubject, tenant: str) -> Iterator[Problem]:
    namespace = subject.namespace
    if namespace == f"{TENANT_NAMESPACE_PREFIX}{tenant}":
        return
    if namespace in RESERVED_NAMESPACES or namespace.startswith(RESERVED_PREFIXES):
        yield Problem(
            (*where, "namespace"),
            f"the namespace `{namespace}` is not the tenant's own",
            "others can run pods there under this account, which would then act for the tenant",
            f"a namespace that only `{tenant}` uses, as `{TENANT_NAMESPACE_PREFIX}{tenant}`",
        )
