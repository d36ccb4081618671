"""The blueprint: everything that a stack will deploy, as frozen data.

Components turn its parts into resources; controls turn one blueprint into a harder one; reports and properties read
it. It knows nothing of tiers and nothing of Pulumi. Every collection is sorted, so that equal configurations give
equal blueprints whatever order the stack file lists things in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from infra.blueprint.access import AccessRulePart, SubjectPart
from infra.blueprint.admission import AdmissionAction
from infra.blueprint.names import DATA_PLANE_PORT
from infra.blueprint.network import NetworkPolicyPart
from infra.blueprint.routes import KEY_PATHS
from infra.config.gateway import EngineTraffic
from infra.config.models import CacheIsolation

MANAGED_BY_LABELS: Mapping[str, str] = {
    "app.kubernetes.io/managed-by": "bulkhead",
    "app.kubernetes.io/part-of": "bulkhead",
}
"""On every object that the platform makes."""


class PodSecurity(StrEnum):
    """Pod Security Standards, as Kubernetes names them."""

    BASELINE = "baseline"
    RESTRICTED = "restricted"


@dataclass(frozen=True)
class NamespacePart:
    """A namespace, the Pod Security level that it enforces, and labels beyond the common ones.

    Attributes:
        pod_security_version: The minor version of Kubernetes whose standards hold, as `v1.34`; never `latest`.
        protected: Whether it may not be deleted, with what lies in it.
    """

    name: str
    pod_security: PodSecurity
    pod_security_version: str
    labels: Mapping[str, str]
    protected: bool = False


# --- cluster and nodes ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ExistingClusterPart:
    """A cluster reached through a kubeconfig context; `name` says which one it is, whatever the context is called."""

    name: str
    context: str


@dataclass(frozen=True)
class GkeClusterPart:
    """A private, VPC-native GKE cluster with Dataplane V2; `release_channel` in GKE's capitals."""

    name: str
    project: str
    location: str
    release_channel: str
    node_zones: tuple[str, ...]
    authorized_networks: tuple[tuple[str, str], ...]
    """(display name, CIDR) of each network that may reach the control plane."""
    deletion_protection: bool
    gateway_api: bool = False
    """Whether GKE's controller of the Gateway API runs, and regional load balancers find a subnet for their proxies."""


ClusterPart = ExistingClusterPart | GkeClusterPart


@dataclass(frozen=True)
class TaintPart:
    """A node taint; `effect` as Kubernetes spells it (`NoSchedule`)."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        """As kubectl takes it."""
        return f"{self.key}={self.value}:{self.effect}"

    @property
    def gke_effect(self) -> str:
        """The effect as GKE's API spells it (`NO_SCHEDULE`)."""
        return _GKE_EFFECTS[self.effect]


_GKE_EFFECTS = {
    "NoSchedule": "NO_SCHEDULE",
    "PreferNoSchedule": "PREFER_NO_SCHEDULE",
    "NoExecute": "NO_EXECUTE",
}


@dataclass(frozen=True)
class TolerationPart:
    """A toleration of one taint: `Equal` when there is a value, else `Exists`."""

    key: str
    value: str | None
    effect: str


@dataclass(frozen=True)
class WholeGpuPart:
    """GPUs handed out whole."""


@dataclass(frozen=True)
class MigPart:
    """GPUs split by MIG into instances of one size, as `1g.10gb`."""

    size: str


@dataclass(frozen=True)
class TimeSlicingPart:
    """GPUs handed to several clients in turn."""

    clients: int


PartitionPart = WholeGpuPart | MigPart | TimeSlicingPart


@dataclass(frozen=True)
class NodePoolPart:
    """A GKE node pool to create, named by its partitioning so that a change of it adds a pool before one goes.

    Attributes:
        accelerator: GKE's name for the GPU type; None on a CPU pool.
        gpus_per_node: 0 on a CPU pool.
        boot_disk_gigabytes: Room for images, logs and the weights of the engines that can meet on one node.
        labels: Node labels beyond those that GKE sets itself.
        memory_encryption: What encrypts the nodes' memory while in use, as GKE calls it (`SEV`, `TDX`); None: nothing.
        sandboxed: Whether containers run under gVisor.
    """

    name: str
    accelerator: str | None
    gpus_per_node: int
    partition: PartitionPart
    machine_type: str
    boot_disk_gigabytes: int
    nodes_min: int
    nodes_max: int
    spot: bool
    labels: Mapping[str, str]
    taints: tuple[TaintPart, ...]
    memory_encryption: str | None = None
    sandboxed: bool = False


@dataclass(frozen=True)
class PoolPart:
    """A pool of nodes, created or described: what decides who meets whom on them.

    Attributes:
        name: Its name in the stack file.
        flavor: Its name with its partitioning; the Kueue flavor of a pool with GPUs.
        node_labels: The labels that select its nodes; empty where any node without GPUs will do.
        dedicated_to: The only tenant whose workloads may run here; None where it is open.
        gpus_per_node: 0 on a pool without GPUs.
        devices_per_gpu: Devices that one GPU shows to Kubernetes: MIG instances, time-slicing clients, or 1.
        resource: What pods call a device when they ask for one; without a meaning on a pool without GPUs.
        runtime_class: The runtime class that pods have to name to run here; None where they need none.
    """

    name: str
    flavor: str
    node_labels: Mapping[str, str]
    partition: PartitionPart
    dedicated_to: str | None
    nodes_max: int
    gpus_per_node: int
    devices_per_gpu: int
    resource: str
    runtime_class: str | None = None

    @property
    def is_gpu(self) -> bool:
        """Whether its nodes have GPUs."""
        return self.gpus_per_node > 0

    @property
    def devices_per_node(self) -> int:
        """Devices that each node shows to Kubernetes."""
        return self.gpus_per_node * self.devices_per_gpu

    @property
    def devices(self) -> int:
        """Devices that the pool has when it has grown to its maximum."""
        return self.devices_per_node * self.nodes_max

    @property
    def is_mig(self) -> bool:
        """Whether hardware separates the devices of one GPU from each other."""
        return isinstance(self.partition, MigPart)


# --- GPU quota --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OciChartLocation:
    """A chart in an OCI registry, `url` without a tag."""

    url: str


@dataclass(frozen=True)
class RepositoryChartLocation:
    """A chart in a Helm repository."""

    url: str
    chart: str


@dataclass(frozen=True)
class FolderChartLocation:
    """A chart in a folder, relative to the project."""

    path: str


ChartLocation = OciChartLocation | RepositoryChartLocation | FolderChartLocation


@dataclass(frozen=True)
class ChartPart:
    """A Helm chart and its exact version (which a folder's own Chart.yaml states)."""

    location: ChartLocation
    version: str


@dataclass(frozen=True)
class ChartImagePart:
    """An image that a chart is told to run, without the registry, which all of the chart's images share."""

    repository: str
    tag: str


@dataclass(frozen=True)
class ResourceFlavorPart:
    """A Kueue ResourceFlavor: the nodes of one pool, and the tolerations that Kueue injects for them."""

    name: str
    node_labels: Mapping[str, str]
    tolerations: tuple[TolerationPart, ...]


@dataclass(frozen=True)
class FlavorQuotaPart:
    """Devices of one flavor: guaranteed, and how many more may be borrowed (None: whatever is idle)."""

    flavor: str
    nominal: int
    borrowing_limit: int | None


@dataclass(frozen=True)
class ResourceQuotaGroupPart:
    """One GPU resource name, as `nvidia.com/gpu`, and its flavors in order of preference."""

    resource: str
    flavors: tuple[FlavorQuotaPart, ...]


@dataclass(frozen=True)
class ClusterQueuePart:
    """A Kueue ClusterQueue: one tenant's GPU quota, or the platform's own for serving."""

    name: str
    tenant: str | None
    groups: tuple[ResourceQuotaGroupPart, ...]


@dataclass(frozen=True)
class LocalQueuePart:
    """A Kueue LocalQueue: where the workloads of a namespace enter a ClusterQueue."""

    name: str
    namespace: str
    cluster_queue: str
    tenant: str | None


@dataclass(frozen=True)
class PriorityClassPart:
    """A Kueue WorkloadPriorityClass; the higher value wins."""

    name: str
    value: int
    description: str


@dataclass(frozen=True)
class QuotaPart:
    """Kueue and everything it rations.

    Attributes:
        managed_namespace_labels: Namespaces with these labels are the only ones that Kueue's webhooks see. Unscoped,
            a Kueue that was not ready refused every Job of a cluster and wedged a database operator.
        hard_partition: Whether each tenant's queue keeps to pools on which it meets no other tenant on one GPU.
    """

    namespace: str
    chart: ChartPart
    image: str
    replicas: int
    managed_namespace_labels: Mapping[str, str]
    cohort: str
    flavors: tuple[ResourceFlavorPart, ...]
    cluster_queues: tuple[ClusterQueuePart, ...]
    local_queues: tuple[LocalQueuePart, ...]
    priority_classes: tuple[PriorityClassPart, ...]
    hard_partition: bool = False


# --- admission --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AdmissionPart:
    """Kyverno, which keeps the admission policies, and what these do.

    Attributes:
        image_registry: The host, with an optional path, that the chart's images are taken from.
        image: What the admission controller runs; nothing where the chart lies in a folder, whose version need not be
            the pinned one: it names the images that belong to it.
        first_image: What runs before it, under the same condition.
        replicas: Of the admission controller.
        action_when_in_force: What policies do whose control is in force or audited.
        exempt_namespaces: Where no policy looks.
        owner_controllers: User names of controllers whose own kind Kueue admits as a whole.
        gpu_queues: What the policies do that keep GPUs behind queues; without any policy Kyverno is not installed.
        tenant_objects: What the policies do on Services and Secrets that reach further than a tenant's role does; where
            those on queues do more, they do as those.
        gpu_sharing: What the policies do that refuse GPUs which several clients share.
        placement: What the policy does that keeps tenants' workloads off each other's nodes.
        priority_classes: Priority classes that tenants' pods may name.
        runtime_classes: Runtime classes that tenants' pods may name.
    """

    namespace: str
    chart: ChartPart
    image_registry: str
    image: ChartImagePart | None
    first_image: ChartImagePart | None
    replicas: int
    action_when_in_force: AdmissionAction
    exempt_namespaces: tuple[str, ...]
    owner_controllers: tuple[str, ...]
    gpu_queues: AdmissionAction
    tenant_objects: AdmissionAction = AdmissionAction.OFF
    gpu_sharing: AdmissionAction = AdmissionAction.OFF
    placement: AdmissionAction = AdmissionAction.OFF
    priority_classes: tuple[str, ...] = ()
    runtime_classes: tuple[str, ...] = ()

    @property
    def installed(self) -> bool:
        """Whether Kyverno is installed."""
        actions = {self.gpu_queues, self.tenant_objects, self.gpu_sharing, self.placement}
        return actions != {AdmissionAction.OFF}


# --- serving ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class VersionFloorPart:
    """Which versions of a program may be deployed.

    Attributes:
        version: The oldest.
        advisory: What every older one is open to.
        refused: Newer ones that may not be, each with what is known against it.
    """

    version: tuple[int, int, int]
    advisory: str
    refused: tuple[tuple[tuple[int, int, int], str], ...] = ()


@dataclass(frozen=True)
class HubWeights:
    """Weights on the model hub, as `organisation/model`, staged to a volume of this many GiB before serving."""

    repository: str
    storage_gibibytes: int


@dataclass(frozen=True)
class ImageWeights:
    """Weights that the engine's image carries at an absolute path."""

    path: str


Weights = HubWeights | ImageWeights


@dataclass(frozen=True)
class DeviceRequest:
    """GPU devices that one engine asks for, as `nvidia.com/gpu: 2`."""

    resource: str
    count: int


@dataclass(frozen=True)
class EngineOptionsPart:
    """vLLM options; None leaves vLLM's own default. Units: tokens, GPUs, sequences, share 0 to 1, MiB, GiB.

    Attributes:
        kv_offload_gibibytes: Memory of the node behind the key-value cache; None: none.
        media_per_request: Images, videos and sounds in one request, of each kind at most, of engines that take any.
    """

    context_length: int | None
    data_type: str
    quantization: str | None
    tensor_parallel_size: int
    concurrent_sequences: int | None
    gpu_memory_utilization: float | None
    kv_cache_mebibytes: int | None
    eager: bool
    load_format: str
    lora: bool
    kv_offload_gibibytes: int | None = None
    media_per_request: int | None = None


@dataclass(frozen=True)
class QueueEntryPart:
    """The LocalQueue, in the engine's own namespace, and the priority class that its pods are admitted through."""

    local_queue: str
    priority_class: str


@dataclass(frozen=True)
class EndpointPickerPart:
    """What chooses among a model's engines for each request, and the data plane that asks it.

    Attributes:
        image: llm-d's endpoint picker.
        class_name: The GatewayClass of the data plane.
        controller_namespace: Where the controller of that class runs.
        scores_prefixes: Whether an engine is preferred that holds the beginning of the prompt already.
        fails_closed: Whether a request is refused when the picker does not answer, instead of going to any engine.
        network_encrypts: Whether the cluster's network is said to encrypt what the data plane carries in clear text.
    """

    image: str
    class_name: str
    controller_namespace: str
    scores_prefixes: bool
    fails_closed: bool
    network_encrypts: bool = False


@dataclass(frozen=True)
class DoorPart:
    """The way into an engine by mutual TLS: a proxy in its pod that takes the gateway's certificate and no other.

    It is there whether it is used or not: an engine that had to restart for it would be away while it loads.
    """

    image: str
    version_floor: VersionFloorPart
    port: int


@dataclass(frozen=True)
class EngineNodesPart:
    """The nodes that engines run on, as their pods name them.

    Attributes:
        devices: What each engine takes of them; None on CPU nodes.
        node_labels: The labels that select them; empty where any node without GPUs will do.
        flavor: The Kueue flavor of the pool; None on CPU nodes.
        runtime_class: The runtime class that pods have to name there; None: the cluster's usual one.
    """

    devices: DeviceRequest | None = None
    node_labels: Mapping[str, str] = field(default_factory=dict[str, str])
    tolerations: tuple[TolerationPart, ...] = ()
    flavor: str | None = None
    runtime_class: str | None = None


@dataclass(frozen=True)
class EnginePart:
    """One vLLM Deployment: a model's engines, or those of one tenant.

    Attributes:
        name: The model's name, with the tenant's where the engines are one tenant's own; objects are called
            `engine-<name>`, never `vllm`, since Kubernetes would then inject a `VLLM_PORT` that vLLM reads.
        queue: None on CPU nodes, which no quota covers.
        nodes: Where the model's engines run.
        own_nodes: Tenant → where engines of its own run instead, also of tenants that have none: who has is known once
            the controls are applied, KV1 among them, and a blueprint that is divided anew has to find the nodes again.
        load_seconds: How long the engine may take from start to serving.
        version_floor: The oldest vLLM that `image` may hold.
        model: The model that they serve, by the name that tenants use.
        tenant: The only tenant whose requests they work on; None where several may share them.
        cache_isolation: Who may share what they have computed; None where nothing is said, which shares it.
        key_generations: The generations of the gateway's key that they take; the gateway shows the last one.
        picker: What chooses among them; None: a Service, which reads no prompt.
        door: Their way in by mutual TLS; None: none.
        surge: Whether a successor comes before an engine on devices goes, on devices that are kept free for it.
        takes_media: Whether a request may bring images, videos and sounds, of which engines keep something unsalted.
    """

    name: str
    namespace: str
    image: str
    version_floor: VersionFloorPart
    weights: Weights
    options: EngineOptionsPart
    replicas: int
    queue: QueueEntryPart | None
    nodes: EngineNodesPart
    cpu: str
    memory: str
    load_seconds: int
    port: int
    model: str
    tenant: str | None = None
    own_nodes: Mapping[str, EngineNodesPart] = field(default_factory=dict[str, EngineNodesPart])
    cache_isolation: CacheIsolation | None = None
    key_generations: tuple[int, ...] = (1,)
    picker: EndpointPickerPart | None = None
    door: DoorPart | None = None
    surge: bool = False
    takes_media: bool = True

    @property
    def runs_on(self) -> EngineNodesPart:
        """The nodes that these engines run on."""
        return self.nodes if self.tenant is None else self.own_nodes.get(self.tenant, self.nodes)

    @property
    def devices(self) -> DeviceRequest | None:
        """What each of them takes of a node; None on CPU nodes."""
        return self.runs_on.devices

    @property
    def flavor(self) -> str | None:
        """The Kueue flavor of the pool that runs them; None on CPU nodes."""
        return self.runs_on.flavor

    @property
    def engines_at_most(self) -> int:
        """Engines that are there at once while one succeeds another, of those for whom devices are counted."""
        return self.replicas + int(self.surge and self.devices is not None)

    @property
    def keeps_prefixes(self) -> bool:
        """Whether they keep what they have computed of a prompt for the next that begins like it."""
        return self.cache_isolation is not CacheIsolation.OFF

    @property
    def media_per_request(self) -> int | None:
        """Images, videos and sounds that one request may bring, of each kind at most; None leaves vLLM's own."""
        return self.options.media_per_request if self.takes_media else 0

    @property
    def isolates_tenants(self) -> bool:
        """Whether no tenant may hit what another has left, so that every request has to be a known tenant's."""
        return self.cache_isolation not in (None, CacheIsolation.SHARED)

    @property
    def service_name(self) -> str:
        """The name of its Service and Deployment."""
        return f"engine-{self.name}"

    @property
    def picker_name(self) -> str:
        """The name of its picker's Service and Deployment, where it has one."""
        return f"picker-{self.name}"

    @property
    def data_plane_name(self) -> str:
        """The name of the Gateway before its engines, and of the Service that leads to it, where it has a picker."""
        return f"picked-{self.name}"

    @property
    def host(self) -> str:
        """The name by which its Service is found from any namespace."""
        return f"{self.service_name}.{self.namespace}.svc.cluster.local"

    @property
    def base_url(self) -> str:
        """The OpenAI-compatible endpoint inside the cluster."""
        if self.picker is not None:
            return f"http://{self.data_plane_name}.{self.namespace}.svc.cluster.local:{DATA_PLANE_PORT}/v1"
        return f"http://{self.host}:{self.port}/v1"

    @property
    def door_address(self) -> tuple[str, int] | None:
        """Host and port where the gateway reaches them by mutual TLS; None: nowhere.

        What is picked is carried there by a data plane of its own, which has no certificate for the door.
        """
        return None if self.door is None or self.picker is not None else (self.host, self.door.port)


# --- gateway ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class InClusterDatabasePart:
    """PostgreSQL as a StatefulSet with a volume of `storage` (a Kubernetes quantity).

    Attributes:
        protected: Whether it may be neither deleted nor replaced.
    """

    image: str
    storage: str
    protected: bool = False


@dataclass(frozen=True)
class CloudSqlDatabasePart:
    """Cloud SQL for PostgreSQL on a private address."""

    machine_tier: str
    highly_available: bool


@dataclass(frozen=True)
class ExternalDatabasePart:
    """A PostgreSQL whose URL is a secret of the stack, and the networks and port that it is reached at."""

    networks: tuple[str, ...] = ()
    port: int = 5432


DatabasePart = InClusterDatabasePart | CloudSqlDatabasePart | ExternalDatabasePart


@dataclass(frozen=True)
class InClusterCachePart:
    """Redis as a Deployment without a volume."""

    image: str


@dataclass(frozen=True)
class MemorystoreCachePart:
    """Memorystore for Redis on a private address."""

    memory_gibibytes: int
    highly_available: bool


@dataclass(frozen=True)
class ExternalCachePart:
    """A Redis whose URL is a secret of the stack, and the networks and port that it is reached at."""

    networks: tuple[str, ...] = ()
    port: int = 6379


CachePart = InClusterCachePart | MemorystoreCachePart | ExternalCachePart


@dataclass(frozen=True)
class GatewayModelPart:
    """A model as the gateway offers it, at one address; prices in US dollars a token, None when it has none.

    Attributes:
        name: What tenants call it; a model with engines of several tenants' own stands here once for each.
        base_url: Where the engines are.
        engine: The engines' name.
        tenant: The only tenant whose requests go there; None where those of several may.
        isolated: Whether no tenant may hit what another has left in the engines.
        door: Host and port of their way in by mutual TLS; None: they have none.
    """

    name: str
    base_url: str
    input_usd_per_token: float | None
    output_usd_per_token: float | None
    engine: str
    tenant: str | None = None
    isolated: bool = False
    door: tuple[str, int] | None = None


@dataclass(frozen=True)
class ListenerPart:
    """A Gateway that somebody else runs, and the one of its listeners that ends TLS."""

    namespace: str
    name: str
    section: str


@dataclass(frozen=True)
class SecretCertificatePart:
    """A TLS certificate in a Secret beside the gateway."""

    name: str


@dataclass(frozen=True)
class ManagedCertificatePart:
    """A TLS certificate of Google's Certificate Manager: in `region`, or global where that is None."""

    project: str
    region: str | None


CertificatePart = SecretCertificatePart | ManagedCertificatePart


@dataclass(frozen=True)
class NewListenerPart:
    """A Gateway of this stack's own, of a class that the cluster has, with one HTTPS listener."""

    class_name: str
    certificate: CertificatePart


@dataclass(frozen=True)
class RoutePart:
    """The gateway behind a host name, through the Gateway API.

    Attributes:
        host: The DNS name.
        listener: What accepts the connections, and ends TLS.
        google_policies: Whether the cluster knows GKE's health check and backend policies, and needs them.
    """

    host: str
    listener: ListenerPart | NewListenerPart
    google_policies: bool


@dataclass(frozen=True)
class ExternalProviderPart:
    """A model provider outside the cluster: the networks (CIDRs) and the port that it is reached at."""

    name: str
    networks: tuple[str, ...]
    port: int


@dataclass(frozen=True)
class GatewayPart:
    """LiteLLM with its database and cache (None: one replica, counters of its own), and the edge in front of it.

    Attributes:
        port: Where the edge takes tenants' requests.
        admin_port: Where it takes those of the reconciler, and of whoever administers the gateway.
        metrics_port: Where it lets the scraper read LiteLLM's metrics; None without one.
        request_megabytes: The largest body of a request, in MiB.
        admin_namespaces: Namespaces whose pods may use the administration port as well.
        route: How it is reached from outside the cluster; None: not at all.
        external_providers: Model providers outside the cluster that it may reach.
        fails_closed: Whether a request whose budget or limit cannot be checked is refused.
        cache_salt_generation: Which key the tenants' salts are made from; another number, another key.
        master_key_generation: Which key administers it; another number, another key.
        serves_without_database: Whether requests are answered, unchecked, while the database does not answer.
        engine_traffic: How requests go to the engines.
    """

    namespace: str
    image: str
    version_floor: VersionFloorPart
    edge_image: str
    edge_version_floor: VersionFloorPart
    replicas: int
    port: int
    admin_port: int
    metrics_port: int | None
    request_megabytes: int
    admin_namespaces: tuple[str, ...]
    route: RoutePart | None
    models: tuple[GatewayModelPart, ...]
    database: DatabasePart
    cache: CachePart | None
    serves_without_database: bool = False
    external_providers: tuple[ExternalProviderPart, ...] = ()
    fails_closed: bool = False
    cache_salt_generation: int = 1
    master_key_generation: int = 1
    engine_traffic: EngineTraffic = EngineTraffic.PLAIN

    @property
    def model_names(self) -> tuple[str, ...]:
        """What tenants call the models, sorted."""
        return tuple(sorted({model.name for model in self.models}))

    @property
    def encrypts(self) -> bool:
        """Whether requests go to the engines by mutual TLS."""
        return self.engine_traffic is EngineTraffic.MUTUAL_TLS

    @property
    def isolates_caches(self) -> bool:
        """Whether some model's requests bear salts."""
        return any(model.isolated for model in self.models)

    @property
    def base_url(self) -> str:
        """Where tenants reach the gateway inside the cluster."""
        return f"http://gateway.{self.namespace}.svc.cluster.local:{self.port}"

    @property
    def admin_url(self) -> str:
        """Where the gateway is administered from inside the cluster, with the master key."""
        return f"http://gateway-admin.{self.namespace}.svc.cluster.local:{self.admin_port}"


@dataclass(frozen=True)
class WorkloadSizesPart:
    """What a tenant's workloads may take together; quantities as Kubernetes spells them."""

    cpu: str = "32"
    memory: str = "128Gi"
    storage: str = "500Gi"
    pods: int = 100


@dataclass(frozen=True)
class TenantPart:
    """A tenant's account at the gateway (one LiteLLM team and one virtual key), and its place on the cluster.

    Attributes:
        workloads: What its workloads may take, where that is limited.
        keep_data: Whether its namespace, if it has one, stays on the cluster when the tenant leaves the stack file.
        subjects: Who acts for it on the cluster.
        namespace: Its own namespace, where it has one.
        sensitive: Whether it is to meet no other tenant, as far as the stack file's key of that name says.
        key_generations: The generations of its virtual key that work; the last one is the tenant's own by now.
        paths: What of the gateway its key opens.
        metadata: What else its team and key hold at the gateway: (name, value).
    """

    name: str
    models: tuple[str, ...]
    budget_usd: float
    budget_period: str
    requests_per_minute: int
    tokens_per_minute: int
    workloads: WorkloadSizesPart = WorkloadSizesPart()
    keep_data: bool = True
    subjects: tuple[SubjectPart, ...] = ()
    namespace: str | None = None
    sensitive: bool = False
    key_generations: tuple[int, ...] = (1,)
    paths: tuple[str, ...] = KEY_PATHS
    metadata: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class SharedAccessPart:
    """A role in the namespace that tenants share, and whom it is bound to: (tenant, subjects)."""

    namespace: str
    rules: tuple[AccessRulePart, ...]
    subjects: tuple[tuple[str, tuple[SubjectPart, ...]], ...]


@dataclass(frozen=True)
class WorkloadLimitsPart:
    """What a namespace may hold, and what a container gets that states nothing; quantities as Kubernetes spells them.

    Attributes:
        control: The id of the control that it belongs to.
        hard: A ResourceQuota's `hard`.
        default_requests: What a container requests that says nothing.
        default_limits: What a container is limited to that says nothing.
        volume_maximum: The largest volume claim.
    """

    control: str
    hard: Mapping[str, str]
    default_requests: Mapping[str, str]
    default_limits: Mapping[str, str]
    volume_maximum: str


@dataclass(frozen=True)
class TenantAccessPart:
    """What a tenant's subjects may do in its namespace, whose default service account then gets no token.

    Attributes:
        control: The id of the control that it belongs to.
    """

    control: str
    rules: tuple[AccessRulePart, ...]
    subjects: tuple[SubjectPart, ...]


@dataclass(frozen=True)
class TenantSpacePart:
    """One tenant's own namespace and what holds in it; None and empty where the control that brings it is not in force.

    Attributes:
        keep_data: Whether the namespace stays on the cluster, closed, when the tenant leaves the stack file.
    """

    tenant: str
    namespace: NamespacePart
    keep_data: bool
    limits: WorkloadLimitsPart | None
    access: TenantAccessPart | None
    network_policies: tuple[NetworkPolicyPart, ...]


# --- observability ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PrometheusPart:
    """A Prometheus that scrapes the platform, and the exporters that it needs beside it.

    Attributes:
        storage: The size of its volume, a Kubernetes quantity.
        alertmanagers: Where alerts go, as `host:port`.
        read_from: Namespaces whose pods may query it.
        cache_exporter_image: None where there is no cache.
    """

    namespace: str
    image: str
    storage: str
    retention_days: int
    scrape_seconds: int
    alertmanagers: tuple[str, ...]
    read_from: tuple[str, ...]
    database_exporter_image: str
    cache_exporter_image: str | None


# --- the whole --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Blueprint:
    """Everything that a stack deploys.

    Attributes:
        node_pools: Empty on an existing cluster: its pools are described, not created.
        pools: Every pool, by name, whoever makes its nodes.
        shared_access: What tenants' subjects may do in the namespace that they share; None where each has its own.
        network_policies: Those of the platform's own namespaces.
        tenant_spaces: The tenants' own namespaces.
    """

    stack: str
    cluster: ClusterPart
    node_pools: tuple[NodePoolPart, ...]
    namespaces: tuple[NamespacePart, ...]
    quota: QuotaPart
    engines: tuple[EnginePart, ...]
    gateway: GatewayPart
    tenants: tuple[TenantPart, ...]
    admission: AdmissionPart
    pools: tuple[PoolPart, ...] = ()
    observability: PrometheusPart | None = None
    shared_access: SharedAccessPart | None = None
    network_policies: tuple[NetworkPolicyPart, ...] = ()
    tenant_spaces: tuple[TenantSpacePart, ...] = ()
