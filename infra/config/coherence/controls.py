"""What a control that is asked for needs to be told, or rules out."""

from collections.abc import Iterator

from infra.config.asking import asker, asks_for
from infra.config.draft import Draft, at
from infra.config.gateway import DatabaseOutage, ExternalCache, ExternalDatabase, Gateway
from infra.config.problem import Problem
from infra.config.trust import ControlId, Tier, Trust


def check_controls(draft: Draft) -> Iterator[Problem]:
    """SR1 without the networks of an external service; SR3 with unchecked requests or with models without a price."""
    trust, gateway = draft.trust, draft.gateway
    if trust is None or gateway is None:
        return
    if asks_for(ControlId.SR1, trust, Tier.GOVERNED):
        yield from _unknown_networks(gateway, trust)
    if asks_for(ControlId.SR3, trust, Tier.GOVERNED):
        yield from _unmetered(draft, gateway, trust)


def _unmetered(draft: Draft, gateway: Gateway, trust: Trust) -> Iterator[Problem]:
    if gateway.database_outage is DatabaseOutage.SERVE:
        yield Problem(
            at("gateway", "database_outage"),
            f"`serve` lets requests through unchecked, and SR3 ({_asker(ControlId.SR3, trust)}) refuses them",
            "either the control or this setting would be a lie during every outage of the database",
            "database_outage: refuse",
        )
    called = {name for tenant in draft.tenants.read.values() for name in tenant.models}
    for index, model in draft.models.read.items():
        # A model that somebody may call is told of by the rule on money already.
        if model.price is None and model.name not in called:
            yield Problem(
                at("models", index, "price"),
                f"the model `{model.name}` has no price, and SR3 ({_asker(ControlId.SR3, trust)}) wants one for each",
                "whoever is allowed the model later would use it without limit",
                "price: {input_usd_per_million_tokens: 0.20, output_usd_per_million_tokens: 0.60}",
            )


def _unknown_networks(gateway: Gateway, trust: Trust) -> Iterator[Problem]:
    services = (("database", gateway.database, ExternalDatabase), ("cache", gateway.cache, ExternalCache))
    for key, service, external in services:
        if isinstance(service, external) and not service.networks:
            yield Problem(
                at("gateway", key),
                f"the external {key} has no networks, and SR1 ({_asker(ControlId.SR1, trust)}) closes every address"
                " that is not listed",
                f"the gateway could not reach its {key}",
                "networks: [10.20.0.0/24], with the addresses that its host name leads to",
            )


def _asker(control: ControlId, trust: Trust) -> str:
    """Who asks for a control that `governed` brings."""
    return asker(control, trust, Tier.GOVERNED)
