"""Cases of the rules over network policies and nodes' networks."""

from typing import Any

from infra.guard import GuardedResource
from tests.unit.guard.cases import Cases
from tests.unit.guard.stack import ENGINES, GATEWAY, RESEARCH, thing, workload

POLICY = "networking.k8s.io/v1:NetworkPolicy"
POLICIES_PATH = "bulkhead:network:NetworkPolicies$"
DENY: dict[str, Any] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def policy(namespace: str, *, by: str = "", kind: str = POLICY, **spec: Any) -> GuardedResource:
    return thing(kind, "one", namespace, by=by, spec=spec)


CASES = {
    "no-network-policy-beside": Cases(
        passing=(
            policy(ENGINES, by=POLICIES_PATH, **DENY),
            policy("web", podSelector={}, ingress=[{}]),
            policy("web", kind="cilium.io/v2:CiliumNetworkPolicy", endpointSelector={}),
        ),
        refused=(
            policy(ENGINES, podSelector={}, ingress=[{}]),
            policy(RESEARCH, podSelector={}, egress=[{}]),
            policy(GATEWAY, kind="networking.k8s.io/v1:NetworkPolicyPatch", ingress=[{}]),
            policy(ENGINES, kind="cilium.io/v2:CiliumNetworkPolicy", ingress=[{}]),
            policy("", kind="cilium.io/v2:CiliumClusterwideNetworkPolicy", ingress=[{}]),
            policy("", kind="policy.networking.k8s.io/v1alpha1:AdminNetworkPolicy", ingress=[{"action": "Allow"}]),
        ),
        silent=(policy(""), thing(POLICY, "one", "web")),
    ),
    "no-access-to-nodes": Cases(
        passing=(
            workload({"securityContext": {"privileged": False}}, hostNetwork=False),
            workload({"securityContext": {"capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}}}),
            workload({}, volumes=[{"name": "scratch", "emptyDir": {}}]),
            workload({}, by="bulkhead:kueue:Kueue$", hostNetwork=True),
        ),
        refused=(
            workload({}, hostNetwork=True),
            workload({}, hostPID=True),
            workload({}, volumes=[{"name": "node", "hostPath": {"path": "/"}}]),
            workload({"securityContext": {"privileged": True}}),
            workload({"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}),
            workload({}, initContainers=[{"image": "example/image:1", "securityContext": {"privileged": True}}]),
            workload({}, kind="apps/v1:DaemonSetPatch", hostNetwork=True),
        ),
        silent=(workload({}), thing("batch/v1:Job")),
    ),
}
