"""How a Kyverno `ValidatingPolicy` is put together: rules, what a policy looks at, and what its rules share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.admission import pods
from components.admission.cel import text
from infra.blueprint.admission import AdmissionAction

API_VERSION = "policies.kyverno.io/v1"
KIND = "ValidatingPolicy"

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """One validation: `holds` in CEL, and what is told to whoever breaks it (text, or CEL that makes it)."""

    holds: str
    message: str
    message_expression: str | None = None
    control: str = "SR2"


@dataclass(frozen=True)
class Scope:
    """What a policy looks at: a namespace selector, resources, operations, and the variables that its rules share."""

    namespaces: Mapping[str, Any]
    resources: tuple[Mapping[str, Any], ...]
    variables: tuple[tuple[str, str], ...] = ()
    operations: tuple[str, ...] = ("CREATE", "UPDATE")


POD_RULES = ({"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods", "pods/ephemeralcontainers"]},)
OWNER_RULES = (
    {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["replicationcontrollers"]},
    {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "resources": ["deployments", "statefulsets", "replicasets", "daemonsets"],
    },
    {"apiGroups": ["batch"], "apiVersions": ["v1"], "resources": ["jobs", "cronjobs"]},
    {"apiGroups": ["jobset.x-k8s.io"], "apiVersions": ["*"], "resources": ["jobsets"]},
    {"apiGroups": ["leaderworkerset.x-k8s.io"], "apiVersions": ["*"], "resources": ["leaderworkersets"]},
    {"apiGroups": ["ray.io"], "apiVersions": ["*"], "resources": ["rayclusters", "rayjobs", "rayservices"]},
)

SEEN = (
    ("created", "request.operation == 'CREATE'"),
    ("pods", pods.templates("object")),
    # What only touches metadata or status passes: an object from before the policy must still lose its finalizers.
    ("changed", "variables.created || object.?spec != oldObject.?spec"),
    ("gpuPods", f"variables.pods.filter(p, {pods.wants_gpu('p')})"),
    ("gpu", "variables.gpuPods.size() > 0"),
    ("idlePods", f"variables.pods.filter(p, !({pods.gets_gpu('p')}))"),
)


def policy(name: str, action: AdmissionAction, scope: Scope, rules: tuple[Rule, ...]) -> Manifest:
    """A policy that denies, or audits, as `action` says; the API server keeps a copy of its own."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": f"bulkhead-{name}"},
        "spec": {
            "validationActions": ["Deny"] if action is AdmissionAction.DENY else ["Audit", "Warn"],
            "failurePolicy": "Fail",
            # The rules look at who sends a request and at what it changes, which a later scan cannot see.
            "evaluation": {"background": {"enabled": False}},
            "autogen": {
                "podControllers": {"controllers": []},
                "validatingAdmissionPolicy": {"enabled": True},
            },
            "matchConstraints": {
                "namespaceSelector": dict(scope.namespaces),
                "resourceRules": [{**rule, "operations": list(scope.operations)} for rule in scope.resources],
            },
            "variables": [{"name": key, "expression": expression} for key, expression in scope.variables],
            "validations": [_validation(rule) for rule in rules],
        },
    }


def _validation(rule: Rule) -> Manifest:
    validation = {"expression": rule.holds, "message": f"{rule.control}: {rule.message}"}
    if rule.message_expression is not None:
        validation["messageExpression"] = f"{text(f'{rule.control}: ')} + {rule.message_expression}"
    return validation
