"""What a blueprint's roles grant, without a cluster."""

from collections.abc import Iterator, Sequence

from infra.audit.access import AccessList, access_observations, questions
from infra.audit.identity import Identity, identity_of
from infra.audit.results import Observation
from infra.audit.scene import Scene
from infra.blueprint.access import AccessRulePart, SubjectPart
from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId

Grant = tuple[Identity, str, tuple[AccessRulePart, ...]]
"""Whom the stack binds to which rules in which namespace."""


class Roles:
    """The bindings that a stack makes; what the cluster binds beyond them is not known here."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._grants = list(grants_of(blueprint))

    def may(self, identity: Identity, verb: str, resource: str, group: str, namespace: str | None) -> bool:
        """Whether any binding of the stack grants `verb` on `resource` (with its subresource) to `identity`."""
        return any(
            (bound.user, bound.groups) == (identity.user, identity.groups) and place == namespace
            for bound, place, rules in self._grants
            if any(group in rule.api_groups and resource in rule.resources and verb in rule.verbs for rule in rules)
        )


def access_offline(
    blueprint: Blueprint, access: AccessList, scenes: Sequence[Scene], claimed: frozenset[ControlId]
) -> tuple[Observation, ...]:
    """What the API server's reviews would say, if nothing but this stack bound anybody."""
    roles = Roles(blueprint)
    asked = questions(access, scenes)
    answers = [
        roles.may(one.identity, one.right.verb, one.right.resource, one.right.entry.group, one.right.namespace)
        for one in asked
    ]
    return access_observations(asked, answers, claimed)


def grants_of(blueprint: Blueprint) -> Iterator[Grant]:
    """Whom the stack binds to which rules, each subject by itself."""
    for space in blueprint.tenant_spaces:
        if space.access is not None:
            yield from _bound(space.access.subjects, space.namespace.name, space.access.rules)
    shared = blueprint.shared_access
    if shared is not None:
        for _, subjects in shared.subjects:
            yield from _bound(subjects, shared.namespace, shared.rules)


def _bound(subjects: Sequence[SubjectPart], namespace: str, rules: tuple[AccessRulePart, ...]) -> Iterator[Grant]:
    for subject in subjects:
        yield identity_of(subject), namespace, rules
