"""Admission policies: what they refuse stays refused, and nothing is excused from them."""

from collections.abc import Iterator

from infra.blueprint.names import POLICY_PREFIX
from infra.config.trust import ControlId
from infra.guard.model import Guard, GuardedResource
from infra.guard.rule import ResourceRule
from infra.values import differing, listed, mapping

KYVERNO_GROUPS = ("kyverno.io", "policies.kyverno.io")
API_SERVER_GROUP = "admissionregistration.k8s.io"
GENERATED_PREFIX = f"vpol-{POLICY_PREFIX}"
"""What Kyverno calls the API server's copies of the platform's policies."""
VALIDATING_POLICY = "ValidatingPolicy"
REFUSING_KINDS = frozenset({"ImageValidatingPolicy", VALIDATING_POLICY})
"""Kyverno's kinds that refuse and do nothing else; one more of them lets nothing more pass."""
ADMISSION_CONTROLS = (ControlId.SR2, ControlId.NS3, ControlId.HW2, ControlId.HW3)
CONTROL_OF_POLICY = {"gpu": ControlId.SR2, "ns3": ControlId.NS3, "hw2": ControlId.HW2, "hw3": ControlId.HW3}
"""The first word of a policy's name after the prefix → the control that it acts for."""


def _is_the_platforms(resource: GuardedResource) -> bool:
    return resource.object_name.startswith((POLICY_PREFIX, GENERATED_PREFIX))


def _policies_stay_as_they_are(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    """Kyverno's policies and the API server's own copies, by name: they have no namespace."""
    if resource.group not in (*KYVERNO_GROUPS, API_SERVER_GROUP) or not _is_the_platforms(resource):
        return
    if resource.by_hand:
        yield (
            "it takes the place of one of the platform's admission policies, or changes it, so that it no longer"
            f" refuses what it did. Write: another name, without {POLICY_PREFIX}; bulkhead:trust.admission sets what"
            " the platform's do"
        )
        return
    control = CONTROL_OF_POLICY.get(resource.object_name.removeprefix(POLICY_PREFIX).partition("-")[0])
    if control not in guard.in_force:
        return
    if wrong := _relaxed(resource):
        yield f"{wrong}. Write: no transformation of it; a control that is in force refuses"
    elif changed := _changed(resource, guard):
        yield (
            f"its {', '.join(changed)} is not what the platform writes, so that it may refuse less. Write: no"
            " transformation of it; bulkhead:trust.admission sets what it does"
        )


def _changed(resource: GuardedResource, guard: Guard) -> list[str]:
    """Under which keys a policy says anything else than the one that the platform makes of the stack file."""
    wanted = guard.admission_policies.get(resource.object_name)
    return [] if wanted is None or resource.kind != VALIDATING_POLICY else differing(resource.spec, wanted)


def _relaxed(resource: GuardedResource) -> str:
    """How a policy of the platform's own refuses less than it should; empty where it does not."""
    spec = resource.spec
    if list(listed(spec.get("validationActions"))) != ["Deny"]:
        return "it reports what it should refuse"
    if spec.get("failurePolicy") != "Fail":
        return "it lets pass what it cannot judge"
    if not spec.get("validations") or not mapping(spec.get("matchConstraints")).get("resourceRules"):
        return "it looks at nothing, or refuses nothing"
    if spec.get("matchConditions"):
        return "its conditions leave requests out that it should judge"
    generated = mapping(mapping(spec.get("autogen")).get("validatingAdmissionPolicy"))
    if generated.get("enabled") is not True:
        return "the API server keeps no copy of it, so that it hangs on Kyverno's answer"
    return ""


def _nothing_is_excused(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    del guard
    if not resource.by_hand or resource.group not in KYVERNO_GROUPS or _is_the_platforms(resource):
        return
    if resource.kind not in REFUSING_KINDS:
        yield (
            f"a {resource.kind} of Kyverno's excuses requests from policies, or changes, makes or deletes objects with"
            " Kyverno's own rights. Write: a ValidatingPolicy of your own, which can only refuse more"
        )


RULES = (
    ResourceRule(
        "policies-stay-as-they-are",
        ADMISSION_CONTROLS,
        "The platform's admission policies say what the platform writes; nothing touches the API server's copies.",
        _policies_stay_as_they_are,
    ),
    ResourceRule(
        "nothing-is-excused-from-policies",
        ADMISSION_CONTROLS,
        "No exception and no mutating, generating or deleting policy of Kyverno's stands beside the platform's.",
        _nothing_is_excused,
    ),
)
