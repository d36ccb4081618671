"""Nodes: whose they are, how their GPUs are divided, and which pods say that they belong there."""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.blueprint.devices import (
    GKE_SHARING_LABELS,
    MPS_LABEL,
    PLUGIN_CONFIG_LABEL,
    STRATEGY_LABEL,
    UNSHARED_LABELS,
)
from infra.blueprint.model import MigPart, NodePoolPart, PoolPart
from infra.blueprint.nodes import POOL_LABEL
from infra.config.pools import DEDICATED_KEY
from infra.config.trust import ControlId
from infra.guard.model import Guard, GuardedResource
from infra.guard.pods import environment, every_container, pod_specs, words
from infra.guard.rule import ResourceRule
from infra.values import document, listed, mapping, mappings_below, texts_below

NODE_POOL = "gcp:container/nodePool:NodePool"
NODE_KINDS = frozenset({"ComputeClass", "NodeClaim", "NodeClass", "NodePool"})
"""Kinds of the cluster's own that bring up nodes: GKE's and Karpenter's."""
PLATFORM_KEYS = (DEDICATED_KEY, POOL_LABEL)
"""Of labels and taints: by them workloads find their pool, and tenants' nodes are told apart."""
SHARING_SETTINGS = {
    "cloud.google.com": "gpuSharing",
    "gcp:container/cluster:Cluster": "gpuSharingConfig",
    NODE_POOL: "gpuSharingConfig",
    "resource.k8s.io": "sharing",
}
"""API group, or type of a cloud's resource → the key under which it shares GPUs, at whatever depth."""
PLUGIN_STRATEGIES = ("mps", "timeSlicing")
"""Keys under `sharing` in a configuration of NVIDIA's device plugin."""
SHARING_LABELS = frozenset({*GKE_SHARING_LABELS, PLUGIN_CONFIG_LABEL, STRATEGY_LABEL, MPS_LABEL})
"""Node labels that say how GPUs are shared, or which of the device plugin's configurations holds."""
NOT_SHARED = frozenset({UNSHARED_LABELS[STRATEGY_LABEL], UNSHARED_LABELS[MPS_LABEL]})
MPS_VARIABLES = "CUDA_MPS_"
MPS_DAEMON = "nvidia-cuda-mps-control"
METADATA_SERVER = "GKE_METADATA"
IN = "In"
KEEPING_OFF = frozenset({"DoesNotExist", "NotIn"})
"""Operators of an affinity that keep pods off nodes. A tenant's pod may not use them either: by what is left out it can
still say which nodes it means, as the admission policy on placement has it."""


def _node_config(resource: GuardedResource) -> Mapping[str, Any]:
    return mapping(resource.properties.get("nodeConfig"))


# --- GKE's node pools -------------------------------------------------------------------------------------------


def _node_pools_are_the_blueprints(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    if resource.type != NODE_POOL:
        return
    part = next((one for one in guard.blueprint.node_pools if one.name == resource.object_name), None)
    if resource.by_hand or part is None:
        yield from _faults_of_other_nodes(resource)
    else:
        for fault in _differences(resource, part):
            yield f"{fault}. Write: no transformation of it; bulkhead:pools sets what tells its nodes apart"


def _faults_of_other_nodes(resource: GuardedResource) -> Iterator[str]:
    config = _node_config(resource)
    keys = {*mapping(config.get("labels")), *(str(one.get("key")) for one in _taints(resource))}
    if claimed := [key for key in PLATFORM_KEYS if key in keys]:
        yield (
            f"by {' and '.join(claimed)} its nodes pass for a pool of the stack file's, and workloads of tenants who"
            " must not meet are sent there. Write: other labels and taints, or the pool under bulkhead:pools"
        )
    elif listed(config.get("guestAccelerators")):
        yield (
            "its GPUs are in no quota and its nodes are nobody's, so that any tenants meet on them. Write: the pool"
            " under bulkhead:pools"
        )


def _taints(resource: GuardedResource) -> Iterator[Mapping[str, Any]]:
    return map(mapping, listed(_node_config(resource).get("taints")))


def _differences(resource: GuardedResource, part: NodePoolPart) -> Iterator[str]:
    config = _node_config(resource)
    labels = mapping(config.get("labels"))
    if wrong := [key for key, value in part.labels.items() if labels.get(key) != value]:
        yield f"its nodes lack the label {', '.join(wrong)} of their pool"
    stated = {(one.get("key"), one.get("value"), one.get("effect")) for one in _taints(resource)}
    if missing := [taint.key for taint in part.taints if (taint.key, taint.value, taint.gke_effect) not in stated]:
        yield f"its nodes lack the taint {', '.join(missing)}, which keeps other tenants' pods away"
    size = part.partition.size if isinstance(part.partition, MigPart) else None
    for accelerator in map(mapping, listed(config.get("guestAccelerators"))):
        if (accelerator.get("gpuPartitionSize") or None) != size:
            yield f"its GPUs are not divided as their pool's are: {size or 'whole'}"


def _nodes_hide_their_metadata(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    """GKE's own metadata server hands a pod its workload's identity; Compute Engine's hands it the node's."""
    del guard
    if resource.type != NODE_POOL:
        return
    mode = mapping(_node_config(resource).get("workloadMetadataConfig")).get("mode")
    if mode != METADATA_SERVER:
        yield (
            "its pods can take the node's own identity from the metadata server. Write: workload_metadata_config with"
            f" mode {METADATA_SERVER}"
        )


# --- nodes by other means ---------------------------------------------------------------------------------------


def _nodes_are_labelled_as_their_pool(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    """On a cluster that exists somebody labels nodes: a patch may say of a node what one pool says, and no other."""
    if resource.group != "core" or resource.kind != "Node" or not resource.by_hand:
        return
    labels = {key: str(value) for key, value in resource.labels.items()}
    taints = {str(one.get("key")): one.get("value") for one in map(mapping, listed(resource.spec.get("taints")))}
    telling = {*PLATFORM_KEYS, *(key for pool in guard.blueprint.pools for key in pool.node_labels)}
    said = {key: labels[key] for key in sorted(telling & set(labels))}
    owner = taints.get(DEDICATED_KEY)
    if (said or owner is not None) and not any(_is_said_of(pool, said, owner) for pool in guard.blueprint.pools):
        yield (
            f"{', '.join(said) or DEDICATED_KEY} makes the node one of a pool whose other labels or taint it does not"
            " have, so that a tenant's workloads are sent to nodes that are open to others. Write: the labels of one"
            f" pool under bulkhead:pools, with the taint {DEDICATED_KEY} where it is dedicated"
        )


def _is_said_of(pool: PoolPart, labels: Mapping[str, str], owner: Any) -> bool:
    own = {**pool.node_labels} | ({DEDICATED_KEY: pool.dedicated_to} if pool.dedicated_to else {})
    return labels.items() <= own.items() and owner == pool.dedicated_to


def _other_nodes_are_nobodys(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    del guard
    if not resource.by_hand or not resource.is_kubernetes_object or resource.kind not in NODE_KINDS:
        return
    keys = {key for found in mappings_below(resource.spec) for key in found}
    claimed = [key for key in PLATFORM_KEYS if key in keys or key in set(texts_below(resource.spec))]
    if claimed:
        yield (
            f"by {' and '.join(claimed)} the nodes that it brings up pass for a pool of the stack file's. Write: other"
            " labels and taints, or the pool under bulkhead:pools"
        )


# --- sharing ----------------------------------------------------------------------------------------------------


def _no_sharing_of_gpus(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    del guard
    if _asks_for_sharing(resource) or any(map(_shares_devices, _configuration_files(resource))):
        yield (
            "its GPUs are handed to several clients in turn, each of which can reach the whole GPU's memory,"
            " also on top of MIG. Write: no time-slicing and no MPS; MIG, as by gpuPartitionSize, divides a GPU in"
            " hardware"
        )


def _asks_for_sharing(resource: GuardedResource) -> bool:
    """Where GPUs or nodes are made or claimed: GKE's pools and clusters, its node classes, and claims of devices."""
    setting = SHARING_SETTINGS.get(resource.group or resource.type)
    return setting is not None and any(found.get(setting) for found in mappings_below(resource.properties))


def _configuration_files(resource: GuardedResource) -> Iterator[Mapping[str, Any]]:
    if resource.group == "core" and resource.kind == "ConfigMap":
        yield from map(document, mapping(resource.properties.get("data")).values())


def _shares_devices(configuration: Mapping[str, Any]) -> bool:
    """Whether a configuration of NVIDIA's device plugin shares what it hands out."""
    sharing = mapping(configuration.get("sharing"))
    return any(sharing.get(strategy) for strategy in PLUGIN_STRATEGIES)


def _no_label_shares_gpus(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    del guard
    is_node = resource.group == "core" and resource.kind == "Node"
    labels = resource.labels if is_node else mapping(_node_config(resource).get("labels"))
    if not is_node and resource.type != NODE_POOL:
        return
    shared = [key for key in sorted(SHARING_LABELS & set(labels)) if str(labels[key]) not in NOT_SHARED]
    if shared:
        yield (
            f"{', '.join(shared)} tells NVIDIA's or GKE's device plugin to share the node's GPUs. Write: no such label"
        )


def _no_mps(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    del guard
    if not resource.is_kubernetes_object:
        return
    for container in every_container(resource.properties):
        variables = [name for name in environment(container) if name.startswith(MPS_VARIABLES)]
        if variables or any(word.rpartition("/")[2] == MPS_DAEMON for word in words(container)):
            yield (
                "it runs or uses NVIDIA's Multi-Process Service, whose clients share one GPU's memory and faults."
                " Write: no MPS; MIG divides a GPU in hardware"
            )


# --- placement --------------------------------------------------------------------------------------------------


def _no_forged_placement(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    if not resource.by_hand or not resource.is_kubernetes_object:
        return
    tenant = guard.tenant_namespaces.get(resource.namespace)
    for spec in pod_specs(resource.properties):
        foreign = [what for what in _said_of_nodes(spec, tenant, guard) if what]
        if foreign:
            yield (
                f"by {', '.join(dict.fromkeys(foreign))} its pods run on nodes that are another's. Write: none of them;"
                " the queue sends a tenant's pods to its own nodes"
            )


def _said_of_nodes(spec: Mapping[str, Any], tenant: str | None, guard: Guard) -> Iterator[str]:
    """What a pod says of nodes that is not its tenant's to say; of a tenant's pods, also what says it of all nodes."""
    for one in map(mapping, listed(spec.get("tolerations"))):
        if one.get("key") == DEDICATED_KEY and (not tenant or one.get("value") != tenant):
            yield f"tolerating {DEDICATED_KEY}"
        elif tenant is not None and not one.get("key"):
            yield "tolerating every taint"
    pools = {label: pool.dedicated_to for pool in guard.blueprint.pools for label in pool.node_labels.items()}
    for key, value in _selected(spec):
        if key == DEDICATED_KEY and (not tenant or value != tenant):
            yield f"selecting {DEDICATED_KEY}"
        elif pools.get((key, value), tenant) not in (None, tenant):
            yield f"selecting {key}={value}"
    telling = {DEDICATED_KEY, *(key for (key, _), owner in pools.items() if owner)}
    for expression in _expressions(spec, "matchExpressions"):
        key, operator = str(expression.get("key")), expression.get("operator")
        keeps_off = tenant is None and operator in KEEPING_OFF
        if key in telling and operator != IN and not keeps_off:
            yield f"selecting {key} by {operator}"
    if tenant is not None and any(_expressions(spec, "matchFields")):
        yield "naming a node by its field"
    if tenant is not None and spec.get("nodeName"):
        yield "naming a node"


def _selected(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(key, value) of each node label that a pod selects, one of several included."""
    for key, value in mapping(spec.get("nodeSelector")).items():
        yield key, str(value)
    for expression in _expressions(spec, "matchExpressions"):
        if expression.get("operator") == IN:
            yield from ((str(expression.get("key")), str(value)) for value in listed(expression.get("values")))


def _expressions(spec: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    """What a pod requires of nodes by affinity, or would rather have."""
    affinity = mapping(mapping(spec.get("affinity")).get("nodeAffinity"))
    required = mapping(affinity.get("requiredDuringSchedulingIgnoredDuringExecution"))
    preferred = map(mapping, listed(affinity.get("preferredDuringSchedulingIgnoredDuringExecution")))
    terms = [*listed(required.get("nodeSelectorTerms")), *(term.get("preference") for term in preferred)]
    for term in map(mapping, terms):
        yield from map(mapping, listed(term.get(key)))


def _runtime_classes_place_nobody(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    """A class that tenants may name adds its tolerations and selectors to their pods after policies have looked."""
    if resource.kind != "RuntimeClass" or not resource.is_kubernetes_object or not resource.by_hand:
        return
    admission = guard.blueprint.admission
    named = {*admission.runtime_classes, *(pool.runtime_class for pool in guard.blueprint.pools)}
    if resource.object_name in named and mapping(resource.properties.get("scheduling")):
        yield (
            "tenants' pods may name it, and what it says of nodes is then said for them. Write: no `scheduling`, or"
            " another name"
        )


RULES = (
    ResourceRule(
        "node-pools-are-the-stack-files",
        (ControlId.HW1, ControlId.HW3),
        "GKE node pools have the labels, taints and partitions of their pools; no other has GPUs or passes for one.",
        _node_pools_are_the_blueprints,
    ),
    ResourceRule(
        "nodes-hide-their-metadata",
        (ControlId.NS4,),
        "No pod reaches the metadata server of its node.",
        _nodes_hide_their_metadata,
    ),
    ResourceRule(
        "nodes-are-labelled-as-their-pool",
        (ControlId.HW1, ControlId.HW3),
        "A node has the labels and the taint of one pool.",
        _nodes_are_labelled_as_their_pool,
    ),
    ResourceRule(
        "other-nodes-are-nobodys",
        (ControlId.HW1, ControlId.HW3),
        "No class of nodes of GKE's or Karpenter's passes for a pool of the stack file's.",
        _other_nodes_are_nobodys,
    ),
    ResourceRule(
        "no-sharing-of-gpus",
        (ControlId.HW2,),
        "No node pool, device plugin, claim or class of nodes shares GPUs.",
        _no_sharing_of_gpus,
    ),
    ResourceRule("no-label-shares-gpus", (ControlId.HW2,), "No node's label shares its GPUs.", _no_label_shares_gpus),
    ResourceRule("no-mps", (ControlId.HW2,), "Nothing runs or uses the Multi-Process Service.", _no_mps),
    ResourceRule(
        "no-forged-placement",
        (ControlId.HW3,),
        "Pods beside the platform's say of nodes only what is their tenant's to say, by selector or affinity.",
        _no_forged_placement,
    ),
    ResourceRule(
        "runtime-classes-place-nobody",
        (ControlId.HW3,),
        "A runtime class that tenants may name says nothing of nodes.",
        _runtime_classes_place_nobody,
    ),
)
