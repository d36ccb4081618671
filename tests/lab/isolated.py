"""The `local` stack in the `adversarial` tier, its model's cache scoped to tenants, raised from `partitioned`."""

from dataclasses import dataclass

from infra.config.trust import Tier
from lab.cluster import Kubectl
from lab.quickstart.cluster_access import ClusterAccess
from tests.lab.local_stack import LocalStack
from tests.lab.partitioned import PartitionedPlatform, stand_in
from tests.lab.platform import GATEWAY


@dataclass(frozen=True)
class IsolatedPlatform:
    """The platform of the `adversarial` tier on the lab's own nodes, whose model a real engine answers for."""

    stack: LocalStack
    kubectl: Kubectl
    access: ClusterAccess

    @property
    def master_key(self) -> str:
        """The gateway's master key, which belongs to no tenant."""
        return self.access.secret_value(GATEWAY, "gateway", "master-key")

    def database_dump(self) -> str:
        """All that the gateway's database holds, as text."""
        command = ("pg_dump", "--username=litellm", "--dbname=litellm", "--data-only")
        return self.kubectl.run("exec", "--namespace", GATEWAY, "statefulset/database", "--", *command, timeout=300)


def make_isolated(partitioned: PartitionedPlatform, access: ClusterAccess) -> IsolatedPlatform:
    """Raise the platform, with the tenants that it has."""
    stand_in(partitioned.stack, Tier.ADVERSARIAL)
    return IsolatedPlatform(partitioned.stack, partitioned.kubectl, access)
