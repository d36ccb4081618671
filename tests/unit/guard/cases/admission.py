"""Cases of the rules over admission policies."""

from typing import Any

from infra.guard import GuardedResource
from tests.unit.guard.cases import Cases
from tests.unit.guard.stack import POLICIES, everything, thing

ADMISSION_PATH = "bulkhead:admission:GpuAdmission$"
NAME = "bulkhead-gpu-pods"
SOUND: dict[str, Any] = dict(everything().admission_policies[NAME])
CONSTRAINTS: dict[str, Any] = SOUND["matchConstraints"]
EXCUSED = {"matchLabels": {**CONSTRAINTS["namespaceSelector"]["matchLabels"], "team": "web"}}
NEEDED = ("autogen", "failurePolicy", "matchConstraints", "validationActions", "validations", "variables")


def policy(*, without: str = "", **changes: Any) -> GuardedResource:
    """One of the platform's own, with some of its settings changed or one left out."""
    spec = {key: value for key, value in {**SOUND, **changes}.items() if key != without}
    return thing(f"{POLICIES}:ValidatingPolicy", NAME, by=ADMISSION_PATH, spec=spec)


BINDING = "admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding"
CASES = {
    "policies-stay-as-they-are": Cases(
        passing=(
            policy(),
            thing(f"{POLICIES}:ValidatingPolicy", "web-images", spec={"validationActions": ["Audit"]}),
            thing(BINDING, "web-images", spec={"validationActions": ["Audit"]}),
        ),
        refused=(
            policy(validationActions=["Audit"]),
            policy(validationActions=["Audit", "Deny"]),
            policy(failurePolicy="Ignore"),
            policy(matchConditions=[{"name": "never", "expression": "false"}]),
            policy(validations=[]),
            policy(validations=SOUND["validations"][1:]),
            policy(validations=[{"expression": "true"}]),
            policy(variables=[{"name": "gpu", "expression": "false"}]),
            policy(matchConstraints={"resourceRules": CONSTRAINTS["resourceRules"]}),
            policy(matchConstraints={**CONSTRAINTS, "namespaceSelector": EXCUSED}),
            policy(matchConstraints={**CONSTRAINTS, "resourceRules": [{"resources": ["pods"]}]}),
            policy(matchConstraints={**CONSTRAINTS, "excludeResourceRules": [{"resources": ["pods"]}]}),
            policy(autogen={"validatingAdmissionPolicy": {"enabled": False}}),
            thing(f"{POLICIES}:ValidatingPolicy", NAME, spec=SOUND),
            thing(f"{POLICIES}:ValidatingPolicyPatch", NAME, spec={"validationActions": ["Audit"]}),
            thing("admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyPatch", f"vpol-{NAME}", spec={}),
            thing(f"{BINDING}Patch", f"vpol-{NAME}-binding", spec={"validationActions": ["Audit"]}),
        ),
        silent=(thing(f"{POLICIES}:ValidatingPolicy", "web"),),
        lacking=tuple(policy(without=key) for key in NEEDED),
    ),
    "nothing-is-excused-from-policies": Cases(
        passing=(
            thing(f"{POLICIES}:ValidatingPolicy", "web-images", spec={}),
            thing(f"{POLICIES}:ImageValidatingPolicy", "web-images", spec={}),
        ),
        refused=(
            thing(f"{POLICIES}:PolicyException", "web", "web", spec={"policyRefs": [{"name": NAME}]}),
            thing("kyverno.io/v2:PolicyException", "web", "web", spec={"exceptions": [{"policyName": NAME}]}),
            thing(f"{POLICIES}:MutatingPolicy", "web", spec={}),
            thing(f"{POLICIES}:GeneratingPolicy", "web", spec={}),
            thing(f"{POLICIES}:DeletingPolicy", "web", spec={}),
            thing("kyverno.io/v1:ClusterPolicy", "web", spec={}),
            thing("kyverno.io/v1:Policy", "web", "web", spec={}),
        ),
        lacking=(thing("kyverno.io/v2:PolicyException", "web", "web"),),
        silent=(thing("example.com/v1:PolicyException", "web", "web"),),
    ),
}
