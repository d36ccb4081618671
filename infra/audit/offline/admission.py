"""The corpus without a cluster: roles from the blueprint, policies by Kyverno's command line.

What the API server decides by itself, as Pod Security and quotas, and changes of what stands already, which the command
line does not play, are left to a cluster and said to be.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from infra.audit.admission import observation_of, with_twins
from infra.audit.corpus import Acting, Case, Corpus, MissingPlaceholderError, Operation, rendered
from infra.audit.identity import ADMINISTRATOR, Identity
from infra.audit.judgement import Seen
from infra.audit.mechanism import Mechanism, Refusal
from infra.audit.offline.access import Roles
from infra.audit.offline.kueue import as_kueue_leaves
from infra.audit.offline.policies import PolicyCommand, plural_of
from infra.audit.results import Observation
from infra.audit.scene import Scene, why_absent
from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId

CLUSTER_ONLY = "only a cluster can tell"
_VERBS = {Operation.CREATE: "create", Operation.UPDATE: "patch", Operation.DELETE: "delete"}


def admission_offline(
    blueprint: Blueprint,
    corpus: Corpus,
    scenes: Sequence[Scene],
    claimed: frozenset[ControlId],
    policies: PolicyCommand,
) -> tuple[Observation, ...]:
    """What an API server would say to every case, as far as that can be told without one.

    Raises:
        CommandFailedError: Kyverno's command line did not run.
    """
    found: list[Observation] = []
    for scene in scenes:
        seen = _Offline(blueprint, corpus, scene, policies).play_all()
        found += [observation_of(case, scene, seen[case.id], claimed) for case in corpus.cases]
    return tuple(with_twins(found, corpus))


class _Offline:
    """One scene."""

    def __init__(self, blueprint: Blueprint, corpus: Corpus, scene: Scene, policies: PolicyCommand) -> None:
        self._corpus = corpus
        self._scene = scene
        self._policies = policies
        self._roles = Roles(blueprint)
        self._managed = frozenset({*_managed(blueprint)})

    def play_all(self) -> dict[str, Seen]:
        """Case's id → how it would be answered."""
        prepared = {case.id: self._prepared(case) for case in self._corpus.cases}
        denied = self._denied(prepared)
        return {case.id: self._seen(case, prepared[case.id], denied) for case in self._corpus.cases}

    def _prepared(self, case: Case) -> "dict[str, Any] | str":
        """The object as policies would see it, or why the case cannot be played."""
        try:
            self._scene.identity_for(case.acting)
            if case.target is not None:
                prop = self._corpus.prop(case.target)
                return cast("dict[str, Any]", rendered(prop.manifest, self._scene.values))
            manifest = cast("dict[str, Any]", rendered(self._corpus.manifest(case), self._scene.values))
        except MissingPlaceholderError as error:
            return why_absent(error.name)
        named = {**manifest, "metadata": {"name": f"audit-{case.id}", **manifest["metadata"]}}
        return as_kueue_leaves(named, self._managed)

    def _denied(self, prepared: Mapping[str, "dict[str, Any] | str"]) -> dict[tuple[Identity, str], str]:
        """(Who, object's name) → the policy's words; one evaluation for each identity."""
        objects: dict[Identity, list[dict[str, Any]]] = defaultdict(list)
        for case in self._corpus.cases:
            made = prepared[case.id]
            if not isinstance(made, str) and _is_told_offline(case):
                objects[self._asking(case)].append(made)
        return {
            (identity, name): words
            for identity, manifests in objects.items()
            for name, words in self._policies.denials(identity, manifests).items()
        }

    def _identity(self, acting: Acting) -> Identity:
        return self._scene.identity_for(acting) or ADMINISTRATOR

    def _asking(self, case: Case) -> Identity:
        """Whom policies see: work of a tenant for whom nobody acts is an administrator's, as on a cluster."""
        if case.acting is Acting.TENANT and not case.is_attack and not self._scene.declared:
            return ADMINISTRATOR
        return self._identity(case.acting)

    def _seen(self, case: Case, prepared: "dict[str, Any] | str", denied: Mapping[tuple[Identity, str], str]) -> Seen:
        if isinstance(prepared, str):
            return Seen(not_played=prepared)
        role = self._refused_by_role(case, prepared)
        if role is not None and Mechanism.ROLE in case.by:
            return Seen(role)
        if not _is_told_offline(case):
            return Seen(not_played=f"{CLUSTER_ONLY}: {_why_untold(case)}")
        words = denied.get((self._asking(case), str(prepared["metadata"]["name"])))
        behind = Seen(Refusal(Mechanism.POLICY, words) if words else None)
        return replace(behind, declared=self._scene.declared)

    def _refused_by_role(self, case: Case, manifest: Mapping[str, Any]) -> Refusal | None:
        """Whether the role refuses the case; administrators and controllers are taken to have their rights."""
        if case.acting not in {Acting.TENANT, Acting.OTHER_TENANT, Acting.WORKLOAD}:
            return None
        plural = plural_of(str(manifest["kind"]))
        resource = f"{plural}/{case.subresource}" if case.subresource else plural
        group = str(manifest["apiVersion"]).rpartition("/")[0]
        verb = "create" if case.subresource in {"token", "binding"} else _VERBS[case.operation]
        namespace = manifest["metadata"].get("namespace")
        if self._roles.may(self._identity(case.acting), verb, resource, group, namespace):
            return None
        return Refusal(Mechanism.ROLE, f"no role grants {verb} on {resource}")


def _is_new(case: Case) -> bool:
    return case.target is None and case.operation is Operation.CREATE


def _is_told_offline(case: Case) -> bool:
    """Whether policies decide the case, of a new object: the rest is the API server's own."""
    return _is_new(case) and (not case.is_attack or Mechanism.POLICY in case.by)


def _why_untold(case: Case) -> str:
    if not _is_new(case):
        return "it changes what stands already"
    return f"it is the API server's own to refuse ({', '.join(sorted(case.by))})"


def _managed(blueprint: Blueprint) -> Sequence[str]:
    wanted = blueprint.quota.managed_namespace_labels.items()
    parts = (*blueprint.namespaces, *(space.namespace for space in blueprint.tenant_spaces))
    return [part.name for part in parts if wanted <= part.labels.items()]


def namespace_labels(blueprint: Blueprint) -> dict[str, dict[str, str]]:
    """Name of a namespace → the labels that it will have, with Kubernetes' own."""
    own = "kubernetes.io/metadata.name"
    found = {name: {own: name} for name in ("default", "kube-system")}
    for part in blueprint.namespaces:
        found[part.name] = {own: part.name, **part.labels}
    for space in blueprint.tenant_spaces:
        part = space.namespace
        found[part.name] = {own: part.name, **part.labels, "bulkhead.dev/tenant": space.tenant}
    return found
