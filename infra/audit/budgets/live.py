"""The gateway of a running platform, through ports that the API server forwards. Loads the Kubernetes client."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from components.gateway.edge import LITELLM_PORT
from components.gateway.pod import (
    CONFIGURATION_KEY,
    CONFIGURATION_MAP,
    CONFIGURATION_VOLUME,
    DOMAINS_KEY,
    MASTER_KEY,
    map_name,
)
from components.gateway.pod import OBJECT_NAME as GATEWAY
from infra.audit.budgets.door import Port, Replica, Reply, Request
from infra.audit.errors import impossible
from infra.audit.forwarding import Sent, forwarded, json_object, member, with_key
from infra.blueprint.model import Blueprint
from infra.live.accounts import read_accounts, read_keys
from infra.live.cluster import LiveCluster
from infra.live.gateway import not_deployed
from infra.live.model import Account

if TYPE_CHECKING:
    from kubernetes import client

WITHOUT = "budgets"


class LiveBudgetDoor:
    """The gateway of a stack, as its tenants and whoever administers it reach it."""

    def __init__(self, cluster: LiveCluster, blueprint: Blueprint) -> None:
        self._cluster = cluster
        self._blueprint = blueprint
        self._gateway = blueprint.gateway

    @property
    def master_key(self) -> str:
        """What administers the gateway.

        Raises:
            CommandFailedError: The platform is not deployed, or its Secret cannot be read.
        """
        return self._master_key

    @cached_property
    def _master_key(self) -> str:
        secret = self._cluster.secret(self._gateway.namespace, GATEWAY)
        if secret is None or MASTER_KEY not in secret:
            raise not_deployed(self._gateway.namespace, f"Secret {GATEWAY}")
        return secret[MASTER_KEY]

    @cached_property
    def _keys(self) -> Mapping[str, str]:
        return read_keys(self._cluster, self._gateway.namespace)

    def key_of(self, tenant: str) -> str | None:
        """A tenant's virtual key; None where it has none yet.

        Raises:
            CommandFailedError: The keys cannot be read.
        """
        return self._keys.get(tenant)

    def replicas(self) -> tuple[Replica, ...]:
        """Every replica that serves, at least one.

        Raises:
            CommandFailedError: None does, or they cannot be read.
        """
        pods = self._cluster.ready_pods(self._gateway.namespace, f"app.kubernetes.io/name={GATEWAY}")
        if not pods:
            raise impossible(
                f"no replica of the gateway in {self._gateway.namespace} is ready, so that no budget can be tried",
                "wait until one is, or leave budgets out with --only",
            )
        return tuple(self._replica(pod) for pod in pods)

    def _replica(self, pod: "client.V1Pod") -> Replica:
        volumes = (pod.spec.volumes if pod.spec else None) or []
        maps = {volume.name: str(volume.config_map.name) for volume in volumes if volume.config_map}
        name = maps.get(CONFIGURATION_VOLUME, "")
        data = (self._cluster.config_map(self._gateway.namespace, name) if name else None) or {}
        held = {key: data.get(key, "") for key in (CONFIGURATION_KEY, DOMAINS_KEY)}
        return Replica(
            str(pod.metadata.name if pod.metadata else None),
            held[CONFIGURATION_KEY],
            as_deployed=name == map_name(CONFIGURATION_MAP, held),
        )

    def ask(self, replica: str, key: str | None, request: Request) -> Reply:
        """One request to one replica, with a key or without any.

        Raises:
            CommandFailedError: It cannot be reached.
        """
        ports = {Port.TENANTS: self._gateway.port, Port.ADMINISTRATION: self._gateway.admin_port}
        return self._reply(
            replica, ports[request.port], Sent(request.method, request.path, request.body, with_key(key))
        )

    def administer(self, path: str, body: Mapping[str, Any]) -> Reply:
        """One write with the master key, at LiteLLM itself.

        Raises:
            CommandFailedError: It cannot be reached.
        """
        replica = self.replicas()[0].name
        return self._reply(replica, LITELLM_PORT, Sent("POST", path, body, with_key(self.master_key)))

    def _reply(self, replica: str, port: int, sent: Sent) -> Reply:
        pod = self._gateway.namespace, replica
        return reply(*forwarded(self._cluster, pod, port, sent, WITHOUT))

    def accounts(self) -> tuple[Account, ...]:
        """Every tenant's account as the gateway has it.

        Raises:
            CommandFailedError: The accounts cannot be read.
        """
        return read_accounts(self._cluster, self._blueprint)


def reply(status: int, text: str) -> Reply:
    """What an answer says: of a refusal its code alone, since its words may quote the request."""
    document = json_object(text)
    listed = document.get("data")
    entries = cast("list[object]", listed) if isinstance(listed, list) else []
    models = tuple(str(cast("dict[str, Any]", entry).get("id")) for entry in entries if isinstance(entry, dict))
    return Reply(status, str(member(document, "error").get("code") or ""), models)
