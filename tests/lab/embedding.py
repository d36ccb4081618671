"""A second model beside the lab's own, which embeds: deployed for as long as a test asks it."""

from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal

from lab.cluster import Kubectl
from lab.images import EMBEDDING_MODEL
from lab.quickstart.cluster_access import ClusterAccess
from tests.lab.caches import EMBEDDINGS, Caches, watching
from tests.lab.faults import wait_old_replicas_gone, wait_until
from tests.lab.local_stack import LocalStack
from tests.lab.platform import OTHER_TENANT, TENANT

EMBEDDER = "tiny-embedder"
USD_PER_MILLION = Decimal("0.05")
"""For tokens in, other than the lab's own model costs; none come out."""
OPENED_SECONDS = 120
"""A replica may know a key for some seconds as it was."""


@contextmanager
def embedder(stack: LocalStack, kubectl: Kubectl) -> Generator[None]:
    """The stack with a model that embeds, open to every tenant that has the lab's own; without it afterwards.

    It has nothing of its own but its weights and its price: no option tells the engine what it is.
    """
    models = stack.value("models")
    price = {"input_usd_per_million_tokens": float(USD_PER_MILLION), "output_usd_per_million_tokens": 0}
    added = {**models[0], "name": EMBEDDER, "source": EMBEDDING_MODEL, "price": price}
    tenants = [{**tenant, "models": [*tenant["models"], EMBEDDER]} for tenant in stack.value("tenants")]
    try:
        with stack.edited(models=[*models, added], tenants=tenants):
            _deploy(stack, kubectl)
            yield
    finally:
        _deploy(stack, kubectl)


@contextmanager
def watching_embedder(stack: LocalStack, access: ClusterAccess) -> Generator[Caches]:
    """The gateway and its engines, once both tenants' keys open the model that embeds; it is the one that is asked."""
    with watching(stack, access, EMBEDDER) as caches:
        tenants = (TENANT, OTHER_TENANT)
        wait_until(
            lambda: all(caches.ask(tenant, EMBEDDINGS, "hello").status == 200 for tenant in tenants),
            "both keys open it",
            OPENED_SECONDS,
        )
        yield caches


def _deploy(stack: LocalStack, kubectl: Kubectl) -> None:
    stack.deploy()
    wait_old_replicas_gone(kubectl)
