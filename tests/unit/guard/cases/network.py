"""Cases of the rules over network policies and nodes' networks."""

from typing import Any

from infra.guard import GuardedResource
from tests.unit.guard.cases import Cases
from tests.unit.guard.stack import ENGINES, GATEWAY, GATEWAY_PATH, RESEARCH, thing, workload

POLICY = "networking.k8s.io/v1:NetworkPolicy"
POLICIES_PATH = "bulkhead:network:NetworkPolicies$"
SPACE_PATH = "bulkhead:tenant:TenantSpace$"
DENY: dict[str, Any] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


NAMESPACE_LABEL = "kubernetes.io/metadata.name"
NAMES: dict[str, Any] = {
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
    "to": [
        {
            "namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": app}},
        }
        for app in ("kube-dns", "node-local-dns")
    ]
    + [{"ipBlock": {"cidr": "169.254.20.10/32"}}],
}
AMONG_THEMSELVES = {"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: RESEARCH}}}
DOOR = {
    "ports": [{"protocol": "TCP", "port": 4000}],
    "to": [
        {
            "namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: GATEWAY}},
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "gateway"}},
        }
    ],
}
OWN: dict[str, Any] = {
    "podSelector": {},
    "policyTypes": ["Ingress", "Egress"],
    "ingress": [{"from": [AMONG_THEMSELVES]}],
    "egress": [NAMES, {"to": [AMONG_THEMSELVES]}, DOOR],
}


def own(name: str = "tenant", *, without: str = "", **changes: Any) -> GuardedResource:
    """A tenant's own policy, as the program makes it, with some of its fields changed or one left out."""
    spec = {key: value for key, value in {**OWN, **changes}.items() if key != without}
    return thing(POLICY, name, RESEARCH, by=SPACE_PATH, spec=spec)


INSIDE = {"to": [AMONG_THEMSELVES]}
METADATA_SERVER = "169.254.0.0/16"
API_SERVER, DATABASE, CACHE = "10.0.0.2/32", "10.0.0.3/32", "10.0.0.4/32"


def outside(cidr: str, *left_out: str) -> dict[str, Any]:
    return {"ipBlock": {"cidr": cidr, "except": list(left_out)}}


def workloads(*others: Any) -> GuardedResource:
    """The policy of the namespace that tenants have left, or what opens it still."""
    return _of_workloads("workloads", NAMES, {"to": list(others)})


def beyond(*others: Any) -> GuardedResource:
    """What opens addresses there, beside those of the database and the cache that the stack makes."""
    return _of_workloads("workloads-managed-services", {"to": list(others)})


def _of_workloads(name: str, *rules: Any) -> GuardedResource:
    spec: dict[str, Any] = {"podSelector": {}, "policyTypes": ["Egress"], "egress": list(rules)}
    return thing(POLICY, name, "bulkhead-workloads", by=POLICIES_PATH, spec=spec)


def kueue(to: Any, *ports: int) -> GuardedResource:
    """What lets Kueue speak to the API server, whose address the blueprint does not know."""
    spec: dict[str, Any] = {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {"ports": [{"protocol": "TCP", "port": port} for port in (9443, 8082)]},
            {
                "from": [
                    {
                        "namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: "bulkhead-observability"}},
                        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
                    }
                ],
                "ports": [{"protocol": "TCP", "port": 8443}],
            },
        ],
        "egress": [{"ports": [{"protocol": "TCP", "port": port} for port in ports or (443, 6443)], "to": to}],
    }
    return thing(POLICY, "kueue", "kueue-system", by=POLICIES_PATH, spec=spec)


def block(cidr: str) -> dict[str, Any]:
    return {"ipBlock": {"cidr": cidr}}


def policy(namespace: str, *, by: str = "", kind: str = POLICY, **spec: Any) -> GuardedResource:
    return thing(kind, "one", namespace, by=by, spec=spec)


EVERY_POD: dict[str, Any] = {"namespaceSelector": {}}
CASES = {
    "network-policies-are-the-platforms": Cases(
        passing=(
            own(),
            own("default-deny", without="ingress", egress=None),
            kueue([block("10.0.0.2/32")]),
            kueue([block("10.0.0.2/32"), block("2001:db8::2/128")]),
            kueue("[computed]"),
            workloads(EVERY_POD),
            beyond(outside("0.0.0.0/0", METADATA_SERVER, API_SERVER, DATABASE, CACHE)),
            policy("web", podSelector={}, ingress=[{}]),
            policy(GATEWAY, by=GATEWAY_PATH, podSelector={}, ingress=[{"ports": [{"protocol": "TCP", "port": 4000}]}]),
        ),
        refused=(
            own(ingress=[{}]),
            own(ingress=[{"from": []}]),
            own(ingress=[{"from": [AMONG_THEMSELVES]}, {}]),
            own(ingress=[{"from": [AMONG_THEMSELVES, EVERY_POD]}]),
            own(ingress=[{"from": [EVERY_POD]}]),
            own(egress=[NAMES, INSIDE, DOOR, {}]),
            own(egress=[NAMES, INSIDE, {"to": DOOR["to"]}]),
            own(egress=[NAMES, INSIDE, {**DOOR, "to": "[computed]"}]),
            own(egress=[NAMES, INSIDE, {**DOOR, "ports": [{"protocol": "TCP", "port": 4001}]}]),
            own(podSelector={"matchLabels": {"app": "none"}}),
            own(policyTypes=["Ingress"]),
            own("default-deny", ingress=[{}], egress=None),
            policy(GATEWAY, by=GATEWAY_PATH, podSelector={}, ingress=[{}]),
            policy(GATEWAY, by=GATEWAY_PATH, podSelector={}, egress=[{"to": []}]),
            kueue([block("10.0.0.0/8")]),
            kueue([block("any")]),
            kueue([block("10.0.0.2/32"), block("0.0.0.0/0")]),
            kueue([{"ipBlock": {"cidr": "10.0.0.2/32"}, "podSelector": {}}]),
            kueue([block("10.0.0.2/32")], 443, 6443, 22),
            workloads(EVERY_POD, outside("0.0.0.0/0", METADATA_SERVER, API_SERVER, DATABASE, CACHE)),
            workloads(),
            beyond(outside("0.0.0.0/0", METADATA_SERVER, API_SERVER, DATABASE)),
            beyond(outside("0.0.0.0/0", API_SERVER, DATABASE, CACHE)),
            beyond(outside("0.0.0.0/0", METADATA_SERVER, "10.0.0.0/8", DATABASE, CACHE)),
            beyond(block("0.0.0.0/0")),
            beyond(EVERY_POD),
        ),
        silent=(thing(POLICY, "one", "web", by=POLICIES_PATH), thing(f"{POLICY}Patch", "tenant", "web")),
        lacking=(
            *(own(without=key) for key in OWN),
            kueue([]),
            thing(POLICY, "tenant", RESEARCH, by=SPACE_PATH),
        ),
    ),
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
