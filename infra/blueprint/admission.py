"""What the admission policies have to know: which queues there are and whose, and how a GPU is reached."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class AdmissionAction(StrEnum):
    """What an admission policy does about a request that it objects to."""

    OFF = "off"
    """There is no policy."""
    AUDIT = "audit"
    """The request passes; whoever sent it is warned, and the API server's audit log and metrics count it."""
    DENY = "deny"
    """The request is refused."""


@dataclass(frozen=True, order=True)
class PlatformQueuePart:
    """A LocalQueue of the platform's own, in a namespace where no tenant may write."""

    namespace: str
    name: str
    cluster_queue: str


@dataclass(frozen=True, order=True)
class SharedQueuePart:
    """A tenant's LocalQueue in the namespace that tenants share.

    Attributes:
        users: User names of those who act for the tenant, service accounts included.
        groups: Groups of those who act for it.
    """

    name: str
    cluster_queue: str
    users: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True)
class PlacementAdmissionPart:
    """What the policy has to know that keeps tenants' workloads off each other's nodes.

    Labels stand as `key=value`, which no label's key can hold.

    Attributes:
        dedicated_key: The key of the taint on nodes that are one tenant's; its value is the tenant's name.
        label_keys: Keys of node labels that tell pools, or single nodes, apart.
        open_labels: Labels of pools that any tenant may select.
        own_labels: Tenant → labels of pools that only it may select.
        priority_classes: Those that tenants' pods may name.
        runtime_classes: Those that tenants' pods may name.
    """

    action: AdmissionAction
    dedicated_key: str
    label_keys: tuple[str, ...]
    open_labels: tuple[str, ...]
    own_labels: Mapping[str, tuple[str, ...]]
    priority_classes: tuple[str, ...]
    runtime_classes: tuple[str, ...]


@dataclass(frozen=True)
class GpuAdmissionPart:
    """Everything that the GPU admission policies rest on.

    Attributes:
        action: What the policies do that keep GPUs behind queues.
        tenant_objects: What the policies do on Services and Secrets that reach further than a tenant's role does.
        sharing: What the policies do that refuse GPUs which several clients share.
        placement: What keeps tenants' workloads off each other's nodes.
        managed_namespace_labels: The labels of the namespaces that Kueue sees; GPUs are handed out in no others.
        exempt_namespaces: Where the cluster's own GPU software runs; no tenant may write there.
        tenant_label: The namespace label that holds the tenant's name, which is also its LocalQueue's.
        tenant_cluster_queue_prefix: What a tenant's ClusterQueue is called, less the tenant's name.
        platform_queues: The platform's own queues.
        shared_namespace: Where the tenants of `shared_queues` run their workloads.
        shared_queues: Empty where each tenant has a namespace of its own.
        accelerator_labels: Node labels of the GPU pools, as (key, value).
        taint_keys: Keys of the GPU pools' taints.
        dedicated_without_gpus: For each pool that is a tenant's and has no GPUs, the labels which together select its
            nodes and no node with a GPU. Its taint is that of the tenant's GPU pools.
        kueue_account: User name of Kueue, which alone lets a workload that it holds go.
        owner_controllers: User names of the controllers whose own kind Kueue holds as a whole, so that what they make
            of it carries neither a queue's name nor a gate: Kubernetes' Job controller, JobSet, LeaderWorkerSet, Ray.
        part_controllers: User names of the controllers that make parts which Kueue holds one by one.
    """

    action: AdmissionAction
    tenant_objects: AdmissionAction
    sharing: AdmissionAction
    placement: PlacementAdmissionPart
    managed_namespace_labels: Mapping[str, str]
    exempt_namespaces: tuple[str, ...]
    tenant_label: str
    tenant_cluster_queue_prefix: str
    platform_queues: tuple[PlatformQueuePart, ...]
    shared_namespace: str
    shared_queues: tuple[SharedQueuePart, ...]
    accelerator_labels: tuple[tuple[str, str], ...]
    taint_keys: tuple[str, ...]
    dedicated_without_gpus: tuple[Mapping[str, str], ...]
    kueue_account: str
    owner_controllers: tuple[str, ...]
    part_controllers: tuple[str, ...]
