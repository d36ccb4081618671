"""The whole configuration of a stack, as loaded from `Pulumi.<stack>.yaml`."""

from typing import TypeVar

from pydantic import Field

from infra.config.base import Name, StackFilePart
from infra.config.cluster import Cluster
from infra.config.gateway import Gateway
from infra.config.models import Model
from infra.config.observability import NoObservability, Observability
from infra.config.pools import Pool, RetiringPool
from infra.config.sources import Sources
from infra.config.tenants import Tenant
from infra.config.trust import Trust

Named = TypeVar("Named", Pool, Model)

PROJECT = "bulkhead"
"""The Pulumi project's name, and so the prefix of every configuration key."""

SECRET_KEYS = frozenset({"model_hub_token", "database_url", "cache_url"})
"""Keys that hold Pulumi secrets; the program reads them by name and they never pass through these models."""


class StackConfig(StackFilePart):
    """What an operator has decided; each attribute is the value of the key `bulkhead:<attribute>`."""

    trust: Trust = Trust()
    """The trust tier and what is declared of the tenants."""
    cluster: Cluster = Field(examples=[{"kind": "existing", "context": "dev"}])
    """The Kubernetes cluster that the platform runs on."""
    pools: tuple[Pool, ...] = Field(
        min_length=1, examples=[[{"name": "l4", "accelerator": "nvidia-l4", "nodes": {"max": 4}}]]
    )
    """Node pools and their accelerators."""
    retiring_pools: tuple[RetiringPool, ...] = Field(
        default=(),
        examples=[
            [
                {
                    "name": "l4",
                    "accelerator": "nvidia-l4",
                    "gpus_per_node": 2,
                    "nodes": {"max": 4},
                    "boot_disk_gigabytes": 235,
                }
            ]
        ],
    )
    """GKE only: node pools that are on their way out. They keep their nodes and get no engine, quota or job.

    Each is told by its name with its partitioning, as `l4-whole-x2`, so that a pool of `pools` may be called the same.
    """
    emptied_pools: tuple[Name, ...] = Field(default=(), examples=[["l4-whole-x2"]])
    """GKE only: node pools that were retiring and on which nothing runs any more, so that an update may delete them.

    Each by its name with its partitioning. `bulkhead transition` says so by itself, once it has looked.
    """
    models: tuple[Model, ...] = Field(
        min_length=1,
        examples=[
            [
                {
                    "name": "llama-8b",
                    "source": "meta-llama/Llama-3.1-8B-Instruct",
                    "pool": "l4",
                    "price": {"input_usd_per_million_tokens": 0.2, "output_usd_per_million_tokens": 0.6},
                }
            ]
        ],
    )
    """The models that are served."""
    tenants: tuple[Tenant, ...] = Field(
        min_length=1, examples=[[{"name": "research", "models": ["llama-8b"], "budget": {"usd": 500}}]]
    )
    """Who uses the platform, and how much."""
    gateway: Gateway = Gateway()
    """LiteLLM, its database and its cache."""
    observability: Observability = NoObservability()
    """Metrics, dashboards and alerts."""
    sources: Sources = Sources()
    """Where images and charts come from."""

    def pool(self, name: str) -> Pool:
        """The pool of that name; raises KeyError when there is none."""
        return _named(self.pools, name)

    def model(self, name: str) -> Model:
        """The model of that name; raises KeyError when there is none."""
        return _named(self.models, name)

    @property
    def gpu_pools(self) -> tuple[Pool, ...]:
        """The pools that have GPUs."""
        return tuple(pool for pool in self.pools if pool.is_gpu)

    def devices_for_each_engine(self, model: Model) -> int:
        """GPU devices that each engine of `model` takes; 0 on a `cpu` pool."""
        return model.devices if self.pool(model.pool).is_gpu else 0

    def gpu_quota(self, tenant: Tenant) -> dict[str, int]:
        """Pool → devices guaranteed to `tenant`; a plain number falls on the one GPU pool."""
        if isinstance(tenant.gpu_quota, dict):
            return dict(tenant.gpu_quota)
        return {pool.name: tenant.gpu_quota for pool in self.gpu_pools[:1]} if tenant.gpu_quota else {}

    def pools_open_to(self, tenant: Tenant) -> tuple[Pool, ...]:
        """The GPU pools on which the tenant's jobs may run, within its quota or on what is idle.

        The one rule for it: queues are made by it and the posture judges who meets whom by it. A tenant without quota
        borrows wherever no pool is dedicated to another. A sensitive tenant borrows nowhere: beside the pools that are
        its own it may use those only where it has quota, which the posture requires to be its own hardware.
        """
        quota = self.gpu_quota(tenant)
        return tuple(
            pool
            for pool in self.gpu_pools
            if pool.dedicated_to == tenant.name
            or (pool.dedicated_to is None and (not tenant.sensitive or quota.get(pool.name, 0) > 0))
        )


def _named(things: tuple[Named, ...], name: str) -> Named:
    for thing in things:
        if thing.name == name:
            return thing
    raise KeyError(name)
