"""Namespaces that are let in, exempt or trusted: none where tenants' code runs, and none without an effect."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from infra.config.admission import ALWAYS_EXEMPT, AdmissionSettings
from infra.config.coherence.names import PLATFORM_PREFIX, RESERVED_PREFIXES
from infra.config.draft import Draft, at
from infra.config.observability import PrometheusObservability
from infra.config.paths import Location, render
from infra.config.problem import Problem
from infra.config.tenants import ServiceAccountSubject

_PAST_QUOTA = "whoever works there could take GPUs past every quota"


@dataclass(frozen=True)
class _LetIn:
    """A list of namespaces that network policies let in.

    Attributes:
        where: The list's location.
        namespaces: What it lists.
        follows: What tenants' code could do if it were let in.
    """

    where: Location
    namespaces: tuple[str, ...]
    follows: str


def check_namespaces(draft: Draft) -> Iterator[Problem]:
    """Lists of namespaces that hold tenants or the platform itself, or that nothing on the cluster would enforce."""
    inhabited = _inhabited(draft)
    if draft.trust is not None:
        yield from _exempt(draft.trust.admission, inhabited)
        yield from _controllers(draft.trust.admission, inhabited)
    for let_in in _lists(draft):
        yield from _enforced(draft, let_in)
        yield from _strangers(let_in, inhabited)


def _inhabited(draft: Draft) -> Mapping[str, Location]:
    """Namespaces in which tenants' own service accounts live → where the first of them stands."""
    found: dict[str, Location] = {}
    for index, tenant in draft.tenants.read.items():
        for position, subject in enumerate(tenant.subjects):
            if isinstance(subject, ServiceAccountSubject):
                found.setdefault(subject.namespace, at("tenants", index, "subjects", position, "namespace"))
    return found


def _is_taken(namespace: str, inhabited: Mapping[str, Location]) -> bool:
    return namespace in inhabited or namespace.startswith(PLATFORM_PREFIX)


def _exempt(admission: AdmissionSettings, inhabited: Mapping[str, Location]) -> Iterator[Problem]:
    written = "exempt_namespaces" in admission.model_fields_set
    for index, namespace in enumerate(admission.exempt_namespaces if written else ()):
        where = at("trust", "admission", "exempt_namespaces", index)
        if namespace in inhabited:
            account = render(inhabited[namespace])
            yield Problem(
                where,
                f"no admission policy would look at the namespace `{namespace}`, where a tenant has an account",
                _PAST_QUOTA,
                f"another namespace in {account}, if this one is the GPU software's; otherwise remove it here",
            )
        elif namespace.startswith(PLATFORM_PREFIX):
            yield Problem(
                where,
                f"the namespace `{namespace}` is a tenant's or the platform's",
                _PAST_QUOTA,
                "namespaces of the cluster's own GPU software only, as gpu-operator",
            )
    # Nobody wrote these, so it is the account that is in the wrong place; kube-* no account may have anyway.
    unwritten = {*ALWAYS_EXEMPT, *(() if written else admission.exempt_namespaces)}
    for namespace in sorted({name for name in unwritten if not name.startswith(RESERVED_PREFIXES)} & inhabited.keys()):
        yield Problem(
            inhabited[namespace],
            f"no admission policy looks at the namespace `{namespace}`, where the cluster's own GPU software runs",
            _PAST_QUOTA,
            "a namespace that the tenant alone uses, and the account in it",
        )


def _controllers(admission: AdmissionSettings, inhabited: Mapping[str, Location]) -> Iterator[Problem]:
    for index, account in enumerate(admission.controllers):
        namespace = account.split(":")[2]
        if _is_taken(namespace, inhabited):
            yield Problem(
                at("trust", "admission", "controllers", index),
                f"the account's namespace `{namespace}` is a tenant's or the platform's",
                "whoever can use the account there would get GPUs past every quota",
                "accounts of the cluster's own controllers only",
            )


def _lists(draft: Draft) -> Iterator[_LetIn]:
    if draft.gateway is not None:
        yield _LetIn(
            at("gateway", "admin", "allowed_from"),
            draft.gateway.admin.allowed_from,
            "whatever runs there could try master keys, and read what the administration port tells without one",
        )
    if isinstance(draft.observability, PrometheusObservability):
        yield _LetIn(
            at("observability", "read_from"),
            draft.observability.read_from,
            "whatever runs there could read every tenant's traffic and spend",
        )


def _enforced(draft: Draft, let_in: _LetIn) -> Iterator[Problem]:
    if let_in.namespaces and draft.cluster is not None and not draft.cluster.enforces_network_policy:
        yield Problem(
            let_in.where,
            "this list is kept by a NetworkPolicy, and this cluster does not enforce any",
            "every pod of the cluster would get through, listed or not",
            "cluster.enforces_network_policy: true, once the cluster enforces them; until then no list",
        )


def _strangers(let_in: _LetIn, inhabited: Mapping[str, Location]) -> Iterator[Problem]:
    for index, namespace in enumerate(let_in.namespaces):
        if _is_taken(namespace, inhabited):
            yield Problem(
                (*let_in.where, index),
                f"the namespace `{namespace}` is a tenant's or the platform's",
                let_in.follows,
                "namespaces of the operators' own tools only; what the platform needs of itself is let in anyhow",
            )
