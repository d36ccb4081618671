"""KV1: no tenant's request is answered faster for what another tenant asked before.

vLLM's prefix cache is shared by all callers unless each request carries a `cache_salt`; hit and miss are told apart at
8-token prefixes with an area under the curve of 0.99 (arXiv 2411.18191, cited by vLLM's security guide;
CVE-2025-46570). The caller can send a salt of its own choice, so the gateway has to replace it.
"""

from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.KV1,
    title="prefix cache scoped per tenant, or off",
    enforced_from=Tier.ADVERSARIAL,
    assumption="no tenant tries to learn what another one asks the models",
    mechanism=(
        "The gateway replaces every request's cache_salt with one derived for the tenant, or the engines "
        "run without a cache."
    ),
    verification=(
        "On one prompt, another tenant's request adds no prefix-cache hits, and the same tenant's request does."
    ),
    at_risk="a tenant tells from response times what another tenant has asked",
)

apply = None
"""Not available yet."""


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """Nothing: no blueprint carries this control yet."""
    del blueprint
    return ()
