"""The policies as resources."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes

from components.network_policies.rules import Addresses, peers, ports
from components.shared import labels
from components.shared.metadata import ADOPTED, control_labels
from infra.blueprint.network import NetworkPolicyPart, NetworkRulePart

if TYPE_CHECKING:
    from pulumi_kubernetes.networking.v1 import (
        NetworkPolicyEgressRuleArgsDict,
        NetworkPolicyIngressRuleArgsDict,
        NetworkPolicySpecArgsDict,
    )

REASONS_ANNOTATION = "bulkhead.dev/reasons"
"""Why each rule is there, for whoever reads the policy on the cluster."""


@dataclass(frozen=True)
class NetworkPoliciesArgs:
    """Policies, whose namespaces must exist, and what a blueprint cannot know of their peers."""

    parts: tuple[NetworkPolicyPart, ...]
    addresses: Addresses


class NetworkPolicies(pulumi.ComponentResource):
    """A set of NetworkPolicies that belong together; pods that they select wait for this component."""

    def __init__(self, name: str, args: NetworkPoliciesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bulkhead:network:NetworkPolicies", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        opening = [network_policy(name, part, child, args.addresses) for part in args.parts if not _closes(part)]
        # What closes a namespace comes after what opens it, and goes before it: else the way from the gateway to its
        # engines is closed for as long as the update takes from one to the other.
        after = pulumi.ResourceOptions(parent=self, depends_on=opening)
        for part in args.parts:
            if _closes(part):
                network_policy(name, part, after, args.addresses)
        self.register_outputs({})


def _closes(part: NetworkPolicyPart) -> bool:
    """Whether it opens nothing for anybody."""
    return not part.ingress and not part.egress


def network_policy(
    name: str,
    part: NetworkPolicyPart,
    opts: pulumi.ResourceOptions,
    addresses: Addresses | None = None,
    tenant: str | None = None,
) -> "kubernetes.networking.v1.NetworkPolicy":
    """Register one policy as `<name>-<namespace>/<policy>`.

    Args:
        name: The component's name.
        part: The policy.
        opts: The parent, and what it waits for.
        addresses: What its rules need to be told, if anything.
        tenant: Whose it is, in a tenant's own namespace.
    """
    reasons = [rule.reason for rule in (*(part.ingress or ()), *(part.egress or ()))]
    return kubernetes.networking.v1.NetworkPolicy(
        f"{name}-{part.namespace}/{part.name}",
        metadata={
            "name": part.name,
            "namespace": part.namespace,
            "labels": {**labels("network-policy", part.name, tenant), **control_labels(part.control)},
            "annotations": {
                **(ADOPTED if tenant else {}),
                REASONS_ANNOTATION: "; ".join(dict.fromkeys(reasons)) or "nothing is open",
            },
        },
        spec=_spec(part, addresses or Addresses()),
        opts=opts,
    )


def _spec(part: NetworkPolicyPart, addresses: Addresses) -> "NetworkPolicySpecArgsDict":
    # A direction is closed by naming it here; a list without a rule would be dropped by the API server.
    directions = [name for name, rules in (("Ingress", part.ingress), ("Egress", part.egress)) if rules is not None]
    spec: NetworkPolicySpecArgsDict = {
        "pod_selector": {"match_labels": dict(sorted(part.pods.items()))} if part.pods else {},
        "policy_types": directions,
    }
    if part.ingress:
        spec["ingress"] = _ingress(part.ingress, addresses)
    if part.egress:
        spec["egress"] = _egress(part.egress, addresses)
    return spec


def _ingress(rules: Sequence[NetworkRulePart], addresses: Addresses) -> "list[NetworkPolicyIngressRuleArgsDict]":
    found: list[NetworkPolicyIngressRuleArgsDict] = []
    for rule in rules:
        entry: NetworkPolicyIngressRuleArgsDict = {}
        if rule.peers is not None:
            entry["from_"] = peers(rule, addresses)
        if rule.ports:
            entry["ports"] = ports(rule.ports)
        found.append(entry)
    return found


def _egress(rules: Sequence[NetworkRulePart], addresses: Addresses) -> "list[NetworkPolicyEgressRuleArgsDict]":
    found: list[NetworkPolicyEgressRuleArgsDict] = []
    for rule in rules:
        entry: NetworkPolicyEgressRuleArgsDict = {}
        if rule.peers is not None:
            entry["to"] = peers(rule, addresses)
        if rule.ports:
            entry["ports"] = ports(rule.ports)
        found.append(entry)
    return found
