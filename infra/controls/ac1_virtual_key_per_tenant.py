"""AC1: every tenant calls the gateway with a key of its own.

Without one, nobody can tell who spent what, and no tenant can be cut off alone. LiteLLM ties keys to teams (its
documentation on virtual keys); the key is a generated secret that no unrelated change mints again.
"""

from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.AC1,
    title="a virtual key per tenant",
    enforced_from=Tier.TRUSTED,
    assumption="none: required from the start",
    mechanism="A LiteLLM team and a generated virtual key for each tenant, limited to its models.",
    verification="A call without a key or for another tenant's model is refused; the tenant's own call is answered.",
    at_risk="nobody can tell who called, and no tenant can be cut off alone",
)


def apply(blueprint: Blueprint) -> Blueprint:
    """Return `blueprint` as it is: the trusted blueprint already has an account for each tenant.

    Raises:
        ValueError: there is a tenant's queue without an account, or a name twice.
    """
    accounts = [tenant.name for tenant in blueprint.tenants]
    queues = {queue.tenant for queue in blueprint.quota.cluster_queues if queue.tenant is not None}
    if len(set(accounts)) != len(accounts) or queues - set(accounts):
        raise ValueError("AC1: every tenant needs exactly one account at the gateway")
    return blueprint


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """Each tenant's team and key at the gateway."""
    return tuple(name for tenant in blueprint.tenants for name in (f"Team/{tenant.name}", f"VirtualKey/{tenant.name}"))
