"""The cluster: keys that belong to the other kind of cluster, and zones that make no sense."""

from collections.abc import Iterator, Mapping

from infra.config.accelerators import confidential_technology
from infra.config.cluster import ExistingCluster, GkeCluster
from infra.config.draft import Draft, at
from infra.config.pools import MigPartition, Pool, WholePartition
from infra.config.problem import Problem

GKE_POOL_KEYS = ("machine_type", "spot", "confidential", "sandbox")
EXISTING_POOL_KEYS = ("node_labels",)


def check_cluster(draft: Draft) -> Iterator[Problem]:
    """What the pools and the gateway ask of a cluster that cannot give it."""
    match draft.cluster:
        case ExistingCluster():
            yield from _foreign_pool_keys(draft, GKE_POOL_KEYS, "a GKE cluster, and this cluster exists already")
            yield from _managed_services(draft)
            yield from _pools_on_the_same_nodes(draft)
            yield from _flavors_that_kueue_confuses(draft)
        case GkeCluster() as cluster:
            yield from _foreign_pool_keys(draft, EXISTING_POOL_KEYS, "an existing cluster, and this one is created")
            yield from _nodes_without_gpus(draft)
            yield from _confidential_nodes(draft)
            yield from _zones(cluster)
        case None:
            pass


def _foreign_pool_keys(draft: Draft, keys: tuple[str, ...], belongs: str) -> Iterator[Problem]:
    for index, pool in draft.pools.read.items():
        for key in keys:
            if key in pool.model_fields_set:
                yield Problem(
                    at("pools", index, key),
                    f"`{key}` belongs to {belongs}",
                    "it would change nothing, though it looks as if it did",
                    f"remove `{key}`",
                )


def _managed_services(draft: Draft) -> Iterator[Problem]:
    if draft.gateway is None:
        return
    chosen = {
        "database": (draft.gateway.database.kind, "cloud_sql"),
        "cache": (draft.gateway.cache.kind, "memorystore"),
    }
    for key, (kind, managed) in chosen.items():
        if kind == managed:
            yield Problem(
                at("gateway", key, "kind"),
                f"`{managed}` is made next to a GKE cluster, and this cluster exists already",
                "there is no project and network to create it in",
                "in_cluster, or external",
            )


def _pools_on_the_same_nodes(draft: Draft) -> Iterator[Problem]:
    seen: list[tuple[int, Pool]] = []
    for index, pool in draft.pools.read.items():
        twin = next((other for other, earlier in seen if _may_share_a_node(earlier, pool)), None)
        seen.append((index, pool))
        if twin is not None and draft.pools.names[twin] != pool.name:
            where = at("pools", index, "node_labels") if pool.node_labels else at("pools", index)
            yield Problem(
                where,
                f"the labels that select its nodes ({_shown(_selector(pool))}) also fit nodes of "
                f"`{draft.pools.names[twin]}` ({_shown(_selector(draft.pools.read[twin]))})",
                "a node would count for both pools, and GPUs would be promised twice",
                "node_labels on both pools, with a key whose value tells them apart",
            )


def _flavors_that_kueue_confuses(draft: Draft) -> Iterator[Problem]:
    """Of an engine's selector Kueue looks only at the keys of the flavor that it tries (0.19, `flavorSelector`).

    Pools of one resource name, none of whose common keys differs, are alternatives to it: it would reserve a GPU of the
    one for an engine of the other, which no node then fits.
    """
    seen: list[tuple[int, Pool]] = []
    for index, pool in draft.pools.read.items():
        if not pool.is_gpu:
            continue
        twin = next((other for other, earlier in seen if _looks_alike(earlier, pool)), None)
        seen.append((index, pool))
        if twin is not None and draft.pools.names[twin] != pool.name:
            yield Problem(
                at("pools", index, "node_labels") if pool.node_labels else at("pools", index),
                f"no label that its nodes ({_shown(_labels(pool))}) have in common with those of"
                f" `{draft.pools.names[twin]}` ({_shown(_labels(draft.pools.read[twin]))}) tells the two apart",
                "Kueue would reserve the GPUs of one for what can run on the other only, and it would wait for ever",
                "node_labels on both pools with one key in common, whose value differs",
            )


def _looks_alike(one: Pool, other: Pool) -> bool:
    first, second = _labels(one), _labels(other)
    common = first.keys() & second.keys()
    alternatives = _device_kind(one) == _device_kind(other) and not _may_share_a_node(one, other)
    return alternatives and all(first[key] == second[key] for key in common)


def _labels(pool: Pool) -> Mapping[str, str]:
    """The labels by which the platform selects the pool's nodes."""
    return pool.node_labels or pool.gke_labels


def _device_kind(pool: Pool) -> str:
    """What tells resource names apart on an existing cluster: MIG sizes have their own."""
    return pool.partition.size if isinstance(pool.partition, MigPartition) else ""


def _may_share_a_node(one: Pool, other: Pool) -> bool:
    """Whether a node can fit both pools.

    Labels that the file gives take the place of the accelerator's, so that pools with the same ones meet even where
    their accelerators differ.
    """
    if one.node_labels and other.node_labels and one.accelerator != other.accelerator:
        mine, theirs = one.node_labels.items(), other.node_labels.items()
        return mine <= theirs or theirs <= mine
    first, second = _selector(one), _selector(other)
    return one.is_gpu == other.is_gpu and all(first[key] == second[key] for key in first.keys() & second.keys())


def _selector(pool: Pool) -> Mapping[str, str]:
    """The labels that a node of the pool carries; GKE's own ones, and those that the file gives."""
    return {**pool.gke_labels, **(pool.node_labels or {})}


def _shown(selector: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(selector.items())) or "none"


def _nodes_without_gpus(draft: Draft) -> Iterator[Problem]:
    """GKE taints GPU nodes and sandboxed ones, so that what needs neither cannot run there."""
    open_to_all = [
        pool
        for pool in draft.pools.read.values()
        if not pool.is_gpu and pool.dedicated_to is None and pool.sandbox is None
    ]
    if draft.pools.all_read and not open_to_all:
        yield Problem(
            at("pools"),
            "no pool has nodes without GPUs that are open to everybody",
            "the gateway, its database and Kueue would have no node to run on, since GKE keeps them off GPU nodes",
            "one more pool, as {name: system, accelerator: cpu, nodes: {min: 2, max: 4}}",
        )


def _confidential_nodes(draft: Draft) -> Iterator[Problem]:
    """Source: GKE's documentation on Confidential GKE Nodes, with and without GPUs."""
    for index, pool in draft.pools.read.items():
        machine_type = pool.gke_machine_type
        if not pool.confidential or machine_type is None:
            continue
        if confidential_technology(machine_type) is None:
            instead = (
                "nvidia-h100-80gb with gpus_per_node: 1, the one GPU that GKE offers it with"
                if pool.is_gpu
                else "machine_type: n2d-standard-8 (AMD SEV) or c3-standard-8 (Intel TDX)"
            )
            yield Problem(
                at("pools", index, "confidential"),
                f"GKE does not encrypt the memory of `{machine_type}`",
                "the node pool cannot be created",
                f"{instead}, or remove `confidential`",
            )
        elif pool.is_gpu and not isinstance(pool.partition, WholePartition):
            yield Problem(
                at("pools", index, "partition", "kind"),
                "GKE offers confidential GPUs whole only",
                "the node pool cannot be created",
                "partition: {kind: whole}, or remove `confidential`",
            )
        elif pool.is_gpu and not pool.spot:
            yield Problem(
                at("pools", index, "confidential"),
                "GKE offers confidential GPUs as spot capacity only",
                "the node pool cannot be created",
                "spot: true, or remove `confidential`",
            )


def _zones(cluster: GkeCluster) -> Iterator[Problem]:
    region = "-".join(cluster.location.split("-")[:2])
    for index, zone in enumerate(cluster.node_zones):
        if not zone.startswith(f"{region}-"):
            yield Problem(
                at("cluster", "node_zones", index),
                f"the zone is not in the cluster's region, {region}",
                "GKE refuses to create the cluster",
                f"a zone of {region}, as {region}-a",
            )
