"""Who may connect to whom: SR1 closes the platform's namespaces, NS4 the tenants'."""

from collections.abc import Iterable, Iterator

from infra.config.trust import ControlId
from infra.guard.connections import differences
from infra.guard.model import Guard, GuardedResource
from infra.guard.pods import containers, pod_specs
from infra.guard.rule import ResourceRule, StackRule
from infra.values import listed, mapping

NETWORKING = "networking.k8s.io"
NETWORK_POLICY = "NetworkPolicy"
"""What the kinds of every dataplane's own policies end with, and what those of an administrator do."""
HOST_NAMESPACES = ("hostIPC", "hostNetwork", "hostPID")
HARMLESS_CAPABILITIES = frozenset({"NET_BIND_SERVICE"})


def is_network_policy(resource: GuardedResource) -> bool:
    """Whether it is a network policy: Kubernetes' own, an administrator's, or one of a dataplane's."""
    return resource.is_kubernetes_object and resource.kind.endswith(NETWORK_POLICY)


def _no_policy_beside(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    """Network policies only ever add: whatever one of them lets pass, passes."""
    if not is_network_policy(resource) or not resource.by_hand:
        return
    if resource.namespace in guard.policed_namespaces:
        yield (
            f"namespace {resource.namespace} has the platform's own network policies, and a further one can"
            " only let more pass. Write: no policy there; what tenants need is set in the stack file"
        )
    elif not resource.namespace and resource.group != NETWORKING:
        yield (
            "a policy of the whole cluster can let pass what the platform's network policies keep out, or stands"
            f" above them. Write: a {NETWORK_POLICY} of {NETWORKING} in a namespace of your own"
        )


def _policies_are_the_platforms(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    """Of a policy that a single component brings with it, the blueprint says nothing but that it is not for anybody."""
    if resource.by_hand or not is_network_policy(resource) or resource.group != NETWORKING:
        return
    place = (resource.namespace, resource.object_name)
    part = next((one for one in guard.network_policies if (one.namespace, one.name) == place), None)
    wrong = _open_to_anybody(resource) if part is None else differences(resource.spec, part)
    if wrong:
        yield (
            f"its {', '.join(wrong)} is not what the platform writes, and whatever a policy lets pass, passes. Write:"
            " no transformation of it; what may connect to what follows from the stack file"
        )


def _open_to_anybody(resource: GuardedResource) -> list[str]:
    """The directions in which a rule names neither a port nor anybody."""
    sides = {"egress": "to", "ingress": "from"}
    return [
        direction
        for direction, side in sides.items()
        if any(
            not rule.get("ports") and not rule.get(side) for rule in map(mapping, listed(resource.spec.get(direction)))
        )
    ]


def _no_access_to_nodes(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    """What a node's own network sends is let through to the pods on it, as the kubelet's probes are."""
    del guard
    if not resource.by_hand or not resource.is_kubernetes_object:
        return
    for spec in pod_specs(resource.properties):
        taken = [key for key in HOST_NAMESPACES if spec.get(key)]
        taken += ["hostPath"] if any(mapping(one).get("hostPath") for one in listed(spec.get("volumes"))) else []
        for container in containers(spec):
            context = mapping(container.get("securityContext"))
            added = set(map(str, listed(mapping(context.get("capabilities")).get("add")))) - HARMLESS_CAPABILITIES
            taken += ["privileged"] if context.get("privileged") else []
            taken += [f"capability {name}" for name in sorted(added)]
        if taken:
            yield (
                f"its pods have {', '.join(dict.fromkeys(taken))}: on a node they reach what no network policy or"
                " namespace bounds, engines and other tenants' pods among it. Write: pods without it; agents of nodes"
                " belong to the cluster, not to this stack"
            )


def _default_deny_is_there(resources: Iterable[GuardedResource], guard: Guard) -> Iterator[str]:
    closed = {resource.namespace for resource in resources if _denies_by_default(resource)}
    for namespace, control in sorted(guard.closed_namespaces.items()):
        if namespace not in closed:
            yield (
                f"namespace {namespace} has no network policy that selects every pod and lets nothing pass, and"
                f" {control} rests on it: each pod that no other policy selects is open. Write: leave the platform's"
                " policy `default-deny` in place"
            )


def _denies_by_default(resource: GuardedResource) -> bool:
    spec = resource.spec
    native = is_network_policy(resource) and resource.group == NETWORKING and not resource.is_patch
    kinds = set(listed(spec.get("policyTypes")))
    everything = native and not mapping(spec.get("podSelector"))
    return everything and kinds == {"Ingress", "Egress"} and not spec.get("ingress") and not spec.get("egress")


RULES = (
    ResourceRule(
        "network-policies-are-the-platforms",
        (ControlId.SR1, ControlId.NS4),
        "The blueprint's network policies say what the blueprint says; no other of the program's is open to anybody.",
        _policies_are_the_platforms,
    ),
    ResourceRule(
        "no-network-policy-beside",
        (ControlId.SR1, ControlId.NS4),
        "Namespaces that the platform's network policies bound hold no others, and none spans the cluster.",
        _no_policy_beside,
    ),
    ResourceRule(
        "no-access-to-nodes",
        (ControlId.SR1, ControlId.NS1, ControlId.NS4),
        "No pod beside the platform's has its node's network, processes, files or privileges.",
        _no_access_to_nodes,
    ),
)
STACK_RULES = (
    StackRule(
        "closed-namespaces-deny-by-default",
        (ControlId.SR1, ControlId.NS4),
        "Every closed namespace has its default-deny network policy.",
        _default_deny_is_there,
    ),
)
