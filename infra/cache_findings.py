"""What engines that tenants share still tell one of another where KV1 is in force."""

from collections.abc import Iterator

from infra.blueprint.caches import served_by
from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId
from infra.config.words import first_of
from infra.trust.posture import Finding, Posture, Severity

_SHOWN = 8


def cache_findings(posture: Posture, blueprint: Blueprint) -> Iterator[Finding]:
    """A warning: engines of several tenants, where KV1 is in force, have one cache that no salt and no switch reaches.

    vLLM compiles a request's grammar once for the whole engine; XGrammar keeps the one that was used last even with a
    limit of nothing (docs/decisions/0046-media-know-no-salt.md).
    """
    if ControlId.KV1 not in posture.in_force:
        return
    shared = sorted({engine.model for engine in blueprint.engines if len(served_by(blueprint, engine)) > 1})
    if not shared:
        return
    yield Finding(
        Severity.WARNING,
        ControlId.KV1,
        "bulkhead:models",
        f"Several tenants share engines of {first_of(shared, _SHOWN)}, and vLLM keeps the grammars of structured"
        " outputs for a whole engine, without a salt: the time to the first token of an unusual schema may tell that"
        " another tenant has used it. What is in it cannot be read there. Write: cache_isolation: engine_per_tenant on"
        " a model whose schemas must not be guessed, or sensitive: true on the tenant who sends them.",
    )
