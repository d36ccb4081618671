"""Sizes that are too small for what they are for, as when Mi was written and Gi was meant."""

from collections.abc import Iterator
from dataclasses import dataclass

from infra.config.draft import Draft, at
from infra.config.gateway import InClusterDatabase
from infra.config.observability import PrometheusObservability
from infra.config.paths import Location
from infra.config.problem import Problem
from infra.quantities import mebibytes

LEAST_MEBIBYTES = 1024
"""What the smallest database, engine and volume take; the lab's tiny model needs twice that."""


@dataclass(frozen=True)
class _Size:
    """One size as written.

    Attributes:
        where: Its location.
        text: A quantity with its unit.
        follows: What follows if it is too small.
    """

    where: Location
    text: str
    follows: str


def check_quantities(draft: Draft) -> Iterator[Problem]:
    """Memory and storage below what anything would start with."""
    for size in _sizes(draft):
        if mebibytes(size.text) < LEAST_MEBIBYTES:
            number = size.text[:-2]
            yield Problem(
                size.where,
                f"{size.text} is too small to work with: it takes 1Gi at least",
                size.follows,
                f"{number}Gi, if that is meant; otherwise 1Gi or more",
            )


def _sizes(draft: Draft) -> Iterator[_Size]:
    for index, model in draft.models.read.items():
        where = at("models", index, "resources", "memory")
        yield _Size(where, model.resources.memory, "the engines would be killed while they start")
    for index, tenant in draft.tenants.read.items():
        for key, text in (("memory", tenant.workloads.memory), ("storage", tenant.workloads.storage)):
            yield _Size(at("tenants", index, "workloads", key), text, "next to none of the tenant's pods would start")
    if draft.gateway is not None and isinstance(draft.gateway.database, InClusterDatabase):
        follows = "the database would fill its volume and stop, and the gateway with it"
        yield _Size(at("gateway", "database", "storage"), draft.gateway.database.storage, follows)
    if isinstance(draft.observability, PrometheusObservability):
        follows = "Prometheus would drop its data within hours"
        yield _Size(at("observability", "storage"), draft.observability.storage, follows)
