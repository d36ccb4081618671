"""The gateway: LiteLLM with its keys, configuration and schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_random as random

from components.cache import CacheConnection
from components.certificates import Authority, Certificate, Usage
from components.database import DatabaseConnection
from components.gateway import hooks
from components.gateway.access import network_policy
from components.gateway.configuration import configuration
from components.gateway.edge import edge_configuration
from components.gateway.engine_link import CONFIGURATION_KEY as LINK_CONFIGURATION_KEY
from components.gateway.engine_link import link_configuration
from components.gateway.exposure import exposure_objects
from components.gateway.isolation import cache_domains
from components.gateway.migration import make_migration
from components.gateway.pod import (
    ADMIN_OBJECT_NAME,
    CACHE_SALT_KEY,
    CERTIFICATE_AUTHORITY_KEY,
    CONFIGURATION_KEY,
    CONFIGURATION_MAP,
    DOMAINS_KEY,
    EDGE_CONFIGURATION_KEY,
    ENGINE_KEY,
    MASTER_KEY,
    OBJECT_NAME,
    SALT_KEY,
    START_SECONDS,
    LinkNames,
    MapNames,
    engine_secret_name,
    map_name,
    pod_labels,
    pod_spec,
)
from components.shared import CustomObject, object_metadata, selector
from components.shared.fingerprint import secret_fingerprint
from components.shared.metadata import NOT_AWAITED, SECRETS_ANNOTATION
from components.shared.passwords import PASSWORD_INPUTS, generation_name, stable_password
from components.shared.workloads import service_spec
from infra.blueprint.model import GatewayPart, InClusterDatabasePart
from infra.blueprint.names import CACHE_URL_KEY, DATABASE_URL_KEY, GATEWAY_COMMON_NAME, GATEWAY_SECRET
from infra.blueprint.versions import require_version

KEY_LENGTH = 48
KEY_PREFIX = "sk-"
PROGRESS_SECONDS = START_SECONDS + 120


@dataclass(frozen=True)
class GatewayArgs:
    """What the gateway is made from.

    Attributes:
        part: The image, replicas, models and prices.
        database: Where keys, budgets and spend are kept.
        engine_api_keys: The key of each model's engines, by the engines' name.
        cache: Where replicas share their counters; required where the part has a cache.
        engines: What has to serve before replicas are sent to it, or show it another key.
        authority: What signs the certificate that engines know the gateway by; required where the part encrypts.
    """

    part: GatewayPart
    database: DatabaseConnection
    engine_api_keys: Mapping[str, pulumi.Input[str]]
    cache: CacheConnection | None = None
    engines: Sequence[pulumi.Resource] = ()
    authority: Authority | None = None


class Gateway(pulumi.ComponentResource):
    """LiteLLM behind an edge: the schema first, then replicas that start only against a database that answers.

    Attributes:
        address: Where tenants reach it inside the cluster, as `http://gateway.NAMESPACE.svc.cluster.local:4000`.
        admin_address: Where it is administered, as `http://gateway-admin.NAMESPACE.svc.cluster.local:4001`.
        master_key: What administers it; secret.
        master_key_secret: The name of the Secret that holds it under `master-key`.
        database_fingerprint: A digest of the database's URL that may be shown; another database, another digest.
        deployment: The replicas.
    """

    address: pulumi.Output[str]
    admin_address: pulumi.Output[str]
    master_key: pulumi.Output[str]
    master_key_secret: pulumi.Output[str]
    database_fingerprint: pulumi.Output[str]
    deployment: "kubernetes.apps.v1.Deployment"

    def __init__(self, name: str, args: GatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the gateway.

        Raises:
            ValueError: The image is older than the version floor, a model has no engine key, or the part and the
                arguments disagree about a cache or about encryption.
        """
        _validate(args)
        super().__init__("bulkhead:gateway:Gateway", name, None, opts)
        self._name = name
        self._args = args
        self._part = args.part
        self.master_key = self._make_master_key()
        self._salt_key = self._make_key("salt-key")
        self._cache_salt_key = self._make_cache_salt_key()
        secret = self._make_secret()
        engine_secrets = self._make_engine_secrets()
        self._client = self._make_client_certificate()
        link = self._make_link()
        self.database_fingerprint = self._database_fingerprint()
        migration = make_migration(
            name,
            args.part,
            secret,
            self.database_fingerprint,
            pulumi.ResourceOptions(parent=self, depends_on=list(args.database.ready)),
        )
        configuration_map = self._make_configuration()
        edge_map = self._make_edge_configuration()
        hooks_map = self._make_map("hooks", "hooks", hooks.sources())
        maps = MapNames(*(each.metadata.name for each in (configuration_map, edge_map, hooks_map)))
        self._make_service()
        self._make_admin_service()
        self._make_disruption_budget()
        policy = self._make_network_policy()
        self._make_exposure()
        # The policy first: a pod is reachable from its first moment.
        ready = args.cache.ready if args.cache else ()
        waits_for = [migration, secret, policy, *engine_secrets, *ready, *args.engines]
        self.deployment = self._make_deployment(secret, maps, link, waits_for)
        self.address = pulumi.Output.from_input(args.part.base_url)
        self.admin_address = pulumi.Output.from_input(args.part.admin_url)
        self.master_key_secret = secret.metadata.name
        self.register_outputs(
            {
                "address": self.address,
                "adminAddress": self.admin_address,
                "masterKey": self.master_key,
                "masterKeySecret": self.master_key_secret,
            }
        )

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    def _metadata(self, object_name: str = OBJECT_NAME) -> "kubernetes.meta.v1.ObjectMetaArgsDict":
        return object_metadata(OBJECT_NAME, self._part.namespace, object_name)

    def _make_master_key(self) -> pulumi.Output[str]:
        """The key of the generation that is asked for.

        The first one stays beside it, of no use: where it is protected, an update that drops it would be refused.
        """
        first, generation = self._make_key("master-key"), self._part.master_key_generation
        if generation == 1:
            return first
        return self._make_key(generation_name("master-key", generation), protectable=False)

    def _make_key(self, suffix: str, *, protectable: bool = True) -> pulumi.Output[str]:
        """A key that is generated once.

        The key in use stays. A new master key would lock every administrator out; a new salt key would make whatever
        LiteLLM encrypted unreadable, so both are protected where the database is, or outlives the stack. A master key
        that was drawn anew is not: it makes way for the next.
        """
        database = self._part.database
        outlives = protectable and (not isinstance(database, InClusterDatabasePart) or database.protected)
        password = stable_password(f"{self._name}-{suffix}", KEY_LENGTH, self, protected=outlives)
        return pulumi.Output.secret(pulumi.Output.concat(KEY_PREFIX, password))

    def _make_cache_salt_key(self) -> pulumi.Output[str]:
        """What tenants' cache salts are made from: 256 bits and more, drawn anew with each generation and only then.

        It is not LiteLLM's salt key, which must never change. This one may: whatever caches hold is computed again.
        It is there before it is needed and stays afterwards, so that no change of what caches share costs a secret.
        """
        password = random.RandomPassword(
            f"{self._name}-cache-salt-key",
            length=KEY_LENGTH,
            special=False,
            keepers={"generation": str(self._part.cache_salt_generation)},
            opts=pulumi.ResourceOptions(
                parent=self, ignore_changes=[name for name in PASSWORD_INPUTS if name != "keepers"]
            ),
        )
        return pulumi.Output.secret(password.result)

    def _secret_values(self) -> dict[str, pulumi.Output[str]]:
        values = {
            MASTER_KEY: self.master_key,
            SALT_KEY: self._salt_key,
            DATABASE_URL_KEY: pulumi.Output.secret(self._args.database.url),
        }
        if self._part.isolates_caches:
            values[CACHE_SALT_KEY] = self._cache_salt_key
        cache = self._args.cache
        if cache is not None:
            values[CACHE_URL_KEY] = pulumi.Output.secret(cache.url)
            if cache.certificate_authority is not None:
                values[CERTIFICATE_AUTHORITY_KEY] = cache.certificate_authority
        return dict(sorted(values.items()))

    def _make_secret(self) -> "kubernetes.core.v1.Secret":
        return kubernetes.core.v1.Secret(
            f"{self._name}-secret",
            metadata=self._metadata(GATEWAY_SECRET),
            string_data=self._secret_values(),
            opts=self._child(),
        )

    def _engine_keys(self) -> dict[str, pulumi.Output[str]]:
        given = self._args.engine_api_keys
        return {model.engine: pulumi.Output.secret(given[model.engine]) for model in self._part.models}

    def _make_engine_secrets(self) -> "list[kubernetes.core.v1.Secret]":
        return [
            kubernetes.core.v1.Secret(
                f"{self._name}-engine-{engine}",
                metadata=self._metadata(engine_secret_name(engine)),
                string_data={ENGINE_KEY: key},
                # A replica that starts for another reason must not show a key that the engines do not take yet.
                opts=pulumi.ResourceOptions(parent=self, depends_on=list(self._args.engines)),
            )
            for engine, key in self._engine_keys().items()
        ]

    def _make_client_certificate(self) -> Certificate | None:
        """What engines know the gateway by; there before it is needed, as the engines' own are."""
        authority = self._args.authority
        if authority is None:
            return None
        return authority.issue(f"{self._name}-client", GATEWAY_COMMON_NAME, Usage.CLIENT, self)

    def _make_link(self) -> LinkNames | None:
        """What the way by mutual TLS reads, where requests go by it."""
        if not self._part.encrypts or self._client is None:
            return None
        configuration = self._make_map(
            "engine-link-configuration", "engine-link", {LINK_CONFIGURATION_KEY: link_configuration(self._part)}
        )
        secret = kubernetes.core.v1.Secret(
            f"{self._name}-client-secret",
            metadata=self._metadata(f"{OBJECT_NAME}-client"),
            type="kubernetes.io/tls",
            string_data=self._client.secret_data(),
            opts=self._child(),
        )
        return LinkNames(configuration.metadata.name, secret.metadata.name)

    def _make_configuration(self) -> "kubernetes.core.v1.ConfigMap":
        return self._make_map(
            "configuration",
            CONFIGURATION_MAP,
            {CONFIGURATION_KEY: configuration(self._part), DOMAINS_KEY: cache_domains(self._part)},
        )

    def _make_edge_configuration(self) -> "kubernetes.core.v1.ConfigMap":
        return self._make_map("edge-configuration", "edge", {EDGE_CONFIGURATION_KEY: edge_configuration(self._part)})

    def _make_map(self, suffix: str, infix: str, data: Mapping[str, str]) -> "kubernetes.core.v1.ConfigMap":
        """A map named by its content.

        A change makes another map, which rolls the replicas, and the old one stays as long as a replica reads it.
        """
        return kubernetes.core.v1.ConfigMap(
            f"{self._name}-{suffix}",
            metadata=self._metadata(map_name(infix, data)),
            data=data,
            opts=self._child(),
        )

    def _make_service(self) -> "kubernetes.core.v1.Service":
        return self._make_service_at("service", OBJECT_NAME, ("http", self._part.port))

    def _make_admin_service(self) -> "kubernetes.core.v1.Service":
        return self._make_service_at("admin-service", ADMIN_OBJECT_NAME, ("admin", self._part.admin_port))

    def _make_service_at(self, suffix: str, object_name: str, port: tuple[str, int]) -> "kubernetes.core.v1.Service":
        # The Deployment is waited for, and its replicas wait for the database and the schema; the provider would wait
        # here for ten minutes at most.
        metadata = self._metadata(object_name)
        metadata["annotations"] = dict(NOT_AWAITED)
        return kubernetes.core.v1.Service(
            f"{self._name}-{suffix}",
            metadata=metadata,
            spec=service_spec(OBJECT_NAME, *port),
            opts=self._child(),
        )

    def _make_network_policy(self) -> "kubernetes.networking.v1.NetworkPolicy":
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-network-policy",
            metadata=self._metadata(f"{OBJECT_NAME}-ports"),
            spec=network_policy(self._part),
            opts=self._child(),
        )

    def _make_exposure(self) -> None:
        """The objects of the Gateway API, where the gateway is reached from outside the cluster."""
        for suffix, manifest in exposure_objects(self._part).items():
            CustomObject(f"{self._name}-{suffix}", manifest, self._child())

    def _make_disruption_budget(self) -> None:
        """One replica at a time may be drained away; the only one may go, too, or its node could never be drained."""
        kubernetes.policy.v1.PodDisruptionBudget(
            f"{self._name}-disruption-budget",
            metadata=self._metadata(),
            spec={
                "max_unavailable": 1,
                "selector": {"match_labels": selector(OBJECT_NAME)},
                "unhealthy_pod_eviction_policy": "AlwaysAllow",
            },
            opts=self._child(),
        )

    def _make_deployment(
        self,
        secret: "kubernetes.core.v1.Secret",
        maps: MapNames,
        link: LinkNames | None,
        waits_for: list[pulumi.Resource],
    ) -> "kubernetes.apps.v1.Deployment":
        part = self._part
        cache = self._args.cache
        has_authority = cache is not None and cache.certificate_authority is not None
        timeout = f"{PROGRESS_SECONDS * part.replicas}s"
        return kubernetes.apps.v1.Deployment(
            f"{self._name}-deployment",
            metadata=self._metadata(),
            spec={
                "replicas": part.replicas,
                "min_ready_seconds": 5,
                "progress_deadline_seconds": PROGRESS_SECONDS,
                "revision_history_limit": 3,
                "selector": {"match_labels": selector(OBJECT_NAME)},
                "strategy": {"type": "RollingUpdate", "rolling_update": {"max_surge": 1, "max_unavailable": 0}},
                "template": {
                    "metadata": {
                        "labels": pod_labels(part),
                        "annotations": {SECRETS_ANNOTATION: self._secrets_fingerprint()},
                    },
                    "spec": pod_spec(part, secret.metadata.name, maps, has_authority, link),
                },
            },
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=waits_for,
                custom_timeouts=pulumi.CustomTimeouts(create=timeout, update=timeout),
            ),
        )

    def _database_fingerprint(self) -> pulumi.Output[str]:
        values = pulumi.Output.all(self._salt_key, self._args.database.url)
        return pulumi.Output.unsecret(values.apply(lambda known: secret_fingerprint(*known)))

    def _secrets_fingerprint(self) -> pulumi.Output[str]:
        """Changes with any secret, since a replica reads them only when it starts."""

        def digest(values: Mapping[str, Any]) -> str:
            return secret_fingerprint(values[SALT_KEY], *(f"{key}={values[key]}" for key in sorted(values)))

        engine_keys = {f"engine-{engine}": key for engine, key in self._engine_keys().items()}
        client = {"engine-client": self._client.certificate} if self._client and self._part.encrypts else {}
        values = pulumi.Output.all(**self._secret_values(), **engine_keys, **client)
        return pulumi.Output.unsecret(values.apply(digest))


def _validate(args: GatewayArgs) -> None:
    require_version("The gateway", args.part.image, args.part.version_floor)
    require_version("The gateway's edge", args.part.edge_image, args.part.edge_version_floor)
    without_key = [model.engine for model in args.part.models if model.engine not in args.engine_api_keys]
    if without_key:
        raise ValueError(f"The gateway has no key for the engines of {', '.join(without_key)}; pass one for each.")
    if (args.part.cache is None) != (args.cache is None):
        raise ValueError("The gateway's part and its arguments disagree about a cache; give both or neither.")
    if args.part.encrypts and args.authority is None:
        raise ValueError("The gateway is to encrypt, and nothing signs its certificate; pass an authority.")
    if args.part.replicas > 1 and args.cache is None:
        raise ValueError("More than one gateway replica needs a cache, or each would count limits for itself.")
