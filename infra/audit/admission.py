"""The first probe: the corpus, sent to the API server as dry runs by those who would send it."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from infra.audit.cluster import Answer, Cluster, Kind
from infra.audit.corpus import Acting, Case, Corpus, MissingPlaceholderError, Operation, Prop, rendered
from infra.audit.door import open_door
from infra.audit.identity import ADMINISTRATOR, Identity
from infra.audit.judgement import Seen, judged
from infra.audit.leftovers import Leftovers
from infra.audit.mechanism import Mechanism, refusal_of
from infra.audit.parallel import at_once
from infra.audit.results import Observation, Outcome, Probe
from infra.audit.scene import Scene, why_absent
from infra.config.trust import ControlId

DRY_RUN = {"dryRun": "All", "fieldValidation": "Strict", "fieldManager": "bulkhead-audit"}

OUTAGE_SECONDS = 60.0
"""How long an audit waits, in all, for admission webhooks that do not answer."""
_PAUSE_SECONDS = 2.0
_POLICY_WARNING = "failed for ValidatingAdmissionPolicy"
"""In the warning of a policy that only audits (Kubernetes' documentation on validation actions)."""

_METHODS = {Operation.CREATE: "POST", Operation.UPDATE: "PATCH", Operation.DELETE: "DELETE"}


@dataclass(frozen=True)
class PropInstance:
    """A prop that stands for one tenant, or why it does not."""

    kind: Kind | None
    namespace: str | None
    name: str
    missing: str = ""


Props = Mapping[tuple[str, str], PropInstance]
"""(tenant, prop's id) → the object."""


@dataclass(frozen=True)
class Request:
    """A request as it goes out, apart from who makes it; always a dry run."""

    method: str
    path: str
    body: Mapping[str, Any] | None
    options: Mapping[str, str] = field(default_factory=dict[str, str])


def probe_admission(
    cluster: Cluster, corpus: Corpus, scenes: Sequence[Scene], claimed: frozenset[ControlId], leftovers: Leftovers
) -> tuple[Observation, ...]:
    """Play every case in every scene.

    Raises:
        CommandFailedError: The API server cannot be reached.
    """
    door = open_door(leftovers)
    props = _stand_props(cluster, corpus, scenes, leftovers)
    stage = _Stage(cluster, corpus, props, door, _Patience(OUTAGE_SECONDS))
    pairs = [(case, scene) for scene in scenes for case in corpus.cases]
    answers = at_once(lambda pair: stage.play(*pair), pairs)
    found = [observation_of(case, scene, seen, claimed) for (case, scene), seen in zip(pairs, answers, strict=True)]
    return tuple(with_twins(found, corpus))


def with_twins(found: Sequence[Observation], corpus: Corpus) -> Iterable[Observation]:
    """The observations, where a refused attack proves nothing when its legitimate twin was refused as well."""
    outcomes = {(one.tenant, one.identity, one.case): one.outcome for one in found}
    by_tenant = {(one.tenant, one.case): one.outcome for one in found}
    for one in found:
        twin = corpus.case(one.case).positive if one.attack else None
        if one.outcome is Outcome.HOLDS and twin is not None:
            outcome = outcomes.get((one.tenant, one.identity, twin)) or by_tenant[one.tenant, twin]
            if outcome is not Outcome.HOLDS:
                yield replace(one, outcome=Outcome.UNPROVEN, seen=f"{one.seen}; but its twin {twin} is {outcome}, too")
                continue
        yield one


class _Patience:
    """Time to wait for webhooks that do not answer, as while their controller restarts: so much in one run."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end: float | None = None

    def wait(self) -> bool:
        """Wait a little; False when all time is used up."""
        now = time.monotonic()
        self._end = self._end or now + self._seconds
        if now > self._end:
            return False
        time.sleep(_PAUSE_SECONDS)
        return True


@dataclass(frozen=True)
class _Stage:
    """Where cases are played."""

    cluster: Cluster
    corpus: Corpus
    props: Props
    door: str
    patience: "_Patience"

    def play(self, case: Case, scene: Scene) -> Seen:
        """Make the case's request, and once more with the rights to make it where only the role has answered."""
        try:
            identity = scene.identity_for(case.acting)
            request = self._request(case, scene)
        except MissingPlaceholderError as error:
            return Seen(not_played=why_absent(error.name))
        except LookupError as error:
            return Seen(not_played=str(error.args[0]))
        seen = replace(self._seen(request, identity), declared=scene.declared)
        if identity is None or not _is_worth_repeating(case, seen):
            return seen
        # Legitimate work of a tenant for whom nobody may act yet is that of the group whom no policy and no role stops.
        again = identity.with_group(self.door) if case.is_attack else ADMINISTRATOR
        return replace(seen, behind_the_role=self._seen(request, again))

    def _seen(self, request: Request, identity: Identity | None) -> Seen:
        def ask() -> Answer:
            query = {**request.options, **DRY_RUN}
            return self.cluster.call(request.method, request.path, request.body, query=query, identity=identity)

        seen = _seen(ask())
        while seen.refusal is not None and seen.refusal.mechanism is Mechanism.OUTAGE and self.patience.wait():
            seen = _seen(ask())
        return seen

    def _request(self, case: Case, scene: Scene) -> Request:
        """What the case asks for.

        Raises:
            MissingPlaceholderError: The platform lacks something that the case names.
            LookupError: The cluster lacks its kind, or its prop does not stand; says which.
        """
        body = cast("dict[str, Any] | None", rendered(self.corpus.manifest(case), scene.values) or None)
        method = _METHODS[case.operation]
        if case.target is not None:
            prop = self.props[scene.tenant, case.target]
            if prop.kind is None or prop.missing:
                raise LookupError(prop.missing or f"the cluster has no such kind as {case.target}'s")
            path = prop.kind.path(prop.namespace, prop.name, case.subresource)
            if case.operation is Operation.DELETE:
                # In the query, beside the word that it is a dry run: of a deletion with a body nobody reads that.
                return Request(method, path, None, {name: str(value) for name, value in (body or {}).items()})
            return Request(method, path, body)
        manifest = body or {}
        kind = self.cluster.kind(str(manifest["apiVersion"]), str(manifest["kind"]))
        if kind is None:
            raise LookupError(f"the cluster has no kind {manifest['kind']}")
        metadata = {"name": f"audit-{case.id}", **manifest["metadata"]}
        return Request(method, kind.path(metadata.get("namespace")), {**manifest, "metadata": metadata})


def _seen(answer: Answer) -> Seen:
    if answer.accepted:
        return Seen(warning=" ".join(text for text in answer.warnings if _POLICY_WARNING in text))
    return Seen(refusal_of(answer.status, answer.document))


def _is_worth_repeating(case: Case, seen: Seen) -> bool:
    """Whether the role answered in place of what the case is about."""
    if seen.refusal is None or case.acting not in {Acting.TENANT, Acting.OTHER_TENANT}:
        return False
    if case.is_attack:
        return seen.refusal.mechanism is Mechanism.ROLE and Mechanism.ROLE not in case.by
    return not seen.declared


def observation_of(case: Case, scene: Scene, seen: Seen, claimed: frozenset[ControlId]) -> Observation:
    """One case's answer with what it says."""
    acting = scene.identity_for(case.acting) if case.acting is not Acting.OTHER_TENANT else scene.other
    return Observation(
        probe=Probe.ADMISSION,
        case=case.id,
        control=case.control,
        attack=case.is_attack,
        tenant=scene.tenant,
        identity=str(acting) if acting else "an administrator",
        about=case.about,
        outcome=judged(case, seen, claimed),
        seen=seen.words,
        source=case.source,
    )


def _stand_props(cluster: Cluster, corpus: Corpus, scenes: Sequence[Scene], leftovers: Leftovers) -> Props:
    """Make every tenant's props; those of one tenant serve all its subjects."""
    tenants = {scene.tenant: scene for scene in scenes}
    wanted = [(scene, prop, index) for index, scene in enumerate(tenants.values()) for prop in corpus.props]

    def stand(item: tuple[Scene, Prop, int]) -> PropInstance:
        scene, prop, index = item
        try:
            manifest = cast("dict[str, Any]", rendered(prop.manifest, scene.values))
        except MissingPlaceholderError as error:
            return PropInstance(None, None, "", why_absent(error.name))
        name = f"bulkhead-audit-{leftovers.run}-{index}-{prop.id}"
        metadata = {"name": name, **manifest["metadata"]}
        instance = PropInstance(
            cluster.kind(manifest["apiVersion"], manifest["kind"]), metadata.get("namespace"), metadata["name"]
        )
        if prop.exists or instance.kind is None:
            return instance
        answer = leftovers.make({**manifest, "metadata": metadata})
        return replace(instance, missing="" if answer.accepted else _cannot_stand(prop, answer))

    instances = at_once(stand, wanted)
    return {(scene.tenant, prop.id): instance for (scene, prop, _), instance in zip(wanted, instances, strict=True)}


def _cannot_stand(prop: Prop, answer: Answer) -> str:
    return f"{prop.id} cannot be made, even by an administrator ({answer.document.get('message', answer.status)})"
