"""All rules of coherence, in one place."""

from collections.abc import Callable, Iterator

from infra.config.coherence.caches import check_caches
from infra.config.coherence.capacity import check_capacity
from infra.config.coherence.classes import check_classes
from infra.config.coherence.cluster import check_cluster
from infra.config.coherence.controls import check_controls
from infra.config.coherence.gateway import check_gateway
from infra.config.coherence.metadata import check_metadata
from infra.config.coherence.money import check_money
from infra.config.coherence.names import check_names
from infra.config.coherence.namespaces import check_namespaces
from infra.config.coherence.networks import check_networks
from infra.config.coherence.partitions import check_partitions
from infra.config.coherence.quantities import check_quantities
from infra.config.coherence.references import check_references
from infra.config.coherence.repeats import check_repeats
from infra.config.coherence.retiring import check_retiring_pools
from infra.config.coherence.rotations import check_rotations
from infra.config.coherence.routing import check_routing
from infra.config.coherence.secrets import check_secrets
from infra.config.coherence.subjects import check_subjects
from infra.config.coherence.trust import check_trust
from infra.config.draft import Draft
from infra.config.problem import Problem

RULES: tuple[Callable[[Draft], Iterator[Problem]], ...] = (
    check_names,
    check_references,
    check_partitions,
    check_capacity,
    check_metadata,
    check_money,
    check_subjects,
    check_namespaces,
    check_classes,
    check_cluster,
    check_gateway,
    check_networks,
    check_quantities,
    check_repeats,
    check_retiring_pools,
    check_rotations,
    check_secrets,
    check_trust,
    check_controls,
    check_caches,
    check_routing,
)


def incoherences(draft: Draft) -> Iterator[Problem]:
    """Everything in `draft` that does not fit together."""
    for rule in RULES:
        yield from rule(draft)
