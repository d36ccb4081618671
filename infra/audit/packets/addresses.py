"""Where destinations really are, asked of a running cluster."""

import base64
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from infra.audit.cluster import Cluster, Kind
from infra.audit.leftovers import AUDIT_LABEL
from infra.audit.packets.matrix import Target
from infra.audit.packets.places import FORBIDDEN, METADATA_ADDRESS, Destination, Ground
from infra.blueprint import names
from infra.blueprint.model import Blueprint

PODS = Kind("v1", "pods", namespaced=True)
SECRETS = Kind("v1", "secrets", namespaced=True)

Hosts = Mapping[str, tuple[str, int]]
"""Name of a destination → its address and port; one that is nowhere is left out."""

Servers = Mapping[str, tuple[str, bool]]
"""Name of a position → its server's address, and whether it answers itself; an empty address where none stands."""


def hosts_of(cluster: Cluster, blueprint: Blueprint, ground: Ground, servers: Servers) -> Hosts:
    """The address of every destination: of a ready pod where there are several."""
    asked = _Addresses(cluster, blueprint)
    found = {
        one.name: (servers[ground.place_of(one).name][0], one.port) if one.probe else asked.of(one)
        for one in ground.destinations
    }
    return {name: address for name, address in found.items() if address[0]}


class _Addresses:
    def __init__(self, cluster: Cluster, blueprint: Blueprint) -> None:
        self._cluster = cluster
        self._gateway = blueprint.gateway.namespace

    def of(self, destination: Destination) -> tuple[str, int]:
        if destination.target is Target.API_SERVER and destination.name != FORBIDDEN:
            return self._api_server()
        return self._host(destination), destination.port

    def _host(self, destination: Destination) -> str:
        if destination.store is not None:
            return self._host_in_secret(destination.store.key)
        match destination.target:
            case Target.DNS:
                return self._service("kube-system", "kube-dns")
            case Target.API_SERVER:
                return self._service("default", "kubernetes")
            case Target.METADATA:
                return METADATA_ADDRESS
            case Target.KUBELET:
                return self._ready_pod(self._gateway, names.workload_labels("gateway")).get("hostIP", "")
            case _:
                return self._ready_pod(destination.namespace or "", destination.labels or {}).get("podIP", "")

    def _host_in_secret(self, key: str) -> str:
        """Whom a URL of the gateway's names, or their address; nothing else of it is kept, nor said if it is none."""
        path = SECRETS.path(self._gateway, names.GATEWAY_SECRET)
        kept = cast("dict[str, str]", self._cluster.call("GET", path).document.get("data") or {})
        try:
            return urlsplit(base64.b64decode(kept.get(key, "")).decode()).hostname or ""
        except ValueError:
            # The error would quote it, with its password.
            return ""

    def _service(self, namespace: str, name: str) -> str:
        answer = self._cluster.call("GET", f"/api/v1/namespaces/{namespace}/services/{name}")
        return str(answer.document.get("spec", {}).get("clusterIP", ""))

    def _api_server(self) -> tuple[str, int]:
        """Where the API server listens, behind its Service."""
        path = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes"
        slices = self._cluster.call("GET", path).document
        endpoints = cast("list[dict[str, Any]]", slices.get("endpoints") or [])
        return (str(endpoints[0]["addresses"][0]), int(slices["ports"][0]["port"])) if endpoints else ("", 0)

    def _ready_pod(self, namespace: str, labels: Mapping[str, str]) -> dict[str, str]:
        """The status of a ready pod that stays and is no probe's; empty where there is none."""
        selector = ",".join([*(f"{key}={value}" for key, value in labels.items()), f"!{AUDIT_LABEL}"])
        answer = self._cluster.call("GET", PODS.path(namespace), query={"labelSelector": selector})
        pods = cast("list[dict[str, Any]]", answer.document.get("items") or [])
        ready = [pod for pod in pods if _is_ready(pod) and not pod["metadata"].get("deletionTimestamp")]
        return cast("dict[str, str]", ready[0]["status"]) if ready else {}


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = cast("list[dict[str, str]]", pod["status"].get("conditions") or [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
