"""Engines, gateway and tenants' accounts."""

from collections.abc import Mapping

from infra.blueprint import names
from infra.blueprint.access import SubjectKind, SubjectPart
from infra.blueprint.exposure import route_part
from infra.blueprint.model import (
    CachePart,
    CloudSqlDatabasePart,
    DatabasePart,
    DeviceRequest,
    DoorPart,
    EngineNodesPart,
    EngineOptionsPart,
    EnginePart,
    ExternalCachePart,
    ExternalDatabasePart,
    ExternalProviderPart,
    GatewayModelPart,
    GatewayPart,
    HubWeights,
    ImageWeights,
    InClusterCachePart,
    InClusterDatabasePart,
    MemorystoreCachePart,
    QueueEntryPart,
    TenantPart,
    Weights,
    WorkloadSizesPart,
)
from infra.blueprint.nodes import device_resource, node_labels, runtime_class, tolerations
from infra.blueprint.observability import metrics_port
from infra.blueprint.picking import picker_part
from infra.blueprint.routes import key_paths
from infra.blueprint.versions import version_floor
from infra.config.engine_pools import pool_of_own_engines
from infra.config.gateway import (
    CloudSqlDatabase,
    DatabaseOutage,
    EngineTraffic,
    ExternalCache,
    ExternalDatabase,
    InClusterCache,
    InClusterDatabase,
    MemorystoreCache,
    NoCache,
)
from infra.config.models import MEDIA_PER_REQUEST, Model
from infra.config.pools import Pool
from infra.config.rotation import accepted_generations
from infra.config.stack import StackConfig
from infra.config.tenants import GroupSubject, ServiceAccountSubject, Subject, Tenant, UserSubject, WhenRemoved
from infra.pins import (
    LITELLM_FLOOR,
    LITELLM_IMAGE,
    NGINX_FLOOR,
    NGINX_IMAGE,
    POSTGRES_IMAGE,
    REDIS_IMAGE,
    VLLM_CPU_FLOOR,
    VLLM_CPU_IMAGE,
    VLLM_FLOOR,
    VLLM_IMAGE,
)
from infra.quantities import mebibytes

TOKENS_PER_PRICE = 1_000_000
SECONDS_PER_MINUTE = 60


def engine_part(config: StackConfig, model: Model) -> EnginePart:
    """The engine Deployment that serves `model` to all its callers."""
    pool = config.pool(model.pool)
    count = config.devices_for_each_engine(model)
    image, floor = (VLLM_IMAGE, VLLM_FLOOR) if pool.is_gpu else (VLLM_CPU_IMAGE, VLLM_CPU_FLOOR)
    return EnginePart(
        name=model.name,
        namespace=names.ENGINES_NAMESPACE,
        image=image.reference(config.sources.mirror),
        version_floor=version_floor(floor),
        weights=_weights(model),
        options=_options(model, count),
        replicas=model.replicas,
        surge=model.surge,
        queue=QueueEntryPart(names.SERVING_LOCAL_QUEUE, names.SERVING_PRIORITY) if count else None,
        nodes=_nodes(config, pool, count),
        own_nodes=_own_nodes(config, model, count),
        cpu=model.resources.cpu,
        memory=_memory(model),
        load_seconds=model.load_minutes * SECONDS_PER_MINUTE,
        port=names.ENGINE_PORT,
        model=model.name,
        cache_isolation=model.cache_isolation,
        key_generations=accepted_generations(
            config.gateway.engine_key_generation, config.gateway.oldest_engine_key_generation
        ),
        picker=picker_part(model, config.sources.mirror),
        door=DoorPart(
            image=NGINX_IMAGE.reference(config.sources.mirror),
            version_floor=version_floor(NGINX_FLOOR),
            port=names.ENGINE_TLS_PORT,
        ),
    )


def _nodes(config: StackConfig, pool: Pool, devices: int) -> EngineNodesPart:
    return EngineNodesPart(
        devices=DeviceRequest(device_resource(pool, config.cluster), devices) if devices else None,
        node_labels=node_labels(pool, config.cluster),
        tolerations=tolerations(pool),
        flavor=pool.node_pool_name if devices else None,
        runtime_class=runtime_class(pool),
    )


def _own_nodes(config: StackConfig, model: Model, devices: int) -> Mapping[str, EngineNodesPart]:
    callers = (tenant for tenant in config.tenants if model.name in tenant.models)
    pools = {tenant.name: pool_of_own_engines(model, tenant, config.pools) for tenant in callers}
    return {
        tenant: _nodes(config, config.pool(pool), devices)
        for tenant, pool in sorted(pools.items())
        if pool != model.pool
    }


def _memory(model: Model) -> str:
    """What an engine's pod takes of the node's memory: what it is given, and what its cache may spill over into."""
    offload = model.engine.kv_offload_gibibytes
    if offload is None:
        return model.resources.memory
    return f"{mebibytes(model.resources.memory) + offload * 1024}Mi"


def _weights(model: Model) -> Weights:
    if model.source.startswith("/"):
        return ImageWeights(model.source)
    return HubWeights(model.source, model.weights_gibibytes)


def _options(model: Model, devices: int) -> EngineOptionsPart:
    options = model.engine
    media = options.media_per_request
    return EngineOptionsPart(
        context_length=options.context_length,
        data_type=str(options.data_type),
        quantization=str(options.quantization) if options.quantization else None,
        tensor_parallel_size=options.tensor_parallel_size or max(devices, 1),
        concurrent_sequences=options.concurrent_sequences,
        gpu_memory_utilization=options.gpu_memory_utilization,
        kv_cache_mebibytes=options.kv_cache_mebibytes,
        eager=options.eager,
        load_format=str(options.load_format),
        lora=options.lora,
        kv_offload_gibibytes=options.kv_offload_gibibytes,
        media_per_request=MEDIA_PER_REQUEST if media is None else media,
    )


def gateway_part(config: StackConfig, engines: tuple[EnginePart, ...]) -> GatewayPart:
    """The gateway in front of `engines`."""
    mirror = config.sources.mirror
    return GatewayPart(
        namespace=names.GATEWAY_NAMESPACE,
        image=LITELLM_IMAGE.reference(mirror),
        version_floor=version_floor(LITELLM_FLOOR),
        edge_image=NGINX_IMAGE.reference(mirror),
        edge_version_floor=version_floor(NGINX_FLOOR),
        replicas=config.gateway.replicas,
        port=names.GATEWAY_PORT,
        admin_port=names.GATEWAY_ADMIN_PORT,
        request_megabytes=config.gateway.request_megabytes,
        admin_namespaces=tuple(sorted(config.gateway.admin.allowed_from)),
        route=route_part(config),
        models=tuple(_gateway_model(config.model(engine.model), engine) for engine in engines),
        database=_database(config),
        cache=_cache(config),
        external_providers=tuple(
            ExternalProviderPart(provider.name, tuple(sorted(provider.networks)), provider.port)
            for provider in sorted(config.gateway.external_providers, key=lambda provider: provider.name)
        ),
        metrics_port=metrics_port(config),
        serves_without_database=config.gateway.database_outage is DatabaseOutage.SERVE,
        cache_salt_generation=config.gateway.cache_salt_generation,
        master_key_generation=config.gateway.master_key_generation,
        engine_traffic=config.gateway.engine_traffic or EngineTraffic.PLAIN,
    )


def _gateway_model(model: Model, engine: EnginePart) -> GatewayModelPart:
    price = model.price
    return GatewayModelPart(
        name=model.name,
        base_url=engine.base_url,
        input_usd_per_token=price.input_usd_per_million_tokens / TOKENS_PER_PRICE if price else None,
        output_usd_per_token=price.output_usd_per_million_tokens / TOKENS_PER_PRICE if price else None,
        engine=engine.name,
        door=engine.door_address,
    )


def _database(config: StackConfig) -> DatabasePart:
    match config.gateway.database:
        case InClusterDatabase(storage=storage, deletion_protection=protected):
            return InClusterDatabasePart(POSTGRES_IMAGE.reference(config.sources.mirror), storage, protected)
        case CloudSqlDatabase(machine_tier=machine_tier, highly_available=highly_available):
            return CloudSqlDatabasePart(machine_tier, highly_available)
        case ExternalDatabase(networks=networks, port=port):
            return ExternalDatabasePart(tuple(sorted(networks)), port)


def _cache(config: StackConfig) -> CachePart | None:
    match config.gateway.cache:
        case NoCache():
            return None
        case InClusterCache():
            return InClusterCachePart(REDIS_IMAGE.reference(config.sources.mirror))
        case MemorystoreCache(memory_gibibytes=memory, highly_available=highly_available):
            return MemorystoreCachePart(memory, highly_available)
        case ExternalCache(networks=networks, port=port):
            return ExternalCachePart(tuple(sorted(networks)), port)


def tenant_part(tenant: Tenant) -> TenantPart:
    """The tenant's account at the gateway."""
    return TenantPart(
        name=tenant.name,
        models=tuple(sorted(tenant.models)),
        budget_usd=tenant.budget.usd,
        budget_period=tenant.budget.period,
        requests_per_minute=tenant.rate_limit.requests_per_minute,
        tokens_per_minute=tenant.rate_limit.tokens_per_minute,
        workloads=WorkloadSizesPart(
            cpu=tenant.workloads.cpu,
            memory=tenant.workloads.memory,
            storage=tenant.workloads.storage,
            pods=tenant.workloads.pods,
        ),
        keep_data=tenant.workloads.when_removed is WhenRemoved.KEEP,
        subjects=tuple(sorted(_subject(subject) for subject in tenant.subjects)),
        sensitive=tenant.sensitive,
        key_generations=accepted_generations(tenant.key_generation, tenant.oldest_key_generation),
        paths=key_paths(tenant.routes),
        metadata=tuple(sorted(tenant.metadata.items())),
    )


def _subject(subject: Subject) -> SubjectPart:
    match subject:
        case GroupSubject(name=name):
            return SubjectPart(SubjectKind.GROUP, name, None)
        case UserSubject(name=name):
            return SubjectPart(SubjectKind.USER, name, None)
        case ServiceAccountSubject(name=name, namespace=namespace):
            return SubjectPart(SubjectKind.SERVICE_ACCOUNT, name, namespace)
