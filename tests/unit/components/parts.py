"""Blueprint parts that the components' tests start from."""

from infra.blueprint.model import (
    DeviceRequest,
    DoorPart,
    EngineNodesPart,
    EngineOptionsPart,
    EnginePart,
    ExternalDatabasePart,
    GatewayModelPart,
    GatewayPart,
    HubWeights,
    ImageWeights,
    QueueEntryPart,
    TenantPart,
    TolerationPart,
    VersionFloorPart,
)

OPTIONS = EngineOptionsPart(
    context_length=None,
    data_type="auto",
    quantization=None,
    tensor_parallel_size=1,
    concurrent_sequences=None,
    gpu_memory_utilization=None,
    kv_cache_mebibytes=None,
    eager=False,
    load_format="auto",
    lora=False,
)

ENGINE = EnginePart(
    name="tiny",
    namespace="engines",
    image="registry.example.com/vllm-cpu:v0.32.0",
    version_floor=VersionFloorPart((0, 32, 0), "CVE-0000-0001"),
    weights=ImageWeights("/models/tiny"),
    options=OPTIONS,
    replicas=1,
    queue=None,
    nodes=EngineNodesPart(),
    cpu="200m",
    memory="2Gi",
    load_seconds=600,
    port=8000,
    model="tiny",
)

DOOR = DoorPart("registry.example.com/nginx:1.30.6", VersionFloorPart((1, 30, 6), "CVE-0000-0003"), 8443)

GPU_ENGINE = EnginePart(
    name="llama-8b",
    namespace="engines",
    image="registry.example.com/vllm:v0.33.0",
    version_floor=VersionFloorPart((0, 32, 0), "CVE-0000-0001"),
    weights=HubWeights("example/llama-8b", 64),
    options=OPTIONS,
    replicas=2,
    queue=QueueEntryPart("serving", "serving-first"),
    nodes=EngineNodesPart(
        devices=DeviceRequest("nvidia.com/gpu", 1),
        node_labels={"example.com/pool": "l4", "example.com/accelerator": "l4"},
        tolerations=(TolerationPart("nvidia.com/gpu", None, "NoSchedule"),),
    ),
    cpu="4",
    memory="24Gi",
    load_seconds=1800,
    port=8000,
    model="llama-8b",
)

GATEWAY = GatewayPart(
    namespace="gateway",
    image="registry.example.com/litellm:v1.106.2",
    version_floor=VersionFloorPart((1, 84, 0), "CVE-0000-0002"),
    edge_image="registry.example.com/nginx:1.30.6",
    edge_version_floor=VersionFloorPart((1, 30, 6), "CVE-0000-0003"),
    replicas=1,
    port=4000,
    admin_port=4001,
    metrics_port=None,
    request_megabytes=8,
    admin_namespaces=(),
    route=None,
    models=(
        GatewayModelPart(
            "llama-8b", "http://engine-llama-8b.engines.svc.cluster.local:8000/v1", 2e-07, 6e-07, "llama-8b"
        ),
        GatewayModelPart("tiny", "http://engine-tiny.engines.svc.cluster.local:8000/v1", None, None, "tiny"),
    ),
    database=ExternalDatabasePart(),
    cache=None,
)

RESEARCH = TenantPart(
    name="research",
    models=("llama-8b", "tiny"),
    budget_usd=500.0,
    budget_period="30d",
    requests_per_minute=600,
    tokens_per_minute=200_000,
)
SUPPORT = TenantPart(
    name="support",
    models=("tiny",),
    budget_usd=80.0,
    budget_period="7d",
    requests_per_minute=60,
    tokens_per_minute=20_000,
)
