"""Whether the rules see what a stack makes, and whether what the posture claims is there."""

from collections.abc import Iterable, Iterator

from infra.config.trust import ControlId
from infra.guard.model import Guard, GuardedResource
from infra.guard.rule import ResourceRule, StackRule
from infra.values import listed

RELEASE = "kubernetes:helm.sh/v3:Release"
OBJECT_KINDS = frozenset(
    {
        "ClusterQueue",
        "LimitRange",
        "LocalQueue",
        "Namespace",
        "NetworkPolicy",
        "ResourceFlavor",
        "ResourceQuota",
        "Role",
        "RoleBinding",
        "Service",
        "ServiceAccount",
        "ValidatingPolicy",
    }
)
"""Kinds of the cluster by which a posture says what realises a control; what else it names stands inside others."""

NAMED_CONTROLS = (
    ControlId.AC3,
    ControlId.SR1,
    ControlId.SR2,
    ControlId.NS1,
    ControlId.NS2,
    ControlId.NS3,
    ControlId.NS4,
    ControlId.KV2,
    ControlId.HW1,
    ControlId.HW2,
    ControlId.HW3,
)
"""Those that a posture realises by such objects; the others' means stand inside the gateway's and the engines'."""


def _nothing_is_unseen(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    del guard
    if not resource.by_hand:
        return
    if resource.type == RELEASE:
        yield (
            "a Release is one resource whatever its chart holds, so that no rule sees what it makes. Write:"
            " kubernetes.helm.v4.Chart, whose objects are resources of the stack"
        )
    elif resource.is_kubernetes_object and resource.kind.endswith("List") and listed(resource.properties.get("items")):
        yield "rules look at objects one by one. Write: each of them as a resource of its own"


def _what_controls_rest_on_is_there(resources: Iterable[GuardedResource], guard: Guard) -> Iterator[str]:
    """A transformation, a condition or a target may leave out what the posture says."""
    there = {
        "/".join(filter(None, (one.kind, one.namespace, one.object_name)))
        for one in resources
        if one.is_kubernetes_object and not one.is_patch
    }
    for control, wanted in guard.objects.items():
        for name in wanted:
            if control in guard.in_force and name.partition("/")[0] in OBJECT_KINDS and name not in there:
                yield f"{name} is not among its resources, and {control} rests on it. Write: leave it in the program"


RULES = (ResourceRule("nothing-is-unseen", (), "Objects are resources of the stack, one by one.", _nothing_is_unseen),)
STACK_RULES = (
    StackRule(
        "what-controls-rest-on-is-there",
        NAMED_CONTROLS,
        "What the posture names for a control in force is among the stack's resources.",
        _what_controls_rest_on_is_there,
    ),
)
