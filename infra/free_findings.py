"""Models that cost nothing, where budgets are to stop whatever they do not pay for."""

from collections.abc import Iterator

from infra.config.stack import StackConfig
from infra.config.trust import ControlId
from infra.config.words import first_of
from infra.trust.posture import Finding, Posture, Severity

_TENANTS_SHOWN = 5


def free_findings(config: StackConfig, posture: Posture) -> Iterator[Finding]:
    """Warnings, where SR3 is in force: models that tenants call for nothing.

    A price of zero may be meant, so it is no error; but of a control that has budgets fail closed nobody expects calls
    that none of them stops.
    """
    if ControlId.SR3 not in posture.in_force:
        return
    for index, model in enumerate(config.models):
        callers = sorted(tenant.name for tenant in config.tenants if model.name in tenant.models)
        if callers and model.price is not None and model.price.is_zero:
            yield Finding(
                Severity.WARNING,
                ControlId.SR3,
                f"bulkhead:models[{index}].price",
                f"Calls of {model.name} cost nothing, so that no budget stops them, though SR3 is to have each"
                f" budget bind: nothing but rate limits holds {first_of(callers, _TENANTS_SHOWN)} back. Write: a price"
                " above zero; or leave it, where the model is to be free.",
            )
