"""The `local` stack lowered from the `partitioned` tier to `trusted`, with the model in use meanwhile."""

from dataclasses import dataclass, field

from infra.config.trust import Tier
from lab.engine.runner import Captured
from tests.lab.load import Load, Report, service_url
from tests.lab.partitioned import PartitionedPlatform, stand_in
from tests.lab.platform import MODEL, TENANT, cooperative, permission_to_lower


@dataclass(frozen=True)
class LoweredPlatform:
    """The platform after its tier was lowered.

    Attributes:
        tier: The tier that was deployed before: the partitioned one, or whatever a test before has raised it to.
        refused: What `pulumi up` printed to a stack file with a lower tier and no permission.
        warned: What `pulumi preview` printed with the permission.
        lowered: What became of the requests that were sent while the tier was lowered.
        keys: Tenant's name → its virtual key, before and after.
    """

    partitioned: PartitionedPlatform
    tier: str
    refused: Captured
    warned: Captured
    lowered: Report = field(repr=False)
    keys: tuple[dict[str, str], dict[str, str]] = field(repr=False)


def make_lowered(partitioned: PartitionedPlatform) -> LoweredPlatform:
    """Try to lower the tier without a permission, then lower it with one."""
    stack = partitioned.stack
    if Tier(stack.value("trust")["tier"]) is not Tier.PARTITIONED:
        stand_in(stack, Tier.PARTITIONED)
    outputs = stack.engine.outputs(show_secrets=True)
    before = outputs["tenant_keys"]
    trust = cooperative()
    stack.edit(trust=trust)
    refused = stack.engine.capture("up", "--yes", "--skip-preview")
    stack.edit(trust={**trust, **permission_to_lower(stack, "trusted")})
    warned = stack.engine.capture("preview", "--non-interactive")
    load = Load(
        service_url(partitioned.kubectl), before[TENANT], MODEL, concurrency=1, pause_seconds=1.0, seconds=900.0
    )
    with load.running() as run:
        stack.deploy()
    after = stack.engine.outputs(show_secrets=True)["tenant_keys"]
    return LoweredPlatform(partitioned, outputs["posture"]["tier"], refused, warned, run.report, (before, after))
