"""The third probe: what each tenant's identity may do, by the API server's own review calls.

The identity is reviewed, not used: nothing is asked of the cluster in its name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import yaml

from infra.audit.cluster import Cluster
from infra.audit.corpus.case import Part
from infra.audit.errors import impossible
from infra.audit.identity import Identity, service_account
from infra.audit.parallel import at_once
from infra.audit.results import Observation, Outcome, Probe
from infra.audit.scene import Scene
from infra.blueprint import names
from infra.config.trust import ControlId

_LIST = Path(__file__).parent / "access_list.yaml"
_SOURCE = "Kubernetes' multi-tenancy benchmarks and RBAC good practices"
_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class Where(StrEnum):
    """The namespace that a right is about."""

    OWN = "own"
    OTHER = "other"
    GATEWAY = "gateway"
    ENGINES = "engines"
    KUEUE = "kueue"
    SYSTEM = "system"


class Entry(Part):
    """Rights that are alike: every verb on every resource."""

    control: ControlId
    """The control that answers for it."""
    why: str = ""
    """For a denied right: what it would lead to."""
    verbs: tuple[str, ...]
    """Verbs of the API."""
    group: str = ""
    """The API group; empty: Kubernetes' core."""
    resources: tuple[str, ...]
    """Resources in the plural, with a subresource after a slash."""
    namespace: Where | None = None
    """Where; None: in the whole cluster."""


class AccessList(Part):
    """What a tenant's identity may do, and what it may not."""

    allowed: tuple[Entry, ...]
    """What its work needs."""
    denied: tuple[Entry, ...]
    """What would lift a control."""


@cache
def load_access_list() -> AccessList:
    """The list that is part of the project."""
    return AccessList.model_validate(yaml.safe_load(_LIST.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Right:
    """One verb on one resource.

    Attributes:
        namespace: Where; None: in the whole cluster.
        place: The same in words.
    """

    entry: Entry
    allowed: bool
    verb: str
    resource: str
    namespace: str | None
    place: str

    @property
    def name(self) -> str:
        """The right in words that are the same in every stack: the case's id."""
        group = f".{self.entry.group}" if self.entry.group else ""
        return f"{self.verb} {self.resource}{group} {self.place}"


@dataclass(frozen=True)
class Question:
    """Whether an identity has a right."""

    scene: Scene
    identity: Identity
    right: Right


def probe_access(
    cluster: Cluster, access: AccessList, scenes: Sequence[Scene], claimed: frozenset[ControlId]
) -> tuple[Observation, ...]:
    """Review every right of every identity that the stack file declares, and of every tenant's pods.

    Raises:
        CommandFailedError: The API server cannot be reached, or does not let the auditor review.
    """
    asked = questions(access, scenes)
    answers = at_once(lambda question: _may(cluster, question.identity, question.right), asked)
    return access_observations(asked, answers, claimed)


def questions(access: AccessList, scenes: Sequence[Scene]) -> list[Question]:
    """Everything to ask; the pods of a tenant with several subjects are asked about once."""
    pods = {scene.tenant: scene for scene in scenes}
    return [
        *(
            Question(scene, scene.identity, right)
            for scene in scenes
            for right in rights(access, scene, to_work=scene.declared)
        ),
        *(
            Question(scene, service_account(scene.namespace, "default"), right)
            for scene in pods.values()
            for right in rights(access, scene, to_work=False)
        ),
    ]


def access_observations(
    asked: Sequence[Question], answers: Sequence[bool], claimed: frozenset[ControlId]
) -> tuple[Observation, ...]:
    """What the answers say."""
    return tuple(
        _observation(question.scene, question.identity, question.right, may=may, claimed=claimed)
        for question, may in zip(asked, answers, strict=True)
    )


def rights(access: AccessList, scene: Scene, *, to_work: bool) -> Iterator[Right]:
    """Every right to ask about in a scene.

    Args:
        access: The list.
        scene: Whose.
        to_work: Whether the identity has to be able to work, so that what is allowed is asked about as well.
    """
    places = _places(scene)
    listed = [(entry, True) for entry in access.allowed if to_work] + [(entry, False) for entry in access.denied]
    for entry, allowed in listed:
        if entry.namespace is not None and entry.namespace not in places:
            continue
        namespace = places[entry.namespace] if entry.namespace else None
        place = f"in {entry.namespace}" if entry.namespace else "everywhere"
        for verb in entry.verbs:
            for resource in entry.resources:
                yield Right(entry, allowed, verb, resource, namespace, place)


def _places(scene: Scene) -> Mapping[Where, str]:
    places = {
        Where.OWN: scene.namespace,
        Where.GATEWAY: scene.values["gateway_namespace"],
        Where.ENGINES: scene.values["engines_namespace"],
        Where.KUEUE: names.KUEUE_NAMESPACE,
        Where.SYSTEM: "kube-system",
    }
    other = scene.values.get("other_namespace")
    return places | ({Where.OTHER: other} if other else {})


def _may(cluster: Cluster, identity: Identity, right: Right) -> bool:
    resource, _, subresource = right.resource.partition("/")
    attributes = {
        "verb": right.verb,
        "group": right.entry.group,
        "resource": resource,
        "subresource": subresource,
        "namespace": right.namespace or "",
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": identity.user, "groups": list(identity.groups), "resourceAttributes": attributes},
    }
    answer = cluster.call("POST", _REVIEWS, review)
    if not answer.accepted:
        raise impossible(
            f"the cluster does not let you review access ({answer.document.get('message', answer.status)})",
            "run the audit as an administrator of the cluster",
        )
    return bool(answer.document["status"]["allowed"])


def _observation(
    scene: Scene, identity: Identity, right: Right, *, may: bool, claimed: frozenset[ControlId]
) -> Observation:
    control = right.entry.control
    outcome = Outcome.HOLDS if may is right.allowed else Outcome.FAILS
    why = f", which {right.entry.why}" if right.entry.why else ""
    return Observation(
        probe=Probe.ACCESS,
        case=right.name,
        control=control,
        attack=not right.allowed,
        tenant=scene.tenant,
        identity=str(identity),
        about=f"{right.name}{why}",
        outcome=outcome if control in claimed else Outcome.NOT_CLAIMED,
        seen="allowed" if may else "denied",
        source=_SOURCE,
    )
