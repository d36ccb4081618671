"""One model's engines, or one tenant's of a model."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes

from components.certificates import Authority, Certificate, Usage
from components.engine.door import CONFIGURATION_KEY, PORT_NAME, door_configuration, door_name
from components.engine.pod import ACCEPTED_KEYS, API_KEY, HUB_TOKEN, DoorNames, engine_selector, pod_spec
from components.shared import labels
from components.shared.fingerprint import fingerprint, secret_fingerprint
from components.shared.metadata import NOT_AWAITED, SECRETS_ANNOTATION
from components.shared.passwords import generation_name, stable_password
from infra.blueprint.model import EnginePart
from infra.blueprint.versions import require_version

if TYPE_CHECKING:
    from pulumi_kubernetes.apps.v1 import DeploymentStrategyArgsDict
    from pulumi_kubernetes.core.v1 import ServicePortArgsDict

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
PRIORITY_LABEL = "kueue.x-k8s.io/priority-class"
KEY_LENGTH = 48

PROGRESS_MARGIN_SECONDS = 120
"""Scheduling and a pull that finds the image on the node, on top of the time that an engine may take to load."""
DELETE_SECONDS = 600


@dataclass(frozen=True)
class EngineArgs:
    """What an engine is made from.

    Attributes:
        part: The model, its image, options and place.
        hub_token: What the model hub wants to see before it gives the weights out; only for weights from the hub.
        authority: What signs the certificate of its door; required where the part has one.
    """

    part: EnginePart
    hub_token: pulumi.Input[str] | None = None
    authority: Authority | None = None


class Engine(pulumi.ComponentResource):
    """A Deployment of vLLM behind a Service of its own, closed to whoever lacks its key.

    Attributes:
        api_key: The key that the gateway has to send, secret.
        base_url: The OpenAI-compatible endpoint inside the cluster.
        deployment: The engines themselves.
    """

    api_key: pulumi.Output[str]
    base_url: pulumi.Output[str]
    deployment: "kubernetes.apps.v1.Deployment"

    def __init__(self, name: str, args: EngineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the engines.

        Raises:
            ValueError: An image is older than its version floor, or the part has a door and nothing signs for it.
        """
        _validate(args)
        super().__init__("bulkhead:engine:Engine", name, None, opts)
        self._name = name
        self._part = args.part
        # The newest last.
        self._keys = [
            stable_password(generation_name(f"{name}-api-key", generation), KEY_LENGTH, self)
            for generation in args.part.key_generations
        ]
        self.api_key = self._keys[-1]
        secret = self._make_secret(args.hub_token)
        self._certificate = self._make_certificate(args.authority)
        door = self._make_door()
        self._make_service()
        self._make_disruption_budget()
        self.deployment = self._make_deployment(secret, args.hub_token, door)
        self.base_url = pulumi.Output.from_input(args.part.base_url)
        self.register_outputs({"apiKey": self.api_key, "baseUrl": self.base_url})

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    def _metadata(self) -> "kubernetes.meta.v1.ObjectMetaArgsDict":
        return {
            "name": self._part.service_name,
            "namespace": self._part.namespace,
            "labels": labels("engine", self._part.name, self._part.tenant),
        }

    def _make_secret(self, hub_token: pulumi.Input[str] | None) -> "kubernetes.core.v1.Secret":
        # The oldest that is taken: a pod from before the change reads this one alone, and may restart before it goes.
        data: dict[str, pulumi.Input[str]] = {API_KEY: self._keys[0]}
        if len(self._keys) > 1:
            data[ACCEPTED_KEYS] = pulumi.Output.secret(pulumi.Output.all(*self._keys).apply(_accepted_keys))
        if hub_token is not None:
            data[HUB_TOKEN] = pulumi.Output.secret(hub_token)
        return kubernetes.core.v1.Secret(
            f"{self._name}-secret", metadata=self._metadata(), string_data=data, opts=self._child()
        )

    def _make_certificate(self, authority: Authority | None) -> Certificate | None:
        part = self._part
        if part.door is None or authority is None:
            return None
        return authority.issue(door_name(self._name), part.service_name, Usage.SERVER, self, [part.host])

    def _make_door(self) -> DoorNames | None:
        """What the door reads: its configuration under a name of its content, and its certificate."""
        part, certificate = self._part, self._certificate
        if part.door is None or certificate is None:
            return None
        text = door_configuration(part.door.port, part.port)
        map_metadata, secret_metadata = self._metadata(), self._metadata()
        map_metadata["name"] = f"{door_name(part.service_name)}-{fingerprint(text)}"
        secret_metadata["name"] = door_name(part.service_name)
        configuration = kubernetes.core.v1.ConfigMap(
            f"{door_name(self._name)}-configuration",
            metadata=map_metadata,
            data={CONFIGURATION_KEY: text},
            opts=self._child(),
        )
        secret = kubernetes.core.v1.Secret(
            f"{door_name(self._name)}-secret",
            metadata=secret_metadata,
            type="kubernetes.io/tls",
            string_data=certificate.secret_data(),
            opts=self._child(),
        )
        return DoorNames(configuration.metadata.name, secret.metadata.name)

    def _make_service(self) -> "kubernetes.core.v1.Service":
        # The provider would wait for a ready pod here for ten minutes at most, while the Deployment waits for as long
        # as the model needs.
        metadata = self._metadata()
        metadata["annotations"] = dict(NOT_AWAITED)
        return kubernetes.core.v1.Service(
            f"{self._name}-service",
            metadata=metadata,
            spec={
                "type": "ClusterIP",
                "selector": engine_selector(self._part),
                "ports": self._service_ports(),
            },
            opts=self._child(),
        )

    def _service_ports(self) -> "list[ServicePortArgsDict]":
        door = self._part.door
        ports: list[ServicePortArgsDict] = [{"name": "http", "port": self._part.port, "target_port": "http"}]
        if door is not None:
            ports.append({"name": PORT_NAME, "port": door.port, "target_port": PORT_NAME})
        return ports

    def _make_disruption_budget(self) -> "kubernetes.policy.v1.PodDisruptionBudget":
        """One engine at a time may be drained away.

        In terms of what may be missing, not of what must be there: a minimum of one would hold up the drain of a node
        for ever where a model has one engine. One that is not ready protects nobody and may always go.
        """
        return kubernetes.policy.v1.PodDisruptionBudget(
            f"{self._name}-disruption-budget",
            metadata=self._metadata(),
            spec={
                "max_unavailable": 1,
                "selector": {"match_labels": engine_selector(self._part)},
                "unhealthy_pod_eviction_policy": "AlwaysAllow",
            },
            opts=self._child(),
        )

    def _make_deployment(
        self, secret: "kubernetes.core.v1.Secret", hub_token: pulumi.Input[str] | None, door: DoorNames | None
    ) -> "kubernetes.apps.v1.Deployment":
        part = self._part
        queue = _queue_labels(part)
        load = part.load_seconds + PROGRESS_MARGIN_SECONDS
        metadata = self._metadata()
        metadata["labels"] = {**labels("engine", part.name, part.tenant), **queue}
        return kubernetes.apps.v1.Deployment(
            f"{self._name}-deployment",
            metadata=metadata,
            spec={
                "replicas": part.replicas,
                "progress_deadline_seconds": load,
                "revision_history_limit": 3,
                "selector": {"match_labels": engine_selector(part)},
                "strategy": rollout_strategy(part),
                "template": {
                    "metadata": {
                        "labels": {**labels("engine", part.name, part.tenant), **queue},
                        "annotations": {
                            "prometheus.io/path": "/metrics",
                            "prometheus.io/port": str(part.port),
                            "prometheus.io/scrape": "true",
                            SECRETS_ANNOTATION: self._secrets_fingerprint(hub_token),
                        },
                    },
                    "spec": pod_spec(part, secret.metadata.name, hub_token is not None, door),
                },
            },
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[secret],
                custom_timeouts=pulumi.CustomTimeouts(
                    create=f"{load}s", update=f"{load * part.replicas}s", delete=f"{DELETE_SECONDS}s"
                ),
            ),
        )

    def _secrets_fingerprint(self, hub_token: pulumi.Input[str] | None) -> pulumi.Output[str]:
        """Changes with the secrets, since a pod reads them only when it starts."""
        certificate = self._certificate
        shown = "" if certificate is None else certificate.certificate
        values = pulumi.Output.all("" if hub_token is None else hub_token, shown, *reversed(self._keys))

        def digest(secrets: list[str]) -> str:
            token, certificate, newest, *older = secrets
            return secret_fingerprint(newest, newest, token, *older, *([certificate] if certificate else []))

        return pulumi.Output.unsecret(values.apply(digest))


def _validate(args: EngineArgs) -> None:
    part, what = args.part, f"The engine of model {args.part.name!r}"
    require_version(what, part.image, part.version_floor)
    if part.door is not None:
        require_version(f"{what}: its door", part.door.image, part.door.version_floor)
        if args.authority is None:
            raise ValueError(f"{what} has a door by mutual TLS, and nothing signs its certificate; pass an authority.")


def _accepted_keys(keys: list[str]) -> str:
    """A configuration file of vLLM's with every key that it is to take; JSON is YAML."""
    return json.dumps({"api-key": list(reversed(keys))})


def rollout_strategy(part: EnginePart) -> "DeploymentStrategyArgsDict":
    """How new engines take over from old ones.

    Where no devices are kept free for a successor an old engine goes first: a rollout that waits for a GPU that nobody
    has, or for the quota for it, never ends. A model with one engine is then away while the new one loads. On CPUs
    there is room for both.
    """
    if part.surge or part.devices is None:
        return {"type": "RollingUpdate", "rolling_update": {"max_surge": 1, "max_unavailable": 0}}
    return {"type": "RollingUpdate", "rolling_update": {"max_surge": 0, "max_unavailable": 1}}


def _queue_labels(part: EnginePart) -> dict[str, str]:
    """What Kueue reads.

    It looks at the Deployment's labels and sets the pods' from them; both are written here, so that the plan shows
    what will run.
    """
    if part.queue is None:
        return {}
    return {QUEUE_LABEL: part.queue.local_queue, PRIORITY_LABEL: part.queue.priority_class}
