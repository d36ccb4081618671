"""KV3: what an engine has computed for one tenant is never stored where another tenant's engine reads it.

Several connectors leave the salt, or the adapter, out of their keys (vLLM's issues 53495, 51748, 54342 and 44250), and
the transfer between nodes is neither authenticated nor encrypted (vLLM's security guide).
"""

from infra.blueprint.caches import served_by
from infra.blueprint.model import Blueprint, EnginePart
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.KV3,
    title="no KV offload or transfer tier shared between tenants",
    enforced_from=Tier.ADVERSARIAL,
    assumption="no tenant tries to learn what another one asks the models",
    mechanism="Engines that tenants share have no tier behind their cache; no stack file can name a connector.",
    verification=(
        "No engine has a KV transfer or offload setting, and a hit through such a tier is not seen between tenants."
    ),
    at_risk="computed prompts of one tenant are read back by another through the shared tier",
)


def apply(blueprint: Blueprint) -> Blueprint:
    """Return `blueprint` as it is: no engine that tenants share has a tier behind its cache.

    There is no way to write a connector or a disaggregated prefill into a stack file, so that the only tier is the
    memory of an engine's own node.

    Raises:
        ValueError: an engine that several tenants share has such a tier. The loader refuses such stack files.
    """
    if shared := [engine.name for engine in blueprint.engines if _has_tier(engine) and _is_shared(blueprint, engine)]:
        raise ValueError(f"KV3: tenants share a tier behind the cache of {', '.join(shared)}")
    return blueprint


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """The engines, by whether a tier stands behind their cache, which is then one tenant's."""
    return tuple(
        f"{'OffloadOfOneTenant' if _has_tier(engine) else 'EngineWithoutOffload'}/{engine.name}"
        for engine in blueprint.engines
    )


def _has_tier(engine: EnginePart) -> bool:
    return engine.options.kv_offload_gibibytes is not None


def _is_shared(blueprint: Blueprint, engine: EnginePart) -> bool:
    return len(served_by(blueprint, engine)) > 1
