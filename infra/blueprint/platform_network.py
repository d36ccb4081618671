"""Who may connect to whom among the platform's own pods: policies for every namespace that the platform owns.

Each namespace is closed in both directions, and each workload then opens what it needs and says why. Selectors name
namespaces by `kubernetes.io/metadata.name`, which Kubernetes sets, and pods by labels in namespaces where no tenant can
make a pod. What a kubelet asks of its own pods, as probes do, passes every policy (Kubernetes' NetworkPolicy
documentation).
"""

from collections.abc import Iterator
from dataclasses import replace

from infra.blueprint import names
from infra.blueprint.model import (
    Blueprint,
    CloudSqlDatabasePart,
    EndpointPickerPart,
    EnginePart,
    ExternalCachePart,
    ExternalDatabasePart,
    HubWeights,
    InClusterCachePart,
    InClusterDatabasePart,
    MemorystoreCachePart,
)
from infra.blueprint.network import (
    AddressesPeer,
    ApiServerPeer,
    EveryPodPeer,
    ManagedService,
    ManagedServicePeer,
    NetworkPolicyPart,
    NetworkRulePart,
    PodsPeer,
    PortPart,
    Protocol,
)

ANY_ADDRESS = "0.0.0.0/0"
LINK_LOCAL = "169.254.0.0/16"
"""Holds every cloud's metadata server (169.254.169.254; GKE's own at 169.254.169.252)."""
PRIVATE_NETWORKS = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", LINK_LOCAL, "192.168.0.0/16", "198.18.0.0/15")
"""Addresses that are not the internet's (RFC 1918, 6598, 3927, 2544): pods, nodes, and whatever lies beside them."""
NODE_LOCAL_DNS = "169.254.20.10/32"
"""Where Kubernetes' node-local DNS cache answers, on clusters that have one; a resolver and no metadata server."""

HTTPS = PortPart(443)
DNS_PORTS = (PortPart(53, Protocol.UDP), PortPart(53))
API_SERVER_PORTS = (PortPart(443), PortPart(6443))
"""The ports that API servers listen on: managed clusters' and kubeadm's."""
DATABASE_PORT = PortPart(names.DATABASE_PORT)
CACHE_PORT = PortPart(names.CACHE_PORT)
MEMORYSTORE_PORT = PortPart(6378)
TENANTS_STATUS_PORT = PortPart(names.TENANTS_STATUS_PORT)
DATABASE_EXPORTER_PORT = PortPart(names.DATABASE_EXPORTER_PORT)
CACHE_EXPORTER_PORT = PortPart(names.CACHE_EXPORTER_PORT)
KUEUE_METRICS_PORT = PortPart(names.KUEUE_METRICS_PORT)
KUEUE_API_PORTS = (PortPart(names.KUEUE_WEBHOOK_PORT), PortPart(8082))
"""Kueue's webhooks, and the visibility API that the API server asks on behalf of users."""
KYVERNO_WEBHOOK_PORT = PortPart(9443)
KYVERNO_METRICS_PORT = PortPart(names.KYVERNO_METRICS_PORT)
PROMETHEUS_PORT = PortPart(names.PROMETHEUS_PORT)
PICKER_PORT = PortPart(names.PICKER_PORT)
DATA_PLANE_PORT = PortPart(names.DATA_PLANE_PORT)

DEFAULT_DENY = "default-deny"
BESIDE_SERVICES = "-managed-services"
"""The end of the names of policies that wait for a managed service's address, beside what need not wait."""


def dns_rule() -> NetworkRulePart:
    """The cluster's DNS, in the pods that answer it and at the node-local cache."""
    return NetworkRulePart(
        (
            PodsPeer("kube-system", {"k8s-app": "kube-dns"}),
            PodsPeer("kube-system", {"k8s-app": "node-local-dns"}),
            AddressesPeer(NODE_LOCAL_DNS),
        ),
        DNS_PORTS,
        "names are looked up",
    )


def default_deny(namespace: str, control: str) -> NetworkPolicyPart:
    """Nothing in and nothing out, for every pod of a namespace."""
    return NetworkPolicyPart(DEFAULT_DENY, namespace, control, {}, (), ())


def closed_anew(blueprint: Blueprint) -> Blueprint:
    """`blueprint` with its network policies, where it has any, made for the namespaces that it has by now."""
    if not blueprint.network_policies:
        return blueprint
    policies = platform_network_policies(blueprint, blueprint.network_policies[0].control)
    return replace(blueprint, network_policies=policies)


def platform_network_policies(blueprint: Blueprint, control: str) -> tuple[NetworkPolicyPart, ...]:
    """Policies for the namespaces that the platform owns, sorted by namespace and name.

    Args:
        blueprint: The platform.
        control: The id of the control that they belong to.
    """
    return _Network(blueprint, control).policies()


class _Network:
    """One platform's policies; a class only so that every rule can ask what else there is."""

    def __init__(self, blueprint: Blueprint, control: str) -> None:
        self._blueprint = blueprint
        self._control = control
        self._prometheus = blueprint.observability
        self._gateway = PodsPeer(blueprint.gateway.namespace, names.workload_labels("gateway"))

    def policies(self) -> tuple[NetworkPolicyPart, ...]:
        closed = (part.name for part in self._blueprint.namespaces if part.name != names.WORKLOADS_NAMESPACE)
        found = [
            *(default_deny(namespace, self._control) for namespace in closed),
            *self._gateway_namespace(),
            *self._engines(),
            self._kueue(),
            *self._kyverno(),
            *self._observability(),
            *self._shared_workloads(),
        ]
        return tuple(sorted(found, key=lambda policy: (policy.namespace, policy.name)))

    def _policies(
        self,
        name: str,
        namespace: str,
        ingress: tuple[NetworkRulePart, ...],
        egress: tuple[NetworkRulePart, ...],
    ) -> Iterator[NetworkPolicyPart]:
        """The policy of one workload; what it opens to managed services stands apart, since it waits for them."""
        pods = names.workload_labels(name)
        managed = tuple(rule for rule in egress if _is_managed(rule))
        within = tuple(rule for rule in egress if not _is_managed(rule))
        yield NetworkPolicyPart(name, namespace, self._control, pods, ingress, within)
        if managed:
            yield NetworkPolicyPart(f"{name}{BESIDE_SERVICES}", namespace, self._control, pods, (), managed)

    # --- the gateway's namespace

    def _gateway_namespace(self) -> Iterator[NetworkPolicyPart]:
        gateway = self._blueprint.gateway
        namespace = gateway.namespace
        yield from self._policies("gateway", namespace, self._into_gateway(), tuple(self._out_of_gateway()))
        yield from self._policies("gateway-migration", namespace, (), (dns_rule(), *self._to_database()))
        yield from self._policies(
            "tenants", namespace, self._scraped(TENANTS_STATUS_PORT), (dns_rule(), self._to_admin())
        )
        exporter = (PodsPeer(namespace, names.workload_labels("datastore-exporter")),) if self._prometheus else ()
        if isinstance(gateway.database, InClusterDatabasePart):
            migration = PodsPeer(namespace, names.workload_labels("gateway-migration"))
            callers = (self._gateway, migration, *exporter)
            rule = NetworkRulePart(callers, (DATABASE_PORT,), "the gateway and what looks after its database")
            yield from self._policies("database", namespace, (rule,), ())
        if isinstance(gateway.cache, InClusterCachePart):
            rule = NetworkRulePart((self._gateway, *exporter), (CACHE_PORT,), "the gateway's replicas share counters")
            yield from self._policies("cache", namespace, (rule,), ())
        if exporter:
            reached = (dns_rule(), *self._to_database(), *self._to_cache())
            scraped = self._scraped(*self._exporter_ports())
            yield from self._policies("datastore-exporter", namespace, scraped, reached)

    def _into_gateway(self) -> tuple[NetworkRulePart, ...]:
        gateway = self._blueprint.gateway
        administrators = (
            PodsPeer(gateway.namespace, names.workload_labels("tenants")),
            *(PodsPeer(namespace, {}) for namespace in sorted(gateway.admin_namespaces)),
        )
        return (
            NetworkRulePart(None, (PortPart(gateway.port),), "the one door to the models: whoever has a key"),
            NetworkRulePart(administrators, (PortPart(gateway.admin_port),), "tenants' accounts are written"),
            *(self._scraped(PortPart(gateway.metrics_port)) if gateway.metrics_port else ()),
        )

    def _out_of_gateway(self) -> Iterator[NetworkRulePart]:
        yield dns_rule()
        yield from self._to_database()
        yield from self._to_cache()
        yield from self._to_engines("requests go to the engines", encrypted=True)
        yield from self._to_data_planes()
        for provider in self._blueprint.gateway.external_providers:
            yield from _to_networks(provider.networks, provider.port, f"the external provider {provider.name}")

    def _to_admin(self) -> NetworkRulePart:
        gateway = self._blueprint.gateway
        return NetworkRulePart((self._gateway,), (PortPart(gateway.admin_port),), "accounts are written at the gateway")

    def _to_database(self) -> Iterator[NetworkRulePart]:
        gateway = self._blueprint.gateway
        reason = "keys, budgets and spend are kept there"
        match gateway.database:
            case InClusterDatabasePart():
                peer = PodsPeer(gateway.namespace, names.workload_labels("database"))
                yield NetworkRulePart((peer,), (DATABASE_PORT,), reason)
            case CloudSqlDatabasePart():
                yield NetworkRulePart((ManagedServicePeer(ManagedService.DATABASE),), (DATABASE_PORT,), reason)
            case ExternalDatabasePart(networks=networks, port=port):
                yield from _to_networks(networks, port, reason)

    def _to_cache(self) -> Iterator[NetworkRulePart]:
        gateway = self._blueprint.gateway
        reason = "replicas share counters there"
        match gateway.cache:
            case None:
                return
            case InClusterCachePart():
                peer = PodsPeer(gateway.namespace, names.workload_labels("cache"))
                yield NetworkRulePart((peer,), (CACHE_PORT,), reason)
            case MemorystoreCachePart():
                yield NetworkRulePart((ManagedServicePeer(ManagedService.CACHE),), (MEMORYSTORE_PORT,), reason)
            case ExternalCachePart(networks=networks, port=port):
                yield from _to_networks(networks, port, reason)

    # --- engines

    def _engines(self) -> Iterator[NetworkPolicyPart]:
        for namespace, engines in _by_namespace(self._blueprint.engines):
            port = PortPart(engines[0].port)
            calls = self._calls(engines[0])
            yield from self._policies("engine", namespace, (*calls, *self._scraped(port)), ())
            for engine in engines:
                if isinstance(engine.weights, HubWeights):
                    yield self._staging(engine)
                if engine.picker is not None:
                    yield from self._picked(engine, engine.picker)

    def _calls(self, engine: EnginePart) -> Iterator[NetworkRulePart]:
        """The gateway's requests: each of its pods by the way that it knows, and by no other.

        Both ways stand open at once, since pods that know one and pods that know the other answer side by side while
        the gateway changes from one to the other. Where all of them know mutual TLS, nothing reaches the plain port.
        """
        gateway, namespace = self._gateway.labels, self._gateway.namespace
        marked = {names.ENGINE_TRAFFIC_LABEL: names.MUTUAL_TLS}
        plain = PodsPeer(namespace, gateway, marked)
        yield NetworkRulePart((plain,), (PortPart(engine.port),), "the gateway is the only caller")
        if engine.door is not None:
            encrypting = PodsPeer(namespace, {**gateway, **marked})
            yield NetworkRulePart((encrypting,), (PortPart(engine.door.port),), "the gateway calls by mutual TLS")

    def _staging(self, engine: EnginePart) -> NetworkPolicyPart:
        """Policies know pods and not the containers in them: what the download needs stays open while the pod lives."""
        # The API server's address may be a public one, as those of many managed clusters are, and so may a database's
        # that somebody else runs. Managed services have private ones.
        left_out = (*PRIVATE_NETWORKS, *self._networks_of_stores())
        public = AddressesPeer(ANY_ADDRESS, left_out, without_api_server=True)
        hub = NetworkRulePart((public,), (HTTPS,), "weights are downloaded from the model hub")
        pods = names.workload_labels("engine", engine.name)
        name = f"{engine.service_name}-weights"
        return NetworkPolicyPart(name, engine.namespace, self._control, pods, (), (dns_rule(), hub))

    def _picked(self, engine: EnginePart, picker: EndpointPickerPart) -> Iterator[NetworkPolicyPart]:
        """Gateway to data plane, data plane to picker and engines, picker to engines: and nobody beside them."""
        chooses = PodsPeer(engine.namespace, picker_labels(engine))
        carries = PodsPeer(engine.namespace, data_plane_labels(engine))
        engines = PodsPeer(engine.namespace, names.workload_labels("engine", engine.name))
        controller = PodsPeer(picker.controller_namespace, {})
        port = PortPart(engine.port)
        into_engines = (
            NetworkRulePart((carries,), (port,), "the data plane carries the gateway's requests"),
            NetworkRulePart((chooses,), (port,), "the picker reads the engines' metrics"),
        )
        into_data_plane = (NetworkRulePart((self._gateway,), (DATA_PLANE_PORT,), "the gateway is the only caller"),)
        out_of_data_plane = (
            dns_rule(),
            NetworkRulePart((controller,), (), "the data plane learns its routes from its controller"),
            NetworkRulePart((chooses,), (PICKER_PORT,), "the picker is asked for each request"),
            NetworkRulePart((engines,), (port,), "requests go to the engine that was picked"),
        )
        into_picker = (NetworkRulePart((carries,), (PICKER_PORT,), "the data plane asks for each request"),)
        out_of_picker = (
            api_server_rule("the picker watches the pool and its pods"),
            NetworkRulePart((engines,), (port,), "the picker reads the engines' metrics"),
        )
        for name, pods, ingress, egress in (
            (f"{engine.service_name}-picked", engines.labels, into_engines, ()),
            (engine.data_plane_name, carries.labels, into_data_plane, out_of_data_plane),
            (engine.picker_name, chooses.labels, into_picker, out_of_picker),
        ):
            yield NetworkPolicyPart(name, engine.namespace, self._control, pods, ingress, egress)

    def _to_data_planes(self) -> Iterator[NetworkRulePart]:
        for engine in self._blueprint.engines:
            if engine.picker is not None:
                peer = PodsPeer(engine.namespace, data_plane_labels(engine))
                yield NetworkRulePart((peer,), (DATA_PLANE_PORT,), f"requests of {engine.name} go to its data plane")

    def _to_engines(self, reason: str, *, encrypted: bool = False) -> Iterator[NetworkRulePart]:
        for namespace, engines in _by_namespace(self._blueprint.engines):
            peer = PodsPeer(namespace, names.workload_labels("engine"))
            door = engines[0].door if encrypted else None
            ports = (PortPart(engines[0].port), *((PortPart(door.port),) if door else ()))
            yield NetworkRulePart((peer,), ports, reason)

    # --- controllers and observability

    def _kueue(self) -> NetworkPolicyPart:
        """Every pod of the namespace is Kueue's.

        Who opens the webhooks' connections is the API server, or a tunnel's end on any node, whose addresses no
        selector names; the webhooks answer nothing but reviews, over TLS.
        """
        webhooks = NetworkRulePart(None, KUEUE_API_PORTS, "the API server asks the webhooks and the visibility API")
        return NetworkPolicyPart(
            "kueue",
            self._blueprint.quota.namespace,
            self._control,
            {},
            (webhooks, *self._scraped(KUEUE_METRICS_PORT)),
            (api_server_rule("Kueue is a controller: it watches and admits workloads"),),
        )

    def _kyverno(self) -> Iterator[NetworkPolicyPart]:
        """Every pod of the namespace is Kyverno's; what is said of Kueue's callers holds for its own."""
        namespace = self._blueprint.admission.namespace
        if namespace in {part.name for part in self._blueprint.namespaces}:
            webhooks = NetworkRulePart(None, (KYVERNO_WEBHOOK_PORT,), "the API server asks the webhooks")
            scraped = self._scraped(KYVERNO_METRICS_PORT)
            reached = api_server_rule("Kyverno is a controller: it watches policies and makes the API server's own")
            yield NetworkPolicyPart("kyverno", namespace, self._control, {}, (webhooks, *scraped), (reached,))

    def _exporter_ports(self) -> tuple[PortPart, ...]:
        return (DATABASE_EXPORTER_PORT, *((CACHE_EXPORTER_PORT,) if self._blueprint.gateway.cache else ()))

    def _scraped(self, *ports: PortPart) -> tuple[NetworkRulePart, ...]:
        if self._prometheus is None:
            return ()
        peer = PodsPeer(self._prometheus.namespace, names.workload_labels("prometheus"))
        return (NetworkRulePart((peer,), ports, "metrics are scraped"),)

    def _scraped_kyverno(self) -> Iterator[NetworkRulePart]:
        admission = self._blueprint.admission
        if admission.installed:
            yield NetworkRulePart((PodsPeer(admission.namespace, {}),), (KYVERNO_METRICS_PORT,), "Kyverno's metrics")

    def _observability(self) -> Iterator[NetworkPolicyPart]:
        prometheus = self._prometheus
        if prometheus is None:
            return
        gateway = self._blueprint.gateway
        beside_gateway = (
            TENANTS_STATUS_PORT,
            *self._exporter_ports(),
            *((PortPart(gateway.metrics_port),) if gateway.metrics_port else ()),
        )
        scrapes = (
            NetworkRulePart((PodsPeer(gateway.namespace, {}),), beside_gateway, "metrics of the gateway and its data"),
            *self._to_engines("engines"),
            NetworkRulePart((PodsPeer(self._blueprint.quota.namespace, {}),), (KUEUE_METRICS_PORT,), "Kueue's metrics"),
            *self._scraped_kyverno(),
        )
        readers = tuple(PodsPeer(namespace, {}) for namespace in sorted(prometheus.read_from))
        ingress = (NetworkRulePart(readers, (PROMETHEUS_PORT,), "dashboards query it"),) if readers else ()
        # Whatever the receivers' ports are, what others run for the gateway is none of them.
        left_out = (LINK_LOCAL, *self._networks_of_stores())
        alerts = tuple(
            NetworkRulePart(
                (AddressesPeer(ANY_ADDRESS, left_out, without_api_server=True), EveryPodPeer()),
                (PortPart(port),),
                "alerts are sent",
            )
            for port in sorted({int(address.rpartition(":")[2]) for address in prometheus.alertmanagers})
        )
        yield from self._policies(
            "prometheus",
            prometheus.namespace,
            ingress,
            (dns_rule(), *scrapes, *alerts),
        )

    # --- where tenants share a namespace

    def _shared_workloads(self) -> Iterator[NetworkPolicyPart]:
        """Tenants who trust each other reach what they like, but what holds credentials, keys or spend.

        The metadata server, the API server, and the database and the cache are left out. In the cluster these two let
        no tenant in on their own side, as engines do. A managed or an external one has no policy of this cluster's on
        its side, so its addresses are left out here; where one has to be made first, the addresses open after it.
        What comes in is the tenants' to decide.
        """
        reason = "tenants' jobs fetch data; the metadata server, the API server, database and cache are left out"
        services = self._managed_stores()
        left_out = (LINK_LOCAL, *self._networks_of_stores())
        addresses = AddressesPeer(ANY_ADDRESS, left_out, without_api_server=True, without_services=services)
        namespace, pods = names.WORKLOADS_NAMESPACE, EveryPodPeer()
        if not services:
            anything = NetworkRulePart((pods, addresses), (), reason)
            yield NetworkPolicyPart("workloads", namespace, self._control, {}, None, (dns_rule(), anything))
            return
        within = NetworkRulePart((pods,), (), "tenants' jobs call other pods, which decide for themselves")
        beyond = NetworkRulePart((addresses,), (), reason)
        yield NetworkPolicyPart("workloads", namespace, self._control, {}, None, (dns_rule(), within))
        yield NetworkPolicyPart(f"workloads{BESIDE_SERVICES}", namespace, self._control, {}, None, (beyond,))

    def _managed_stores(self) -> tuple[ManagedService, ...]:
        """The gateway's database and cache, as far as this stack makes them outside the cluster."""
        gateway = self._blueprint.gateway
        database = isinstance(gateway.database, CloudSqlDatabasePart)
        cache = isinstance(gateway.cache, MemorystoreCachePart)
        return (
            *((ManagedService.DATABASE,) if database else ()),
            *((ManagedService.CACHE,) if cache else ()),
        )

    def _networks_of_stores(self) -> tuple[str, ...]:
        """Where the gateway's database and cache are, as far as somebody else runs them."""
        gateway = self._blueprint.gateway
        stores = (gateway.database, gateway.cache)
        external = (one for one in stores if isinstance(one, ExternalDatabasePart | ExternalCachePart))
        return tuple(sorted({network for one in external for network in one.networks}))


def picker_labels(engine: EnginePart) -> dict[str, str]:
    """The labels of the pods of an engine's picker."""
    return names.workload_labels("endpoint-picker", engine.name)


def data_plane_labels(engine: EnginePart) -> dict[str, str]:
    """The labels of the pods that a Gateway is made of, where its controller makes them (Gateway API's GEP-1762)."""
    return {names.GATEWAY_NAME_LABEL: engine.data_plane_name}


def api_server_rule(reason: str) -> NetworkRulePart:
    """Connections to the API server, for those few that are no use without it."""
    return NetworkRulePart((ApiServerPeer(),), API_SERVER_PORTS, reason)


def _by_namespace(engines: tuple[EnginePart, ...]) -> list[tuple[str, list[EnginePart]]]:
    found: dict[str, list[EnginePart]] = {}
    for engine in engines:
        found.setdefault(engine.namespace, []).append(engine)
    return sorted(found.items())


def _to_networks(networks: tuple[str, ...], port: int, reason: str) -> Iterator[NetworkRulePart]:
    """Nothing where no network is known: the loader refuses that, and anybody must not follow from it."""
    if networks:
        yield NetworkRulePart(tuple(AddressesPeer(network) for network in networks), (PortPart(port),), reason)


def _is_managed(rule: NetworkRulePart) -> bool:
    return any(isinstance(peer, ManagedServicePeer) for peer in rule.peers or ())
