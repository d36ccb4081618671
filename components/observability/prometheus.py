"""Prometheus: what watches the platform, and nothing else of the cluster."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components.observability.alerts import Watched, rules
from components.observability.dashboards import DASHBOARDS, render
from components.observability.pod import CONFIGURATION_KEY, pod_spec
from components.observability.scraping import RULES_KEY, Scraped, Targets, configuration, scraped
from components.shared import labels, object_metadata, selector
from components.shared.fingerprint import fingerprint
from components.shared.metadata import NOT_AWAITED
from components.shared.workloads import service_spec, stateful_set_spec
from infra.blueprint.model import GatewayPart, InClusterDatabasePart, PrometheusPart
from infra.blueprint.names import PROMETHEUS_PORT
from infra.quantities import whole

OBJECT_NAME = "prometheus"
DASHBOARDS_NAME = "dashboards"
DASHBOARD_LABEL = "grafana_dashboard"
"""What Grafana's usual chart looks for in ConfigMaps."""
METRICS_ROLE = "bulkhead-prometheus"


@dataclass(frozen=True)
class PrometheusArgs:
    """What Prometheus is made from.

    Attributes:
        part: The image, the volume and how often it looks.
        targets: What it looks at.
    """

    part: PrometheusPart
    targets: Targets


class Prometheus(pulumi.ComponentResource):
    """One Prometheus with a volume, its rules, and dashboards for whoever has a Grafana.

    Its account may read `/metrics` of what asks the API server, as Kueue does, and nothing else. It holds no secret,
    opens no door to write through, and answers the namespaces that are listed, since it asks nobody for a password and
    knows what every tenant spends.
    """

    def __init__(self, name: str, args: PrometheusArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register Prometheus.

        Raises:
            ValueError: The volume is too small.
        """
        super().__init__("bulkhead:observability:Prometheus", name, None, opts)
        self._name = name
        self._part = args.part
        self._targets = args.targets
        account = self._make_account()
        rights = self._make_rights()
        services = [self._make_target_service(target) for target in scraped(args.part, args.targets)]
        configuration_map = self._make_configuration()
        self._make_dashboards()
        self._make_service()
        self._make_reader_policy()
        self._make_stateful_set(configuration_map, [account, *rights, *services])
        self.register_outputs({})

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    def _metadata(
        self, object_name: str = OBJECT_NAME, namespace: str | None = None
    ) -> "kubernetes.meta.v1.ObjectMetaArgsDict":
        return object_metadata(OBJECT_NAME, namespace or self._part.namespace, object_name)

    def _make_account(self) -> "kubernetes.core.v1.ServiceAccount":
        return kubernetes.core.v1.ServiceAccount(
            f"{self._name}-account",
            metadata=self._metadata(),
            automount_service_account_token=False,
            opts=self._child(),
        )

    def _make_rights(self) -> list[pulumi.Resource]:
        """To read `/metrics` of what asks the API server, as Kueue does; nothing else, nowhere."""
        metadata: kubernetes.meta.v1.ObjectMetaArgsDict = {"name": METRICS_ROLE, "labels": labels(OBJECT_NAME)}
        role = kubernetes.rbac.v1.ClusterRole(
            f"{self._name}-cluster-role",
            metadata=metadata,
            rules=[{"non_resource_urls": ["/metrics"], "verbs": ["get"]}],
            opts=self._child(),
        )
        binding = kubernetes.rbac.v1.ClusterRoleBinding(
            f"{self._name}-cluster-role-binding",
            metadata=metadata,
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": METRICS_ROLE},
            subjects=[{"kind": "ServiceAccount", "name": OBJECT_NAME, "namespace": self._part.namespace}],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[role]),
        )
        return [role, binding]

    def _make_target_service(self, target: Scraped) -> "kubernetes.core.v1.Service":
        """A Service without an address of its own: its name has the address of each pod, ready or not."""
        metadata = self._metadata(target.service, target.namespace)
        # It has no endpoint while what it lists does not run, which is when it is needed.
        metadata["annotations"] = dict(NOT_AWAITED)
        return kubernetes.core.v1.Service(
            f"{self._name}-target-{target.namespace}/{target.service}",
            metadata=metadata,
            spec={
                "cluster_ip": "None",
                "publish_not_ready_addresses": True,
                "selector": dict(target.pods),
                "ports": [{"name": "metrics", "port": target.port, "target_port": target.port}],
            },
            opts=self._child(),
        )

    def _make_configuration(self) -> "kubernetes.core.v1.ConfigMap":
        """A map named by its content: another content rolls the pod, which reads it once."""
        targets = self._targets
        watched = Watched(
            models=tuple(engine.name for engine in targets.engines),
            has_cache=self._part.cache_exporter_image is not None,
            has_kyverno=targets.kyverno_namespace is not None,
            database_bytes=_volume_bytes(targets.gateway),
        )
        data = {CONFIGURATION_KEY: configuration(self._part, targets), RULES_KEY: rules(watched)}
        return kubernetes.core.v1.ConfigMap(
            f"{self._name}-configuration",
            metadata=self._metadata(f"{OBJECT_NAME}-config-{fingerprint(data)}"),
            data=data,
            opts=self._child(),
        )

    def _make_dashboards(self) -> None:
        metadata = self._metadata(DASHBOARDS_NAME)
        metadata["labels"] = {**labels(OBJECT_NAME), DASHBOARD_LABEL: "1"}
        kubernetes.core.v1.ConfigMap(
            f"{self._name}-dashboards",
            metadata=metadata,
            data={f"{dashboard.uid}.json": render(dashboard) for dashboard in DASHBOARDS},
            opts=self._child(),
        )

    def _make_service(self) -> None:
        # The StatefulSet is waited for; a Service need not be waited for as well.
        metadata = self._metadata()
        metadata["annotations"] = dict(NOT_AWAITED)
        kubernetes.core.v1.Service(
            f"{self._name}-service",
            metadata=metadata,
            spec=service_spec(OBJECT_NAME, "http", PROMETHEUS_PORT),
            opts=self._child(),
        )

    def _make_reader_policy(self) -> None:
        """Who may query it, in every tier; `kubectl port-forward` comes from the pod's own loopback."""
        ingress: list[kubernetes.networking.v1.NetworkPolicyIngressRuleArgsDict] = []
        if self._part.read_from:
            readers: list[kubernetes.networking.v1.NetworkPolicyPeerArgsDict] = [
                {"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": namespace}}}
                for namespace in self._part.read_from
            ]
            # Without a peer a rule would let everybody in.
            ingress.append({"from_": readers, "ports": [{"port": PROMETHEUS_PORT, "protocol": "TCP"}]})
        kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-reader-policy",
            metadata=self._metadata(f"{OBJECT_NAME}-readers"),
            spec={
                "pod_selector": {"match_labels": selector(OBJECT_NAME)},
                "policy_types": ["Ingress"],
                "ingress": ingress,
            },
            opts=self._child(),
        )

    def _make_stateful_set(
        self, configuration_map: "kubernetes.core.v1.ConfigMap", waits_for: list[pulumi.Resource]
    ) -> None:
        kubernetes.apps.v1.StatefulSet(
            f"{self._name}-stateful-set",
            metadata=self._metadata(),
            spec=stateful_set_spec(
                OBJECT_NAME, pod_spec(self._part, configuration_map.metadata.name, OBJECT_NAME), self._part.storage
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=waits_for),
        )


def _volume_bytes(part: GatewayPart) -> int | None:
    """The size of the database's volume, where the platform has one."""
    return whole(part.database.storage) if isinstance(part.database, InClusterDatabasePart) else None
