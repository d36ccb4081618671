"""Traffic to the engines that stays in clear text where the rest is encrypted."""

from collections.abc import Iterator

from infra.blueprint.model import Blueprint
from infra.config.stack import StackConfig
from infra.config.trust import ControlId
from infra.trust.posture import Finding, Severity


def traffic_findings(config: StackConfig, blueprint: Blueprint) -> Iterator[Finding]:
    """Warnings: models whose requests a picker's data plane carries, which has no certificate for engines' doors.

    With KV1 such a stack file is refused; here it is `gateway.engine_traffic` that encrypts. Where the network is said
    to encrypt as well, nothing is left in clear text.
    """
    if not blueprint.gateway.encrypts:
        return
    plain = {
        engine.model for engine in blueprint.engines if engine.picker is not None and not engine.picker.network_encrypts
    }
    for index, model in enumerate(config.models):
        if model.name in plain:
            yield Finding(
                Severity.WARNING,
                ControlId.KV1,
                f"bulkhead:models[{index}].routing",
                f"Prompts for {model.name} go to its endpoint picker's data plane, and on to engines, in clear text,"
                " while those for models behind a Service are encrypted: whoever could read along on the cluster's"
                " network would read them. Write: routing: {kind: service}; or have the network encrypt, as a"
                " dataplane with WireGuard or a mesh does, and write routing.network_encrypts: true.",
            )
