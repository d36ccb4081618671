"""The `local` stack in the `partitioned` tier, raised from whatever stood there, with the model in use meanwhile."""

from dataclasses import dataclass, field

from infra.config.trust import TenantRelation, Tier
from lab.cluster import Kubectl
from tests.lab.local_stack import LocalStack
from tests.lab.platform import SeparatedPlatform, permission_to_lower, tenants_of
from tests.lab.walk import Leg, Walker

KILLED_AT = 0.5
"""The share of the objects after which the update that raises the tier is killed, and made again."""


@dataclass(frozen=True)
class PartitionedPlatform(SeparatedPlatform):
    """The platform with SR1 to SR3 and NS1 to NS4 in force.

    Attributes:
        raised: What came of raising the tier.
    """

    raised: Leg = field(repr=False)


def make_partitioned(stack: LocalStack, kubectl: Kubectl) -> PartitionedPlatform:
    """Take a team's platform to the `partitioned` tier; the update is killed on the way and made again.

    The tenants have a group each. The first one's namespace goes when it leaves, so that destroying the stack leaves
    nothing of it.
    """
    walker = Walker(stack, kubectl)
    there = Tier(stack.value("trust")["tier"]) is Tier.PARTITIONED
    stack.edit(tenants=tenants_of(stack))
    with walker.in_use() as run:
        raised = walker.go(Tier.PARTITIONED, run, killed_at=0 if there else KILLED_AT)
    return PartitionedPlatform(stack, kubectl, raised)


def stand_in(stack: LocalStack, tier: Tier) -> None:
    """Bring the stack to `partitioned` or `adversarial`, wherever it stands, with tenants that need no less."""
    trust = {"tier": str(tier), "tenants": str(_RELATION[tier]), **permission_to_lower(stack, tier)}
    stack.edit(trust=trust, tenants=tenants_of(stack))
    stack.deploy()


_RELATION = {Tier.PARTITIONED: TenantRelation.DISTRUSTING, Tier.ADVERSARIAL: TenantRelation.UNTRUSTED}
