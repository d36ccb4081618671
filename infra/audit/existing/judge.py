"""What the policies say of what exists, by the same evaluation as a plan's."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.audit.existing.read import Existing, Manifest
from infra.audit.existing.sent import Sender, as_sent, sender_of, sent_by_somebody
from infra.audit.identity import Identity
from infra.audit.offline.kueue import as_kueue_leaves
from infra.audit.offline.policies import PolicyEvaluation
from infra.blueprint.model import Blueprint

AT_ONCE = 200
"""Objects in one evaluation, which takes some seconds for a hundred."""


@dataclass(frozen=True, order=True)
class WouldBeRefused:
    """One object that a policy objects to.

    Attributes:
        tenant: Whose it is; empty where no tenant's.
        namespace: Where it is; empty for what has no namespace.
        kind: Its kind.
        name: Its name.
        policy: The policy that objects.
        message: The policy's words, which begin with the control.
        identity: Who it was judged to be sent by.
    """

    tenant: str
    namespace: str
    kind: str
    name: str
    policy: str
    message: str
    identity: str


@dataclass(frozen=True)
class ExistingReport:
    """What exists and would be refused.

    Attributes:
        stack: The stack's name.
        tier: The tier whose policies judged.
        context: The kubeconfig context of the cluster.
        policies: The names of the policies that judged; empty where the tier has none.
        looked_at: How many objects were judged.
        refused: What would be refused, by tenant, namespace, kind and name.
    """

    stack: str
    tier: str
    context: str
    policies: tuple[str, ...]
    looked_at: int
    refused: tuple[WouldBeRefused, ...]


@dataclass(frozen=True)
class Judged:
    """How many objects were judged, and what would be refused of them."""

    looked_at: int
    refused: tuple[WouldBeRefused, ...]


def judge_existing(
    existing: Existing, blueprint: Blueprint, evaluation: PolicyEvaluation, tenants: frozenset[str] | None = None
) -> Judged:
    """Judge every object that somebody would send again.

    Args:
        existing: What is on the cluster.
        blueprint: Which tenants there are, and what Kueue manages.
        evaluation: The policies.
        tenants: Only what is these tenants'; None: everything, what is nobody's included.

    Raises:
        CommandFailedError: The policies could not be evaluated.
    """
    asked = [one for one in existing.objects if tenants is None or sender_of(one, blueprint).tenant in tenants]
    sent = [(one, sender_of(one, blueprint)) for one in sent_by_somebody(asked)]
    managed = _managed(existing.namespaces, blueprint)
    refused = [
        found
        for identity, several in _by_identity(sent).items()
        for batch in _batches(several)
        for found in _refused(identity, batch, managed, evaluation)
    ]
    return Judged(len(sent), tuple(sorted(refused)))


def _managed(namespaces: Mapping[str, Mapping[str, str]], blueprint: Blueprint) -> frozenset[str]:
    wanted = blueprint.quota.managed_namespace_labels.items()
    return frozenset(name for name, labels in namespaces.items() if wanted <= labels.items())


def _by_identity(asked: Sequence[tuple[Manifest, Sender]]) -> Mapping[Identity, list[tuple[Manifest, Sender]]]:
    found: dict[Identity, list[tuple[Manifest, Sender]]] = defaultdict(list)
    for one, sender in asked:
        found[sender.identity].append((one, sender))
    return found


def _batches(several: Sequence[tuple[Manifest, Sender]]) -> Iterator[Sequence[tuple[Manifest, Sender]]]:
    for start in range(0, len(several), AT_ONCE):
        yield several[start : start + AT_ONCE]


def _refused(
    identity: Identity,
    batch: Sequence[tuple[Manifest, Sender]],
    managed: frozenset[str],
    evaluation: PolicyEvaluation,
) -> Iterator[WouldBeRefused]:
    by_name = {f"existing-{index}": item for index, item in enumerate(batch)}
    objects: list[dict[str, Any]] = [as_kueue_leaves(as_sent(one, name), managed) for name, (one, _) in by_name.items()]
    for objection in evaluation.objections(identity, objects):
        one, sender = by_name[objection.name]
        yield WouldBeRefused(
            tenant=sender.tenant,
            namespace=str(one["metadata"].get("namespace", "")),
            kind=str(one["kind"]),
            name=str(one["metadata"]["name"]),
            policy=objection.policy,
            message=objection.message,
            identity=str(identity),
        )
