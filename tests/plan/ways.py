"""Changes of committed stacks, by the way that the planner finds for each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from infra.config.trust import Tier
from infra.posture import Platform, platform_of
from infra.report.posture_json import posture_document
from infra.report.transition_text import transition_text
from infra.transition.state import Deployed, state_of
from infra.transition.steps import Step, steps
from infra.trust.lowering import DeployedPosture, deployed_posture
from tests.plan.stacks import TODAY, configuration, document_of

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """A change of a stack: what it is called, and the documents before and after it."""

    name: str
    stack: str
    before: Document
    after: Document

    @property
    def target(self) -> Platform:
        """What shall be."""
        return platform_at(self.stack, self.after)

    def way(self, deployed: Document | None = None) -> tuple[Step, ...]:
        """The updates that are left when a document is deployed; the one before the change unless said."""
        state, posture = deployed_at(self.stack, self.before if deployed is None else deployed)
        return steps(state, posture, self.target)

    def text(self) -> str:
        """The way as people read it."""
        _, posture = deployed_at(self.stack, self.before)
        tiers = (str(posture.tier), str(self.target.posture.tier))
        return f"== {self.name}\n{transition_text(self.stack, tiers, self.way())}\n"


def platform_at(stack: str, document: Document) -> Platform:
    """The platform of a document."""
    return platform_of(stack, configuration(dict(document)), TODAY)


def deployed_at(stack: str, document: Document) -> tuple[Deployed, DeployedPosture]:
    """What a deployment of a document leaves in the stack's outputs."""
    platform = platform_at(stack, document)
    posture = deployed_posture(posture_document(platform.posture))
    assert posture is not None
    return state_of(platform.config, platform.blueprint), posture


def with_tier(stack: str, tier: Tier) -> dict[str, Any]:
    """A committed stack in another tier."""
    document = document_of(stack)
    return {**document, "bulkhead:trust": {**document["bulkhead:trust"], "tier": str(tier)}}


def edited(document: Document, key: str, index: int, **values: Any) -> dict[str, Any]:
    """A document with some values of one element of a list replaced."""
    full = f"bulkhead:{key}"
    items = list(document[full])
    items[index] = {**items[index], **values}
    return {**document, full: items}


def changes() -> Iterator[Change]:
    """All of them, in a fixed order."""
    for stack in ("local", "prod"):
        for before, after in permutations(Tier, 2):
            yield Change(f"{stack}: {before} > {after}", stack, with_tier(stack, before), with_tier(stack, after))
    prod, local = document_of("prod"), document_of("local")
    yield Change("a GPU is divided otherwise", "prod", prod, REPARTITIONED)
    yield Change("a GPU is divided otherwise on nodes of others", "local", local, _halved(local))
    yield Change("a model's cache is salted", "local", local, edited(local, "models", 0, cache_isolation="salted"))
    local = {**local, "bulkhead:trust": WAIVED, "bulkhead:tenants": _two(local)}
    yield Change(
        "every tenant gets engines", "local", local, edited(local, "models", 0, cache_isolation="engine_per_tenant")
    )
    tenants = [*prod["bulkhead:tenants"]]
    yield Change("a tenant leaves", "prod", prod, {**prod, "bulkhead:tenants": tenants[:-1]})
    yield Change("a tenant comes", "prod", {**prod, "bulkhead:tenants": tenants[:-1]}, prod)
    yield Change("a tenant's key is drawn anew", "local", local, edited(local, "tenants", 0, key_generation=2))
    for drawn in ("engine_key_generation", "master_key_generation", "cache_salt_generation"):
        gateway = {**document_of("local")["bulkhead:gateway"], drawn: 2}
        yield Change(f"{drawn} is raised", "local", local, {**local, "bulkhead:gateway": gateway})


WAIVED = {
    "tier": "trusted",
    "waivers": [
        {"control": control, "owner": "tests", "reason": "two teams that cooperate", "expires": "2027-03-31"}
        for control in ("SR1", "SR2", "SR3")
    ],
}
REPARTITIONED = edited(document_of("prod"), "pools", 2, partition={"kind": "mig", "size": "1g.10gb"})


def _two(document: Document) -> list[Any]:
    (first,) = document["bulkhead:tenants"]
    return [first, {**first, "name": "search", "gpu_quota": 0}]


def _halved(document: Document) -> dict[str, Any]:
    return edited(document, "pools", 1, partition={"kind": "time_slicing", "clients": 2})


def ways_text() -> str:
    """Every change with its way."""
    return "\n".join(change.text() for change in changes())
