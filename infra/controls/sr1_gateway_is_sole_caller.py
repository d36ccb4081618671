"""SR1: only the gateway may open a connection to the model servers.

vLLM's `--api-key` guards only some of its paths: full inference at `/invocations`, `/tokenize`, `/pause`, `/metrics`
and others answer without it (vLLM's security guide). The network is what is left to close them. A NetworkPolicy on a
dataplane that does not enforce it is ignored and nothing says so (Kubernetes' NetworkPolicy documentation).
"""

from dataclasses import replace

from infra.blueprint.model import Blueprint
from infra.blueprint.picking import with_pickers_closed
from infra.blueprint.platform_network import platform_network_policies
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.SR1,
    title="network: the gateway is the only caller of model servers",
    enforced_from=Tier.GOVERNED,
    assumption="one tenant and one GPU flavour: nobody gains by going around the gateway or the queue",
    mechanism=(
        "NetworkPolicies close every namespace of the platform in both directions; only the gateway's pods, and a "
        "metrics scraper or an endpoint picker with its data plane where there is one, are admitted to the engines' "
        "port. Database and cache let in the gateway and an exporter of their metrics, and its migration the database. "
        "Managed and external ones are closed from this side, to the platform's other pods and to tenants' jobs; only "
        "a managed one that listens on the port of a receiver of alerts stays open to Prometheus. Whoever else has a "
        "way into their network, as a pod of a namespace that the platform does not know or another machine of the "
        "VPC, no policy of the cluster keeps off: that takes a firewall of theirs, or, for one that runs in this "
        "cluster, a policy of its own namespace. The API server is closed at the addresses that the cluster lists for "
        "it; a public endpoint beside those, as every GKE cluster has, stays open to what may open public addresses: "
        "jobs in the namespace that tenants share, and engines that download their weights."
    ),
    verification=(
        "A connection to an engine from any other pod fails, and the same connection from the gateway succeeds."
    ),
    at_risk="any pod of the cluster calls the engines directly, past keys, budgets and rate limits",
)


def apply(blueprint: Blueprint) -> Blueprint:
    """Return `blueprint` with policies for every namespace of the platform, and no way around an endpoint picker.

    Raises:
        ValueError: the policies would leave a namespace that holds pods of the platform open.
    """
    blueprint = with_pickers_closed(blueprint)
    policies = platform_network_policies(blueprint, CONTROL.id)
    closed = {policy.namespace for policy in policies if not policy.pods}
    held = {blueprint.gateway.namespace, blueprint.quota.namespace, *(engine.namespace for engine in blueprint.engines)}
    if open_ones := sorted(held - closed):
        raise ValueError(f"SR1: no policy closes {', '.join(open_ones)}")
    return replace(blueprint, network_policies=policies)


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """The policies of the platform's namespaces."""
    policies = (policy for policy in blueprint.network_policies if policy.control == CONTROL.id)
    return tuple(f"NetworkPolicy/{policy.namespace}/{policy.name}" for policy in policies)
