"""One model's endpoint picker, or one tenant's of a model."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components.endpoint_picker.configuration import picker_file
from components.endpoint_picker.objects import INFERENCE_GROUP, picking_objects
from components.endpoint_picker.pod import CONFIGURATION_KEY, pod_spec
from components.shared import CustomObject, labels, selector
from components.shared.fingerprint import fingerprint
from components.shared.metadata import NOT_AWAITED
from infra.blueprint.model import EndpointPickerPart, EnginePart
from infra.blueprint.names import DATA_PLANE_PORT, GATEWAY_NAME_LABEL, PICKER_PORT

WORKLOAD = "endpoint-picker"
REVISION_HISTORY = 3
PROGRESS_SECONDS = 300


@dataclass(frozen=True)
class EndpointPickerArgs:
    """What a picker is made for.

    Attributes:
        engine: The engines that it picks from; they have a `picker`.
    """

    engine: EnginePart


class EndpointPicker(pulumi.ComponentResource):
    """An InferencePool over a model's engines, llm-d's picker for it, and a Gateway that asks the picker.

    One pod picks: a second would only stand by, and would never be ready until the first is gone.
    """

    def __init__(self, name: str, args: EndpointPickerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the pool, its picker and its data plane.

        Raises:
            ValueError: The engines have no picker.
        """
        if args.engine.picker is None:
            raise ValueError(f"the engines of {args.engine.name!r} are reached through their Service")
        super().__init__("bulkhead:endpoint_picker:EndpointPicker", name, None, opts)
        self._name = name
        self._engine = args.engine
        self._picker: EndpointPickerPart = args.engine.picker
        objects = [
            CustomObject(f"{name}-{suffix}", manifest, self._child())
            for suffix, manifest in picking_objects(args.engine, args.engine.picker).items()
        ]
        self._make_picker_service()
        self._make_data_plane_service(objects)
        self._make_deployment(self._make_account(), self._make_configuration(), objects)
        self.register_outputs({})

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    def _metadata(self, name: str) -> "kubernetes.meta.v1.ObjectMetaArgsDict":
        engine = self._engine
        return {
            "name": name,
            "namespace": engine.namespace,
            "labels": labels(WORKLOAD, engine.name, engine.tenant),
        }

    def _selector(self) -> dict[str, str]:
        return selector(WORKLOAD, self._engine.name)

    def _make_picker_service(self) -> None:
        """For the data plane to ask the picker."""
        metadata = self._metadata(self._engine.picker_name)
        # Its pods are waited for with their Deployment.
        metadata["annotations"] = dict(NOT_AWAITED)
        kubernetes.core.v1.Service(
            f"{self._name}-service",
            metadata=metadata,
            spec={
                "type": "ClusterIP",
                "selector": self._selector(),
                "ports": [
                    {
                        "name": "grpc-ext-proc",
                        "port": PICKER_PORT,
                        "target_port": "grpc",
                        "app_protocol": "kubernetes.io/h2c",
                    }
                ],
            },
            opts=self._child(),
        )

    def _make_data_plane_service(self, objects: list[CustomObject]) -> None:
        """For the gateway to reach the data plane, whose pods a controller makes for the Gateway.

        The provider waits until one of them is ready, and the platform's gateway waits for this: without it an update
        could send requests where nothing answers yet, or end well where no controller is.
        """
        kubernetes.core.v1.Service(
            f"{self._name}-data-plane-service",
            metadata=self._metadata(self._engine.data_plane_name),
            spec={
                "type": "ClusterIP",
                "selector": {GATEWAY_NAME_LABEL: self._engine.data_plane_name},
                "ports": [{"name": "http", "port": DATA_PLANE_PORT, "target_port": DATA_PLANE_PORT}],
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=objects),
        )

    def _make_account(self) -> "kubernetes.core.v1.ServiceAccount":
        """Reads pods, the pool and what llm-d says of requests, in its own namespace, and writes nothing."""
        metadata = self._metadata(self._engine.picker_name)
        account = kubernetes.core.v1.ServiceAccount(
            f"{self._name}-account", metadata=metadata, automount_service_account_token=False, opts=self._child()
        )
        verbs = ["get", "list", "watch"]
        beside = ["inferenceobjectives", "inferencemodelrewrites"]
        role = kubernetes.rbac.v1.Role(
            f"{self._name}-role",
            metadata=metadata,
            rules=[
                {"api_groups": [""], "resources": ["pods"], "verbs": verbs},
                {"api_groups": [INFERENCE_GROUP], "resources": ["inferencepools"], "verbs": verbs},
                {"api_groups": ["inference.networking.x-k8s.io", "llm-d.ai"], "resources": beside, "verbs": verbs},
            ],
            opts=self._child(),
        )
        kubernetes.rbac.v1.RoleBinding(
            f"{self._name}-role-binding",
            metadata=metadata,
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "Role", "name": role.metadata.name},
            subjects=[{"kind": "ServiceAccount", "name": account.metadata.name, "namespace": self._engine.namespace}],
            opts=self._child(),
        )
        return account

    def _make_configuration(self) -> "kubernetes.core.v1.ConfigMap":
        """A map named by its content: the picker reads it once, so that another content has to be another pod."""
        contents = {CONFIGURATION_KEY: picker_file(self._picker)}
        return kubernetes.core.v1.ConfigMap(
            f"{self._name}-configuration",
            metadata=self._metadata(f"{self._engine.picker_name}-{fingerprint(contents)}"),
            data=contents,
            opts=self._child(),
        )

    def _make_deployment(
        self,
        account: "kubernetes.core.v1.ServiceAccount",
        configuration: "kubernetes.core.v1.ConfigMap",
        objects: list[CustomObject],
    ) -> None:
        engine = self._engine
        kubernetes.apps.v1.Deployment(
            f"{self._name}-deployment",
            metadata=self._metadata(engine.picker_name),
            spec={
                "replicas": 1,
                "progress_deadline_seconds": PROGRESS_SECONDS,
                "revision_history_limit": REVISION_HISTORY,
                "selector": {"match_labels": self._selector()},
                # Where requests are refused without a picker, there has to be one at every moment.
                "strategy": {"type": "RollingUpdate", "rolling_update": {"max_surge": 1, "max_unavailable": 0}},
                "template": {
                    "metadata": {"labels": labels(WORKLOAD, engine.name, engine.tenant)},
                    "spec": pod_spec(engine, self._picker, configuration.metadata.name, account.metadata.name),
                },
            },
            # It is ready once it has seen its pool.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[configuration, *objects]),
        )
