"""Where connections start and where they go, on one platform."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from infra.audit.packets.matrix import Caller, Promise, Target, promises
from infra.audit.scene import namespace_of
from infra.blueprint import names
from infra.blueprint.model import (
    Blueprint,
    CloudSqlDatabasePart,
    EnginePart,
    ExternalCachePart,
    ExternalDatabasePart,
    HubWeights,
    InClusterCachePart,
    InClusterDatabasePart,
    MemorystoreCachePart,
)
from infra.blueprint.network import ManagedService
from infra.blueprint.platform_network import (
    KYVERNO_WEBHOOK_PORT,
    MEMORYSTORE_PORT,
    data_plane_labels,
    picker_labels,
)

PROBE_PORT = 8080
"""Where probe pods answer."""
DNS_PORT = 53
KUBELET_PORT = 10250
FORBIDDEN = "API server by its Service"
"""What a new pod of a tenant must not reach and what always answers, so that the time until then can be measured."""
KNOCKER = "pod outside the platform"
"""Who tries to reach a new pod of a tenant until it cannot any more."""
METADATA_ADDRESS = "169.254.169.254"
"""Where every large cloud's metadata server answers, also GKE's."""


@dataclass(frozen=True)
class Position:
    """Where connections start.

    Attributes:
        caller: What kind of pod it is.
        tenant: Whose; empty where it is nobody's.
        namespace: Where it runs.
        labels: By which policies know it.
        engine: Which engine it passes for, or stands before; empty where it does neither.
    """

    caller: Caller
    tenant: str
    namespace: str
    labels: Mapping[str, str]
    engine: str = ""

    @property
    def name(self) -> str:
        """How a person calls it; unique on one platform."""
        return f"{self.caller} {self.tenant or self.engine}".rstrip()


@dataclass(frozen=True)
class OutsideStore:
    """A database or a cache of the gateway's that is no pod of the platform.

    Attributes:
        key: Of the gateway's Secret, which holds its URL.
        networks: Where it is, where the stack file says so.
        service: Which managed service of the stack it is; None where somebody else runs it.
    """

    key: str
    networks: tuple[str, ...] = ()
    service: ManagedService | None = None


@dataclass(frozen=True)
class Destination:
    """Where connections go.

    Attributes:
        target: What kind of thing it is.
        name: How a person calls it; unique on one platform.
        port: The port of whoever answers.
        tenant: Whose it is; empty where it is nobody's.
        namespace: Where it runs; None where it is no pod.
        labels: By which policies know it, and by which it is found.
        udp: Whether it is asked over UDP, as DNS is.
        probe: Whether a probe pod stands there; else the real thing.
        store: How it is found where it is a database or a cache outside the platform; None where it is none.
    """

    target: Target
    name: str
    port: int
    tenant: str = ""
    namespace: str | None = None
    labels: Mapping[str, str] | None = None
    udp: bool = False
    probe: bool = False
    store: OutsideStore | None = None


@dataclass(frozen=True)
class Ground:
    """Everything between which connections are tried on one platform.

    Attributes:
        own_namespaces: Whether tenants have namespaces of their own.
    """

    positions: tuple[Position, ...]
    destinations: tuple[Destination, ...]
    own_namespaces: bool

    def promise(self, position: Position, destination: Destination) -> Promise | None:
        """What is promised of one connection; None: nothing."""
        target = destination.target
        own = (position.caller, position.tenant) == (_OWNERS.get(target), destination.tenant)
        made = promises(own_namespaces=self.own_namespaces)
        return made.get((position.caller, Target.OWN if own else target))

    def pairs(self) -> Iterator[tuple[Position, Destination, Promise]]:
        """Every connection that something is promised of."""
        for position in self.positions:
            for destination in self.destinations:
                promise = self.promise(position, destination)
                if promise is not None:
                    yield position, destination, promise

    def tries(self, position: Position, destination: Destination) -> bool:
        """Whether a connection is tried: something is promised of it, or it shows that anything answers there.

        Of the cluster's own hardly anybody here may reach anything; a pod outside the platform is promised nothing of
        it, and tells all others' refusals from the silence of a place where nothing is.
        """
        shows = position.caller is Caller.STRANGER and destination.target in _SHOWN_FROM_OUTSIDE
        return shows or self.promise(position, destination) is not None

    def place_of(self, destination: Destination) -> Position:
        """Where a probe pod that is called stands; raises StopIteration for what is no probe."""
        return next(position for position in self.positions if stands_at(position, destination))


def stands_at(position: Position, destination: Destination) -> bool:
    """Whether the destination is the probe pod that answers at that position."""
    place = (position.namespace, position.tenant, position.labels)
    return destination.probe and place == (destination.namespace, destination.tenant, destination.labels)


def ground_of(blueprint: Blueprint, outside: str, tenants: frozenset[str] | None = None) -> Ground:
    """Every place of a platform.

    Args:
        blueprint: The platform.
        outside: The name of a namespace that the platform knows nothing of.
        tenants: Only these tenants; None: all.
    """
    positions = _positions(blueprint, outside, tenants)
    own_namespaces = any(tenant.namespace for tenant in blueprint.tenants)
    return Ground(positions, _destinations(blueprint, positions), own_namespaces)


def _positions(blueprint: Blueprint, outside: str, tenants: frozenset[str] | None) -> tuple[Position, ...]:
    gateway, prometheus = blueprint.gateway.namespace, blueprint.observability
    return (
        *(
            Position(Caller.TENANT, tenant.name, namespace_of(tenant), {})
            for tenant in blueprint.tenants
            if tenants is None or tenant.name in tenants
        ),
        Position(Caller.GATEWAY, "", gateway, names.workload_labels("gateway")),
        Position(Caller.ACCOUNTS, "", gateway, names.workload_labels("tenants")),
        *map(_engine_position, _kinds_of_engines(blueprint)),
        *_picking_positions(blueprint),
        Position(Caller.MIGRATION, "", gateway, names.workload_labels("gateway-migration")),
        *(
            (
                Position(Caller.EXPORTER, "", gateway, names.workload_labels("datastore-exporter")),
                Position(Caller.PROMETHEUS, "", prometheus.namespace, names.workload_labels("prometheus")),
            )
            if prometheus
            else ()
        ),
        Position(Caller.STRANGER, "", outside, {}),
    )


def _kinds_of_engines(blueprint: Blueprint) -> Iterable[EnginePart]:
    """The first engine that downloads its weights, which has a way out of its own, and the first that does not.

    Not every engine, since each takes pods on the cluster, and the policies of one kind differ in the name alone.
    """
    found: dict[bool, EnginePart] = {}
    for engine in blueprint.engines:
        found.setdefault(isinstance(engine.weights, HubWeights), engine)
    return found.values()


def _engine_position(engine: EnginePart) -> Position:
    return Position(
        Caller.ENGINE, "", engine.namespace, names.workload_labels("engine", engine.name), engine=engine.name
    )


def _picking_positions(blueprint: Blueprint) -> Iterator[Position]:
    """The picker of the first engine that has one, and the data plane before it: those of others differ in the name."""
    picked = next((engine for engine in blueprint.engines if engine.picker is not None), None)
    if picked is not None:
        for caller, labels in ((Caller.DATA_PLANE, data_plane_labels(picked)), (Caller.PICKER, picker_labels(picked))):
            yield Position(caller, "", picked.namespace, labels, engine=picked.name)


def _destinations(blueprint: Blueprint, positions: tuple[Position, ...]) -> tuple[Destination, ...]:
    return (
        *_gateway(blueprint),
        *_engines(blueprint),
        *_data(blueprint),
        *_metrics(blueprint),
        *_webhooks(blueprint),
        *_probes(blueprint, positions),
        *_CLUSTER,
    )


_OWNERS = {Target.OTHER_TENANT: Caller.TENANT, Target.STRANGER: Caller.STRANGER}
"""Whose a probe pod is: to its owner it is not another's."""

_SHOWN_FROM_OUTSIDE = frozenset({Target.API_SERVER, Target.METADATA, Target.KUBELET, Target.WEBHOOK})

_CLUSTER = (
    Destination(Target.DNS, "DNS over UDP", DNS_PORT, udp=True),
    Destination(Target.DNS, "DNS over TCP", DNS_PORT),
    Destination(Target.API_SERVER, FORBIDDEN, 443),
    Destination(Target.API_SERVER, "API server by its address", 443),
    Destination(Target.METADATA, "metadata server", 80),
    Destination(Target.KUBELET, "kubelet of the gateway's node", KUBELET_PORT),
)


def _gateway(blueprint: Blueprint) -> tuple[Destination, ...]:
    part = blueprint.gateway
    labels = names.workload_labels("gateway")
    return (
        Destination(Target.GATEWAY, "gateway, port for tenants", part.port, "", part.namespace, labels),
        Destination(Target.ADMIN, "gateway, port for accounts", part.admin_port, "", part.namespace, labels),
    )


def _engines(blueprint: Blueprint) -> tuple[Destination, ...]:
    return tuple(
        Destination(
            Target.ENGINE,
            f"engine of {engine.name}",
            engine.port,
            namespace=engine.namespace,
            labels=names.workload_labels("engine", engine.name),
        )
        for engine in blueprint.engines
    )


def _data(blueprint: Blueprint) -> Iterator[Destination]:
    """Database and cache, wherever they run."""
    part = blueprint.gateway
    match part.database:
        case InClusterDatabasePart():
            labels = names.workload_labels("database")
            yield Destination(Target.DATABASE, "database", names.DATABASE_PORT, "", part.namespace, labels)
        case CloudSqlDatabasePart():
            store = OutsideStore(names.DATABASE_URL_KEY, service=ManagedService.DATABASE)
            yield Destination(Target.OUTSIDE_STORE, "database", names.DATABASE_PORT, store=store)
        case ExternalDatabasePart(networks=networks, port=port):
            store = OutsideStore(names.DATABASE_URL_KEY, networks)
            yield Destination(Target.OUTSIDE_STORE, "database", port, store=store)
    match part.cache:
        case None:
            pass
        case InClusterCachePart():
            labels = names.workload_labels("cache")
            yield Destination(Target.CACHE, "cache", names.CACHE_PORT, "", part.namespace, labels)
        case MemorystoreCachePart():
            store = OutsideStore(names.CACHE_URL_KEY, service=ManagedService.CACHE)
            yield Destination(Target.OUTSIDE_STORE, "cache", MEMORYSTORE_PORT.number, store=store)
        case ExternalCachePart(networks=networks, port=port):
            yield Destination(Target.OUTSIDE_STORE, "cache", port, store=OutsideStore(names.CACHE_URL_KEY, networks))


def _metrics(blueprint: Blueprint) -> tuple[Destination, ...]:
    """Where Prometheus asks; none without it, since nobody could show then that anything answers there."""
    part, prometheus = blueprint.gateway, blueprint.observability
    if prometheus is None:
        return ()
    exporter = names.workload_labels("datastore-exporter")
    found = [
        _metrics_of("accounts", part.namespace, names.workload_labels("tenants"), names.TENANTS_STATUS_PORT),
        _metrics_of("database", part.namespace, exporter, names.DATABASE_EXPORTER_PORT),
        _metrics_of("Kueue", blueprint.quota.namespace, names.workload_labels("kueue"), names.KUEUE_METRICS_PORT),
    ]
    if part.metrics_port is not None:
        found.append(_metrics_of("gateway", part.namespace, names.workload_labels("gateway"), part.metrics_port))
    if prometheus.cache_exporter_image is not None:
        found.append(_metrics_of("cache", part.namespace, exporter, names.CACHE_EXPORTER_PORT))
    if blueprint.admission.installed:
        namespace = blueprint.admission.namespace
        found.append(_metrics_of("Kyverno", namespace, names.KYVERNO_CONTROLLER_LABELS, names.KYVERNO_METRICS_PORT))
    return tuple(found)


def _metrics_of(whose: str, namespace: str, labels: Mapping[str, str], port: int) -> Destination:
    return Destination(Target.METRICS, f"metrics of {whose}", port, "", namespace, labels)


def _webhooks(blueprint: Blueprint) -> Iterator[Destination]:
    labels = names.workload_labels("kueue")
    port, namespace = names.KUEUE_WEBHOOK_PORT, blueprint.quota.namespace
    yield Destination(Target.WEBHOOK, "webhooks of Kueue", port, "", namespace, labels)
    if blueprint.admission.installed:
        labels, port = names.KYVERNO_CONTROLLER_LABELS, KYVERNO_WEBHOOK_PORT.number
        yield Destination(Target.WEBHOOK, "webhooks of Kyverno", port, "", blueprint.admission.namespace, labels)


def _probes(blueprint: Blueprint, positions: tuple[Position, ...]) -> tuple[Destination, ...]:
    serving = blueprint.engines[0].port if blueprint.engines else names.ENGINE_PORT
    found: list[Destination] = []
    for position in positions:
        match position.caller:
            case Caller.TENANT:
                name = f"pod of tenant {position.tenant}"
                found.append(_probe(Target.OTHER_TENANT, name, PROBE_PORT, position))
            case Caller.GATEWAY:
                found.append(_probe(Target.GATEWAY_OTHER_PORT, "gateway, another port", PROBE_PORT, position))
            case Caller.ENGINE:
                name = f"engine {position.engine}"
                found.append(_probe(Target.ENGINE, f"a pod with the labels of {name}", serving, position))
                found.append(_probe(Target.ENGINE_OTHER_PORT, f"{name}, another port", PROBE_PORT, position))
            case Caller.DATA_PLANE:
                name = f"data plane before engine {position.engine}"
                found.append(_probe(Target.DATA_PLANE, name, names.DATA_PLANE_PORT, position))
            case Caller.PICKER:
                found.append(_probe(Target.PICKER, f"picker of engine {position.engine}", names.PICKER_PORT, position))
            case Caller.STRANGER:
                found.append(_probe(Target.STRANGER, KNOCKER, PROBE_PORT, position))
            case Caller.ACCOUNTS | Caller.MIGRATION | Caller.EXPORTER | Caller.PROMETHEUS:
                pass
    return tuple(found)


def _probe(target: Target, name: str, port: int, position: Position) -> Destination:
    return Destination(target, name, port, position.tenant, position.namespace, position.labels, probe=True)
