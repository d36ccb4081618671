"""Traffic to the engines that stays in clear text where the rest is encrypted."""

from collections.abc import Iterator

from infra.blueprint.model import Blueprint
from infra.config.stack import StackConfig
from infra.config.trust import ControlId
from infra.trust.posture import Finding, Severity


def traffic_findings(config: StackConfig, blueprint: Blueprint) -> Iterator[Finding]:
    """Warnings: models whose requests a picker's data plane carries, which has no certificate for engines' doors."""
    if not blueprint.gateway.encrypts:
        return
    plain = {row.name for row in blueprint.gateway.models if row.door is None}
    for index, model in enumerate(config.models):
        if model.name in plain:
            yield Finding(
                Severity.WARNING,
                ControlId.KV1,
                f"bulkhead:models[{index}].routing",
                f"Prompts for {model.name} go to its endpoint picker's data plane, and on to engines, in clear text,"
                " while those for models behind a Service are encrypted: whoever could read along on the cluster's"
                " network would read them. Write: routing: {kind: service}; or have the network encrypt, as a"
                " dataplane with WireGuard or a mesh does.",
            )
