"""Manifests of a plan read back into what the offline judge evaluates, apart from the components that wrote them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from infra.audit.identity import identity_of
from infra.audit.offline.access import Grant
from infra.blueprint.access import AccessRulePart, SubjectKind, SubjectPart
from infra.blueprint.network import (
    AddressesPeer,
    ApiServerPeer,
    EveryPodPeer,
    ManagedService,
    ManagedServicePeer,
    NetworkPeer,
    NetworkPolicyPart,
    NetworkRulePart,
    PodsPeer,
    PortPart,
    Protocol,
)
from infra.plan import Answer, Plan, PlannedResource

API_SERVER = "192.0.2.9"
DATABASE = "10.0.0.3"
CACHE = "10.0.0.4"
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
NAMESPACE_NAME = "kubernetes.io/metadata.name"

MADE: dict[str, Answer] = {
    "gcp:certificatemanager/dnsAuthorization:DnsAuthorization": Answer(
        plain={"dnsResourceRecords": [{"name": "_acme.example.com.", "type": "CNAME", "data": "example.com."}]}
    ),
    "gcp:container/cluster:Cluster": Answer(
        plain={"controlPlaneEndpointsConfig": {"dnsEndpointConfig": {"endpoint": "gke.example.com"}}}
    ),
    "gcp:redis/instance:Instance": Answer(
        plain={"host": CACHE, "port": 6378, "serverCaCerts": [{"cert": "PEM"}]}, secret={"authString": "a"}
    ),
    "gcp:serviceaccount/account:Account": Answer(plain={"email": "nodes@example.com"}),
    "gcp:sql/databaseInstance:DatabaseInstance": Answer(
        plain={"privateIpAddress": DATABASE, "serverCaCerts": [{"cert": "PEM"}]}
    ),
    "kubernetes:discovery.k8s.io/v1:EndpointSlice": Answer(plain={"endpoints": [{"addresses": [API_SERVER]}]}),
    "random:index/randomPassword:RandomPassword": Answer(secret={"result": "a" * 48, "bcryptHash": "a"}),
}
"""What providers answer in an update, so that policies name the addresses that a preview does not know."""


def provider(resource: PlannedResource) -> Answer:
    """What the provider of a resource answers."""
    return MADE.get(resource.type, Answer())


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value or {})


# --- network policies -------------------------------------------------------------------------------------------


def network_policies(plan: Plan) -> Iterator[NetworkPolicyPart]:
    """Every NetworkPolicy of a plan; controls and reasons are no part of what it does."""
    for resource in plan.of_type(NETWORK_POLICY):
        metadata, spec = _mapping(resource.inputs["metadata"]), _mapping(resource.inputs["spec"])
        unread = set(spec) - {"podSelector", "policyTypes", "ingress", "egress"}
        assert not unread, f"{resource.name} has {unread}, which nobody reads"
        namespace, types = str(metadata["namespace"]), cast("list[str]", spec["policyTypes"])
        yield NetworkPolicyPart(
            name=str(metadata["name"]),
            namespace=namespace,
            control="",
            pods=_labels(spec["podSelector"]),
            ingress=_rules(spec.get("ingress"), "from", namespace) if "Ingress" in types else None,
            egress=_rules(spec.get("egress"), "to", namespace) if "Egress" in types else None,
        )


def _rules(written: object, side: str, namespace: str) -> tuple[NetworkRulePart, ...]:
    found: list[NetworkRulePart] = []
    for rule in cast("Sequence[Mapping[str, Any]]", written or ()):
        assert set(rule) <= {side, "ports"}, rule
        peers = tuple(_peer(peer, namespace) for peer in rule[side]) if side in rule else None
        ports = tuple(PortPart(int(port["port"]), Protocol(port["protocol"])) for port in rule.get("ports", ()))
        found.append(NetworkRulePart(peers, ports, ""))
    return tuple(found)


def _labels(selector: object) -> dict[str, str]:
    written = _mapping(selector)
    assert set(written) <= {"matchLabels"}, written
    return dict(_mapping(written.get("matchLabels")))


def _peer(written: Mapping[str, Any], namespace: str) -> NetworkPeer:
    if "ipBlock" in written:
        assert set(written) == {"ipBlock"}, written
        return _addresses(_mapping(written["ipBlock"]))
    assert set(written) <= {"namespaceSelector", "podSelector"}, written
    if written == {"namespaceSelector": {}}:
        return EveryPodPeer()
    place = _labels(written["namespaceSelector"]) if "namespaceSelector" in written else {NAMESPACE_NAME: namespace}
    assert set(place) == {NAMESPACE_NAME}, written
    pods = _mapping(written.get("podSelector"))
    lacking: dict[str, str] = {}
    for expression in cast("Sequence[Mapping[str, Any]]", pods.get("matchExpressions", ())):
        (value,) = expression["values"]
        assert expression["operator"] == "NotIn", expression
        lacking[str(expression["key"])] = str(value)
    return PodsPeer(place[NAMESPACE_NAME], dict(_mapping(pods.get("matchLabels"))), lacking)


def _addresses(block: Mapping[str, Any]) -> NetworkPeer:
    network, excluded = str(block["cidr"]), [str(one) for one in block.get("except", ())]
    known: dict[str, NetworkPeer] = {
        f"{API_SERVER}/32": ApiServerPeer(),
        f"{DATABASE}/32": ManagedServicePeer(ManagedService.DATABASE),
        f"{CACHE}/32": ManagedServicePeer(ManagedService.CACHE),
    }
    if network in known:
        assert not excluded, block
        return known[network]
    services = {f"{DATABASE}/32": ManagedService.DATABASE, f"{CACHE}/32": ManagedService.CACHE}
    return AddressesPeer(
        network,
        tuple(one for one in excluded if one not in known),
        without_api_server=f"{API_SERVER}/32" in excluded,
        without_services=tuple(service for place, service in services.items() if place in excluded),
    )


def comparable(policy: NetworkPolicyPart) -> object:
    """What a policy does, without names of controls, reasons, and the order in which things are written."""
    sides = [
        None if rules is None else sorted(map(_comparable_rule, rules)) for rules in (policy.ingress, policy.egress)
    ]
    return policy.namespace, policy.name, sorted(policy.pods.items()), sides


def _comparable_rule(rule: NetworkRulePart) -> str:
    peers = None if rule.peers is None else sorted(_words(peer) for peer in rule.peers)
    return f"{peers} {sorted((port.number, str(port.protocol)) for port in rule.ports)}"


def _words(peer: NetworkPeer) -> str:
    match peer:
        case PodsPeer():
            return f"pods {peer.namespace} {sorted(peer.labels.items())} {sorted(peer.lacking.items())}"
        case AddressesPeer():
            left_out = f"{sorted(peer.excluded)} {peer.without_api_server} {sorted(peer.without_services)}"
            return f"addresses {peer.network} {left_out}"
        case _:
            return str(peer)


# --- roles ------------------------------------------------------------------------------------------------------


def grants(plan: Plan) -> Iterator[Grant]:
    """Whom the bindings of a plan bind to which rules in which namespace, each subject by itself."""
    roles = {
        (metadata["namespace"], metadata["name"]): role
        for role in plan.of_type("kubernetes:rbac.authorization.k8s.io/v1:Role")
        for metadata in (_mapping(role.inputs["metadata"]),)
    }
    for binding in plan.of_type("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"):
        namespace, reference = _mapping(binding.inputs["metadata"])["namespace"], _mapping(binding.inputs["roleRef"])
        assert reference["kind"] == "Role", binding.name
        role = roles[namespace, reference["name"]]
        rules = tuple(map(_rule, cast("Sequence[Mapping[str, Any]]", role.inputs["rules"])))
        for subject in cast("Sequence[Mapping[str, Any]]", binding.inputs["subjects"]):
            part = SubjectPart(SubjectKind(subject["kind"]), str(subject["name"]), subject.get("namespace"))
            yield identity_of(part), str(namespace), rules


def _rule(written: Mapping[str, Any]) -> AccessRulePart:
    assert set(written) == {"apiGroups", "resources", "verbs"}, written
    return AccessRulePart(*(tuple(written[field]) for field in ("apiGroups", "resources", "verbs")))


# --- namespaces -------------------------------------------------------------------------------------------------


def namespaces(plan: Plan) -> dict[str, dict[str, str]]:
    """Name of a namespace that the plan makes → the labels that it will have, with Kubernetes' own."""
    found: dict[str, dict[str, str]] = {}
    for resource in plan.of_type("kubernetes:core/v1:Namespace"):
        metadata = _mapping(resource.inputs["metadata"])
        name = str(metadata["name"])
        found[name] = {NAMESPACE_NAME: name, **_mapping(metadata.get("labels"))}
    return found
