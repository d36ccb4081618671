"""`bulkhead:tenants`: who uses the platform, and how much."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from infra.config import forms
from infra.config.base import Bytes, Cpus, Name, NamespaceName, ObjectName, StackFilePart
from infra.config.rotation import Generation

Period = Annotated[str, StringConstraints(pattern=forms.PERIOD.pattern)]
"""A duration as LiteLLM reads it: seconds, minutes, hours or days, as `30d`."""

Devices = Annotated[int, Field(ge=0, le=100_000)]


def _form_of_quota(value: object) -> str:
    return "map" if isinstance(value, Mapping) else "number"


GpuQuota = Annotated[
    Annotated[Devices, Tag("number")] | Annotated[dict[Name, Devices], Tag("map")], Discriminator(_form_of_quota)
]
"""Devices by pool, or a plain number; told apart by form, so that a fault is reported for the form that was meant."""


class Budget(StackFilePart):
    """What a tenant may spend in a period, at the models' prices."""

    usd: float = Field(gt=0, le=1_000_000_000, examples=[500])
    """US dollars that may be spent in one period."""
    period: Period = "30d"
    """How long a period lasts, as `30d`; spend starts again from zero after it."""


class RateLimit(StackFilePart):
    """How fast a tenant may call."""

    requests_per_minute: int = Field(default=600, ge=1, le=1_000_000_000)
    """Requests in a minute at most."""
    tokens_per_minute: int = Field(default=200_000, ge=1, le=1_000_000_000_000)
    """Prompt and generated tokens in a minute at most."""


class TenantRoute(StrEnum):
    """What of the gateway's interface a tenant's key may open; the edge serves all of it and nothing else."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
    MESSAGES = "messages"
    MODELS = "models"
    RESPONSES = "responses"


MOST_METADATA = 16
"""Entries. LiteLLM reads the whole of it with every request."""

MetadataName = Annotated[str, StringConstraints(pattern=forms.METADATA_NAME.pattern, max_length=forms.NAME_MAX_LENGTH)]
"""The name of something noted of a tenant; without underscores, which nearly all of LiteLLM's own names have."""

MetadataValue = Annotated[str, StringConstraints(pattern=forms.METADATA_VALUE.pattern, max_length=200)]
"""What is noted: one line of text, and no secret."""


TENANT_NAMESPACE_PREFIX = "bulkhead-tenant-"
"""What the names of tenants' own namespaces begin with.

The platform's prefix is part of it, since a namespace that a former tenant has left is taken up again when the tenant
comes back: under a plainer name it could be a stranger's.
"""

Principal = Annotated[str, StringConstraints(pattern=forms.PRINCIPAL.pattern, max_length=253)]
"""A user's or a group's name as the cluster's authentication gives it, as `research@example.com`."""


class GroupSubject(StackFilePart):
    """A group of the cluster's authentication."""

    kind: Literal["group"]
    """`group`: everybody in a group."""
    name: Principal = Field(examples=["research@example.com"])
    """The group's name, as the API server sees it."""


class UserSubject(StackFilePart):
    """A person."""

    kind: Literal["user"]
    """`user`: one person."""
    name: Principal = Field(examples=["alice@example.com"])
    """The user's name, as the API server sees it."""


class ServiceAccountSubject(StackFilePart):
    """A program that runs in a cluster, as a pipeline does."""

    kind: Literal["service_account"]
    """`service_account`: a program with an account in the cluster."""
    name: ObjectName = Field(examples=["pipeline"])
    """The service account's name."""
    namespace: NamespaceName = Field(examples=["research-ci"])
    """The namespace that it lives in; none of the platform's own."""


Subject = Annotated[GroupSubject | UserSubject | ServiceAccountSubject, Field(discriminator="kind")]
"""Who acts for a tenant on the cluster."""


class WhenRemoved(StrEnum):
    """What becomes of a tenant's namespace when the tenant is taken out of the stack file."""

    KEEP = "keep"
    DELETE = "delete"


class Workloads(StackFilePart):
    """What a tenant's own workloads may take together, where it has a namespace of its own (NS2)."""

    cpu: Cpus = "32"
    """CPUs requested by all its pods together."""
    memory: Bytes = "128Gi"
    """Memory requested, and the limit, of all its pods together."""
    storage: Bytes = "500Gi"
    """Storage claimed by all its volumes together, and scratch space of its pods beside it."""
    pods: int = Field(default=100, ge=1, le=10_000)
    """Pods at once, and half as many Services, volumes and Deployments."""
    when_removed: WhenRemoved = WhenRemoved.KEEP
    """`keep`: its namespace stays, closed, with its volumes when the tenant leaves this file; `delete`: it goes.

    What stood here at the last update counts, so write `delete`, update, and only then remove the tenant.
    """


class Tenant(StackFilePart):
    """A team that shares the platform."""

    name: Name = Field(examples=["research"])
    """The tenant's name; part of the names of its team, queue and, in higher tiers, namespace."""
    models: tuple[Name, ...] = Field(min_length=1, examples=[["llama-8b"]])
    """The models that its key may call."""
    routes: tuple[TenantRoute, ...] = Field(default=tuple(TenantRoute), min_length=1, examples=[["chat", "models"]])
    """What its key opens: `chat` (`/v1/chat/completions`), `completions`, `embeddings`, `messages` (Anthropic's
    interface), `models` (the list of its models) and `responses`; all of them unless said.
    """
    metadata: dict[MetadataName, MetadataValue] = Field(
        default={}, max_length=MOST_METADATA, examples=[{"cost-centre": "4711"}]
    )
    """What else is known of it, as who pays: written to its team and key at LiteLLM, and shown. No secrets."""
    budget: Budget = Field(examples=[{"usd": 500, "period": "30d"}])
    """What it may spend."""
    rate_limit: RateLimit = RateLimit()
    """How fast it may call."""
    gpu_quota: GpuQuota = Field(default=0, examples=[{"l4": 4}])
    """GPU devices guaranteed to its own jobs: a map of pool to devices, or a number where there is one GPU pool."""
    subjects: tuple[Subject, ...] = Field(default=(), examples=[[{"kind": "group", "name": "research@example.com"}]])
    """Who acts for it on the cluster: runs its jobs and sees them, and nothing of anybody else's from NS3 on."""
    workloads: Workloads = Workloads()
    """What its own workloads may take, from NS2 on."""
    key_generation: Generation = 1
    """Which key is the tenant's. Raise it by one to draw another; the one before it goes on working."""
    oldest_key_generation: Generation | None = Field(default=None, examples=[2])
    """The oldest key that still works: the one before the newest unless said. The newest's number ends the old one."""
    sensitive: bool = False
    """Whether it is to meet no other tenant on GPUs, and none in an engine where KV1 is in force.

    In every tier its GPUs have to be its own: a pool that is dedicated to it, or MIG with engines that nobody else
    calls; its jobs borrow no others. With KV1 it has engines of its own, on GPUs or not. With HW1 MIG is not enough:
    all of its GPUs are on pools that are dedicated to it. Tier `adversarial` brings both. Nodes without GPUs it shares
    in every tier, unless it is given some.
    """
