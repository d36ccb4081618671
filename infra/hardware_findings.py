"""What is wrong with who may use which GPUs, judged on the blueprint that would be deployed.

A posture's other findings follow from the stack file alone; these follow from what the controls have made of it, so
that every engine counts, whichever control added it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from infra.blueprint import names
from infra.blueprint.gpu_admission import gpu_admission_part
from infra.blueprint.model import Blueprint
from infra.blueprint.nodes import GPU_TAINT
from infra.blueprint.placement import EngineUse, Placement, PoolPlacement, QueueUse
from infra.config.accelerators import confidential_technology
from infra.config.cluster import ExistingCluster, GkeCluster
from infra.config.engine_pools import groups_asked_for
from infra.config.machines import what_lacks
from infra.config.pools import TimeSlicingPartition, WholePartition
from infra.config.stack import StackConfig
from infra.config.tenants import Tenant
from infra.config.trust import ControlId
from infra.config.words import added, counted, engines_in_words
from infra.trust.own_pools import pool_to_add
from infra.trust.posture import ControlState, Finding, Posture, Severity
from infra.trust.runtime_classes import TOOLKIT_SETTING

_SHOWN = 8


def hardware_findings(
    config: StackConfig, posture: Posture, blueprint: Blueprint, placement: Placement
) -> tuple[Finding, ...]:
    """What is wrong with who may use which GPUs.

    Errors: pools that promise more than they have, and what HW1, HW2 and HW3, where in force, find no way to satisfy.
    Warnings, where HW1 is in force: nodes whose memory could be encrypted and is not, and nodes without GPUs that a
    sensitive tenant shares; with SR2, too: what the operator of nodes that are not made here has to set on them.
    """
    judge = _Judge(config, posture, blueprint, placement)
    return tuple(judge.findings())


@dataclass(frozen=True)
class _Judge:
    config: StackConfig
    posture: Posture
    blueprint: Blueprint
    placement: Placement

    def findings(self) -> Iterator[Finding]:
        for use in self.placement.pools:
            yield from self._capacity(use)
        yield from self._small_nodes()
        yield from self._believed_nodes()
        if ControlId.HW1 in self.posture.in_force:
            yield from self._closed_quotas()
            yield from self._exposed_engines()
            yield from self._unencrypted_nodes()
            yield from self._shared_nodes_without_gpus()
        if {ControlId.HW1, ControlId.HW2} & self.posture.in_force:
            yield from self._shared_in_time()
        if ControlId.HW3 in self.posture.in_force and ControlId.SR2 not in self.posture.in_force:
            yield from self._forged_owners()

    # --- arithmetic

    def _capacity(self, use: PoolPlacement) -> Iterator[Finding]:
        pool = use.pool
        if use.promised > pool.devices:
            factors = [counted(pool.nodes_max, "node"), counted(pool.gpus_per_node, "GPU")]
            if pool.devices_per_gpu > 1:
                factors.append(counted(pool.devices_per_gpu, "device"))
            yield Finding(
                Severity.ERROR,
                ControlId.AC3,
                f"{self._pool_path(pool.name)}.nodes.max",
                f"Engines and guaranteed quotas on pool {pool.name} take {_added(use)}, and it has at most"
                f" {pool.devices} ({' x '.join(factors)}). An engine, or an admitted job, would wait for a GPU that"
                f" cannot come. Write: max: {-(-use.promised // pool.devices_per_node)} or more, or smaller quotas, or"
                " fewer engines.",
            )

    def _small_nodes(self) -> Iterator[Finding]:
        """Engines that take more than a whole machine has: of their model's pool, or of their tenant's own."""
        if not isinstance(self.config.cluster, GkeCluster):
            return
        for index, model in enumerate(self.config.models):
            groups = groups_asked_for(model, self.config.tenants, self.config.pools, self.config.trust)
            for name in sorted({group.pool for group in groups}):
                pool = self.config.pool(name)
                if lacking := what_lacks(model, pool.gke_machine_type or ""):
                    whose = "" if name == model.pool else f" that is {pool.dedicated_to}'s own"
                    yield Finding(
                        Severity.ERROR,
                        ControlId.AC3,
                        f"bulkhead:models[{index}].{lacking.key}",
                        f"An engine of {model.name}{whose} runs on pool {name} and takes {lacking.words}: it would wait"
                        " for a node that cannot come. Write: a larger machine_type, or more gpus_per_node, on pool"
                        f" {name}, or less for the engine.",
                    )

    # --- nodes that are not made here

    def _believed_nodes(self) -> Iterator[Finding]:
        """Admission judges what a pod says; an image that asks for every GPU says so to the nodes alone."""
        control = next((one for one in (ControlId.SR2, ControlId.HW1) if one in self.posture.in_force), None)
        if control is None or not isinstance(self.config.cluster, ExistingCluster):
            return
        for pool in self.config.gpu_pools:
            yield Finding(
                Severity.WARNING,
                control,
                self._pool_path(pool.name),
                f"{control} rests on two settings of pool {pool.name}'s nodes, which this program does not make: pods"
                " without a GPU must not land there, and NVIDIA's container toolkit must not heed an image's"
                " NVIDIA_VISIBLE_DEVICES, which no policy sees. Without them any pod there can be shown every GPU and"
                f" MIG instance of the node. Set on each of its nodes: {GPU_TAINT}, and {TOOLKIT_SETTING}.",
            )

    # --- HW1

    def _closed_quotas(self) -> Iterator[Finding]:
        """Quota on a pool that HW1 closes to the tenant's jobs."""
        for index, tenant in enumerate(self.config.tenants):
            for name, devices in sorted(self.config.gpu_quota(tenant).items()):
                use = self.placement.of(name)
                if devices and tenant.name not in use.working:
                    yield self._closed_quota(index, tenant, use)

    def _closed_quota(self, index: int, tenant: Tenant, use: PoolPlacement) -> Finding:
        pool = use.pool.name
        others = _listed(self._claimants(use) - {tenant.name})
        if tenant.sensitive:
            why = f"{tenant.name} is sensitive, and the nodes of pool {pool} are not its own"
        else:
            why = f"the GPUs of pool {pool} are handed out whole and pass from {tenant.name} to others ({others})"
        divided = "" if tenant.sensitive else ", or MIG, as partition: {kind: mig, size: ...}, on a GPU that has it"
        return Finding(
            Severity.ERROR,
            ControlId.HW1,
            f"bulkhead:tenants[{index}].gpu_quota",
            f"HW1 keeps jobs of {tenant.name} off pool {pool}, where it has quota: {why}. At risk:"
            f" {self._at_risk(ControlId.HW1)}. Write: a pool with dedicated_to: {tenant.name}{divided}, and its quota"
            f" there, or no quota on {pool}.",
        )

    def _claimants(self, use: PoolPlacement) -> frozenset[str]:
        quotas = {tenant.name for tenant in self.config.tenants if self.config.gpu_quota(tenant).get(use.pool.name, 0)}
        return use.tenants | quotas

    def _exposed_engines(self) -> Iterator[Finding]:
        """A sensitive tenant's engine on nodes that others use as well: one error for each pool."""
        sensitive = {tenant.name: index for index, tenant in enumerate(self.config.tenants) if tenant.sensitive}
        for use in self.placement.pools:
            for name in sorted(use.served & sensitive.keys()):
                if use.pool.is_mig and use.pool.dedicated_to is None and len(self.config.tenants) > 1:
                    tenant, pool = self.config.tenants[sensitive[name]], self.config.pool(use.pool.name)
                    write = pool_to_add(self.config, tenant, pool) or (
                        f"dedicated_to: {name} on a pool that runs the models which it calls"
                    )
                    yield Finding(
                        Severity.ERROR,
                        ControlId.HW1,
                        f"bulkhead:tenants[{sensitive[name]}].sensitive",
                        f"Tenant {name} is sensitive, and an engine that it calls runs on pool {use.pool.name}, whose"
                        " nodes are not its own: HW1 lets a sensitive tenant meet nobody on a node. At risk:"
                        f" {self._at_risk(ControlId.HW1)}. Write: {write}.",
                    )

    def _unencrypted_nodes(self) -> Iterator[Finding]:
        if not isinstance(self.config.cluster, GkeCluster):
            return
        for pool in self.config.pools:
            technology = confidential_technology(pool.gke_machine_type or "")
            offered = not pool.is_gpu or (pool.spot and isinstance(pool.partition, WholePartition))
            if technology and offered and not pool.confidential:
                yield Finding(
                    Severity.WARNING,
                    ControlId.HW1,
                    self._pool_path(pool.name),
                    f"The memory of pool {pool.name}'s nodes is not encrypted while in use, which GKE offers for"
                    f" {pool.gke_machine_type} ({technology}). Write: confidential: true, which makes new nodes.",
                )

    def _shared_nodes_without_gpus(self) -> Iterator[Finding]:
        """HW1 is about GPUs: what a sensitive tenant runs without one goes where there is room."""
        if len(self.config.tenants) == 1:
            return
        for index, tenant in enumerate(self.config.tenants):
            if not tenant.sensitive:
                continue
            own = [pool.name for pool in self.config.pools if not pool.is_gpu and pool.dedicated_to == tenant.name]
            engines = sorted(self._engines_on_shared_cpus(tenant))
            if engines or not own:
                yield self._shared_node(index, own, engines)

    def _engines_on_shared_cpus(self, tenant: Tenant) -> Iterator[str]:
        for model in self.config.models:
            for group in groups_asked_for(model, self.config.tenants, self.config.pools, self.config.trust):
                pool = self.config.pool(group.pool)
                if tenant.name in group.serves and not pool.is_gpu and pool.dedicated_to != tenant.name:
                    yield model.name

    def _shared_node(self, index: int, own: Sequence[str], engines: Sequence[str]) -> Finding:
        name, runs, write = self.config.tenants[index].name, list[str](), list[str]()
        if not own:
            runs.append("its pods without a GPU")
            write.append(f"a pool with accelerator: cpu and dedicated_to: {name}, which those pods then select")
        if engines:
            runs.append(f"the engines that it calls of {_listed(engines)}")
            there = f"pool: {own[0]}" if own else "that pool"
            write.append(f"{_listed(engines)} once more, under another name, with {there}, for {name} to call")
        return Finding(
            Severity.WARNING,
            ControlId.HW1,
            f"bulkhead:tenants[{index}].sensitive",
            f"Tenant {name} is sensitive, and {' and '.join(runs)} run on nodes that others use as well: HW1 keeps"
            " nodes with GPUs apart, and on all others nothing but Linux stands between tenants. Write:"
            f" {', and '.join(write)}.",
        )

    # --- HW2

    def _shared_in_time(self) -> Iterator[Finding]:
        by_hw2 = ControlId.HW2 in self.posture.in_force
        for use in self.placement.pools:
            if use.shared_in_time and (by_hw2 or use.tenants_meet_on_a_gpu):
                control = ControlId.HW2 if by_hw2 else ControlId.HW1
                clients = self._clients(use.pool.name)
                yield Finding(
                    Severity.ERROR,
                    control,
                    f"{self._pool_path(use.pool.name)}.partition",
                    f"{control} refuses pool {use.pool.name}, whose GPUs are time-sliced among {clients} clients: each"
                    " of them can reach the whole GPU's memory and takes the others down with a fault. Write:"
                    " partition: {kind: mig, size: ...} on a GPU with MIG, or leave partition out: whole GPUs.",
                )

    def _clients(self, pool: str) -> int:
        partition = self.config.pool(pool).partition
        return partition.clients if isinstance(partition, TimeSlicingPartition) else 1

    # --- HW3

    def _forged_owners(self) -> Iterator[Finding]:
        """In a namespace of all, the queue tells whose a workload is, and its author writes that; SR2 looks who asks.

        Only where nodes are a tenant's own does anything follow from whose it is.
        """
        own = gpu_admission_part(self.blueprint).placement.own_labels
        if self.blueprint.tenant_spaces or len(self.config.tenants) == 1 or not own:
            return
        lacking = self.posture.of(ControlId.SR2)
        waived = lacking.state is ControlState.WAIVED
        yield Finding(
            Severity.ERROR,
            ControlId.HW3,
            f"bulkhead:trust.enable[{self.config.trust.enable.index(ControlId.HW3)}]",
            f"HW3 cannot tell whose a workload is: tenants share the namespace {names.WORKLOADS_NAMESPACE}, where the"
            " queue that its author names is all there is to go by, and SR2, which lets only the queue's tenant name"
            f" it, is {lacking.because if waived else 'not in force'}. Whoever names the queue of {_listed(own)} gets"
            f" onto nodes that are its own. At risk: {self._at_risk(ControlId.HW3)}. Write: SR2 under"
            f" bulkhead:trust.enable, {'in place of its waiver' if waived else 'too'}, or remove HW3 there.",
        )

    def _at_risk(self, control: ControlId) -> str:
        return self.posture.of(control).control.at_risk

    def _pool_path(self, name: str) -> str:
        index = next(index for index, pool in enumerate(self.config.pools) if pool.name == name)
        return f"bulkhead:pools[{index}]"


def _added(use: PoolPlacement) -> str:
    parts = (*map(_of_engine, use.engines), *map(_of_queue, use.queues))
    return added([(devices, owner) for devices, owner in parts if devices], "device")


def _of_engine(engine: EngineUse) -> tuple[int, str]:
    number = engine.replicas + engine.spare
    words = engines_in_words(engine.name, number, engine.devices, successor=engine.spare > 0)
    return engine.devices_in_all, words


def _of_queue(queue: QueueUse) -> tuple[int, str]:
    return queue.guaranteed, f"quota of {queue.tenant}"


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = len(ordered) - _SHOWN
    return ", ".join(ordered[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
